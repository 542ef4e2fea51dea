// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// SampleApp.swift - installs the zone before anything else of the app, gives memory back in the background.
import SwiftUI
import UIKit
import ZCMalloc

@main
struct Launcher {
    static func main() {
        // Already done if the promoting object is linked in; harmless then.
        if zc_zone_install() != 0 {
            print("zcmalloc: not installed, errno \(errno)")
        }
        _ = zc_pressure_watch()
        // The delegate's applicationDidEnterBackground is not called where an app has scenes, as all of SwiftUI's have.
        _ = NotificationCenter.default.addObserver(
            forName: UIApplication.didEnterBackgroundNotification, object: nil, queue: nil
        ) { _ in _ = zc_enter_background() }
        SampleApp.main()
    }
}

struct SampleApp: App {
    var body: some Scene {
        WindowGroup { StatisticsView() }
    }
}
