// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// StatisticsView.swift - the allocator's figures, twice a second, and buttons that make some.
import SwiftUI
import ZCMalloc

struct Figures {
    var stats = zc_stats()
    var process = zc_process_memory()

    static func now() -> Figures {
        var figures = Figures()
        zc_stats_get(&figures.stats, MemoryLayout<zc_stats>.size)
        zc_process_memory_get(&figures.process)
        return figures
    }
}

struct StatisticsView: View {
    @State private var figures = Figures.now()
    @State private var held: [[UInt8]] = []
    private let timer = Timer.publish(every: 0.5, on: .main, in: .common).autoconnect()

    var body: some View {
        NavigationView {
            List {
                Section(header: Text("Process")) {
                    row("malloc is", zc_zone_is_default() == 1 ? "zcmalloc" : "the system's")
                    bytes("phys_footprint", figures.process.phys_footprint_bytes)
                    bytes("left below the limit", figures.process.available_bytes)
                }
                Section(header: Text("zcmalloc")) {
                    bytes("small blocks out", figures.stats.small_bytes)
                    bytes("of these in thread caches", figures.stats.thread_cache_bytes)
                    bytes("large blocks", figures.stats.large_bytes)
                    bytes("may be resident", figures.stats.mapped_bytes)
                    bytes("given back", figures.stats.released_bytes)
                    row("threads", "\(figures.stats.thread_count)")
                }
                Section {
                    Button("Allocate 1000 blocks") {
                        for i in 0..<1000 { held.append([UInt8](repeating: 1, count: i * 16)) }
                    }
                    Button("Free all of them") { held.removeAll() }
                    Button("Give memory back") { _ = zc_trim(0) }
                    Button("Uninstall") { _ = zc_zone_uninstall() }
                    Button("Install") { _ = zc_zone_install() }
                }
            }
            .navigationTitle("zcmalloc \(String(cString: zc_version()))")
        }
        .onReceive(timer) { _ in figures = Figures.now() }
    }

    private func row(_ label: String, _ value: String) -> some View {
        HStack { Text(label); Spacer(); Text(value).foregroundColor(.secondary) }
    }

    private func bytes(_ label: String, _ value: UInt64) -> some View {
        row(label, ByteCountFormatter.string(fromByteCount: Int64(value), countStyle: .memory))
    }
}
