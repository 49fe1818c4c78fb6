import Domain
import Foundation
import TestSupport
import Testing
import WorkerPool
import WorkerProtocol

/// Pictures of 200 megapixels pass through a worker row by row.
@Suite("Photographs of 200 megapixels", .serialized)
struct LargePictureTests {
    /// The greatest memory that a process ever had, in bytes: its own and what it mapped of files.
    private func peak(_ process: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }) << 10
    }

    @Test("A JPEG and a PNG of 200 megapixels are scored, in hardly more memory than the mapped file takes")
    func scored() async throws {
        // Unoptimized and on a busy machine; the service's deadline is for what docs/operations.md says.
        let fixture = try PoolFixture.real(workers: 1) {
            $0.deadlineMilliseconds = 300_000
            $0.queueWaitMilliseconds = 300_000
        }
        try await fixture.waitUntilReady()
        let process = try #require(fixture.pool.status.processes.first)
        let jpeg = try fixture.directory.write(LargePicture.jpeg(columns: 26, rows: 765), to: "large.jpg")
        let png = fixture.directory.path("large.png")
        try LargePicture.writePNG(width: 16_320, height: 12_240, to: png)
        for (path, type) in [(jpeg, MediaType.jpeg), (png, .png)] {
            let before = try peak(process)
            let size = try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
            #expect(size > 10_000_000)
            let outcome = try await fixture.scan(path: path, type)
            guard case .scored(let score, let milliseconds) = outcome else {
                Issue.record("\(type): \(outcome)\n\(fixture.log)")
                continue
            }
            #expect(score.framesTotal == 1 && score.framesScanned == 1)
            let growth = try peak(process) - before
            #expect(growth < size + 64 << 20, "\(type): \(growth) bytes more for a file of \(size), \(milliseconds) ms")
        }
        #expect(fixture.pool.status.restarts == 0, "\(fixture.log)")
        await fixture.pool.shutDown()
    }
}
