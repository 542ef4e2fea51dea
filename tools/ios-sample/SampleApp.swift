// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// SampleApp.swift - installs the zone before anything else of the app, gives memory back in the background.
import SwiftUI
import UIKit
import ZCMalloc

final class AppDelegate: NSObject, UIApplicationDelegate {
    func applicationDidEnterBackground(_ application: UIApplication) {
        _ = zc_enter_background()
    }
}

@main
struct Launcher {
    static func main() {
        // Already done if the promoting object is linked in; harmless then.
        if zc_zone_install() != 0 {
            print("zcmalloc: not installed, errno \(errno)")
        }
        _ = zc_pressure_watch()
        SampleApp.main()
    }
}

struct SampleApp: App {
    @UIApplicationDelegateAdaptor(AppDelegate.self) private var delegate

    var body: some Scene {
        WindowGroup { StatisticsView() }
    }
}
