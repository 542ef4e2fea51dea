#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# php.sh - PHP, whose extensions are loaded with RTLD_DEEPBIND: with its own heap and with malloc for every value.
. "$(dirname "$0")/lib.sh"
need php

in_use php -r 'exit(0);'
work='$a = []; for ($i = 0; $i < 200000; $i++) $a[] = str_repeat("x", $i % 100);
    $j = json_encode($a); echo strlen($j), " ", md5($j), "\n";
    $b = json_decode($j); usort($b, fn($x, $y) => strlen($y) - strlen($x)); echo strlen($b[0]), "\n";
    echo count(get_loaded_extensions()), "\n";'
compare 'arrays, JSON, sorting' php -d memory_limit=-1 -r "$work"
compare 'the same by malloc' env USE_ZEND_ALLOC=0 php -r "$work"
finish
