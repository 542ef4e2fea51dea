#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# size_classes.sh ROOT PYTHON - src/base/size_class.def is what its generator writes.
set -u
"$2" "$1/tools/gen_size_classes.py" | diff "$1/src/base/size_class.def" - ||
    { echo "run tools/gen_size_classes.py > src/base/size_class.def"; exit 1; }
