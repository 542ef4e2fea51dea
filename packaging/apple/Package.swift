// swift-tools-version:5.5
// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// For a folder that has zcmalloc.xcframework beside this file (tools/xcframework.sh). A package may not
// give linker flags to the app that uses it, so the app calls zc_zone_install() first of all, or names
// _zci_darwin_promotes in its own "Other Linker Flags": see docs/darwin.md.
import PackageDescription

let package = Package(
    name: "zcmalloc",
    platforms: [.iOS("13.4"), .macOS(.v11)],
    products: [.library(name: "ZCMalloc", targets: ["ZCMalloc"])],
    targets: [.binaryTarget(name: "ZCMalloc", path: "zcmalloc.xcframework")]
)
