#!/bin/bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# xcframework.sh BUILDS OUTPUT.xcframework - lays out the static libraries under BUILDS, one folder for each of
# x86_64-macos, arm64-macos, arm64-ios, arm64-ios-simulator and x86_64-ios-simulator, as an XCFramework with
# headers, a module map and the privacy manifest. With Xcode's tools this is what
# `xcodebuild -create-xcframework` does; it needs LLVM's lipo, or Apple's.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
builds=$1 output=$2
lipo=${LIPO:-}
for candidate in lipo llvm-lipo llvm-lipo-19 llvm-lipo-18 llvm-lipo-17 llvm-lipo-16 llvm-lipo-14; do
    [ -z "$lipo" ] && lipo=$(command -v $candidate || true)
done
[ -n "$lipo" ] || { echo 'xcframework: no lipo'; exit 1; }
rm -rf "$output"
mkdir -p "$output"

# slice FOLDER BUILD...: one library of one or two processors; a build that is not there may be part of the first, which
# is a universal one then.
slice() {
    local folder=$output/$1
    local libraries=()
    shift
    for build in "$@"; do
        [ "$build" != "$1" ] && [ ! -d "$builds/$build" ] || libraries+=("$builds/$build/libzcmalloc.a")
    done
    # In a folder of their own: Xcode copies what is in Headers to where those of every other library go, each of which
    # may have a module.modulemap.
    mkdir -p "$folder/Headers/ZCMalloc"
    "$lipo" -create "${libraries[@]}" -output "$folder/libzcmalloc.a"
    cp "$root"/src/include/zcmalloc.h "$root"/src/include/zcmalloc_darwin.h \
        "$root"/src/include/zcmalloc_override.h "$root"/src/include/zcmalloc.hpp \
        "$root"/packaging/apple/module.modulemap "$folder/Headers/ZCMalloc"
    cp "$root/packaging/apple/PrivacyInfo.xcprivacy" "$folder"
}

slice macos-arm64_x86_64 arm64-macos x86_64-macos
slice ios-arm64 arm64-ios
slice ios-arm64_x86_64-simulator arm64-ios-simulator x86_64-ios-simulator

# entry FOLDER PLATFORM VARIANT ARCHITECTURES
entry() {
    printf '\t\t<dict>\n\t\t\t<key>HeadersPath</key>\n\t\t\t<string>Headers</string>\n'
    printf '\t\t\t<key>LibraryIdentifier</key>\n\t\t\t<string>%s</string>\n' "$1"
    printf '\t\t\t<key>LibraryPath</key>\n\t\t\t<string>libzcmalloc.a</string>\n'
    printf '\t\t\t<key>SupportedArchitectures</key>\n\t\t\t<array>\n'
    for architecture in $4; do printf '\t\t\t\t<string>%s</string>\n' "$architecture"; done
    printf '\t\t\t</array>\n\t\t\t<key>SupportedPlatform</key>\n\t\t\t<string>%s</string>\n' "$2"
    [ -z "$3" ] ||
        printf '\t\t\t<key>SupportedPlatformVariant</key>\n\t\t\t<string>%s</string>\n' "$3"
    printf '\t\t</dict>\n'
}

{
    printf '<?xml version="1.0" encoding="UTF-8"?>\n'
    printf '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n'
    printf '<plist version="1.0">\n<dict>\n\t<key>AvailableLibraries</key>\n\t<array>\n'
    entry macos-arm64_x86_64 macos '' 'arm64 x86_64'
    entry ios-arm64 ios '' arm64
    entry ios-arm64_x86_64-simulator ios simulator 'arm64 x86_64'
    printf '\t</array>\n\t<key>CFBundlePackageType</key>\n\t<string>XFWK</string>\n'
    printf '\t<key>XCFrameworkFormatVersion</key>\n\t<string>1.0</string>\n</dict>\n</plist>\n'
} >"$output/Info.plist"

# import HEADERS: by the module's name and by a header's, as Xcode's compiler does it.
import() {
    local cache
    cache=$(mktemp -d)
    printf '@import ZCMalloc;\n#include <ZCMalloc/zcmalloc.h>\n%s\n' \
        'int main(void) { return zc_zone_is_default() + zc_owns(zc_version()); }' |
        clang -x objective-c -fmodules -fmodules-cache-path="$cache" -fsyntax-only -Werror -I "$1" - ||
        { echo "xcframework: $1 cannot be imported"; rm -rf "$cache"; exit 1; }
    rm -rf "$cache"
}

# What was promised: each slice has its processors, its headers and its manifest.
for slice in macos-arm64_x86_64:'arm64 x86_64' ios-arm64:arm64 ios-arm64_x86_64-simulator:'arm64 x86_64'; do
    folder=$output/${slice%%:*}
    for architecture in ${slice#*:}; do
        "$lipo" -info "$folder/libzcmalloc.a" | grep -qw "$architecture" ||
            { echo "xcframework: $folder lacks $architecture"; exit 1; }
    done
    [ -e "$folder/PrivacyInfo.xcprivacy" ] || { echo "xcframework: $folder lacks the manifest"; exit 1; }
    [ "$(ls "$folder/Headers")" = ZCMalloc ] ||
        { echo "xcframework: $folder/Headers has names that other libraries' headers may have"; exit 1; }
    ! command -v clang >/dev/null 2>&1 || import "$folder/Headers"
done
if command -v python3 >/dev/null 2>&1; then
    python3 - "$output" <<'END'
import plistlib, os, sys
root = sys.argv[1]
with open(os.path.join(root, 'Info.plist'), 'rb') as file:
    info = plistlib.load(file)
for library in info['AvailableLibraries']:
    folder = os.path.join(root, library['LibraryIdentifier'])
    assert os.path.exists(os.path.join(folder, library['LibraryPath'])), folder
    with open(os.path.join(folder, 'PrivacyInfo.xcprivacy'), 'rb') as file:
        assert plistlib.load(file)['NSPrivacyTracking'] is False
END
fi
echo "laid out: $output"
