import Domain
import TestSupport
import Testing
import WorkerPool

/// Drawings that take for ever although they announce nothing: the deadline ends them, in the real worker.
@Suite("Drawings without end", .serialized)
struct DrawingBombTests {
    private static func svg(_ body: String) -> [UInt8] {
        Array("<svg xmlns='http://www.w3.org/2000/svg' width='999' height='999'>\(body)</svg>".utf8)
    }

    /// A billion shapes: each group uses the one before it ten times.
    private static var uses: [UInt8] {
        let groups = (1..<10).map { index in
            "<g id='u\(index)'>" + String(repeating: "<use href='#u\(index - 1)'/>", count: 10) + "</g>"
        }
        return svg("<g id='u0'><circle r='400'/></g>" + groups.joined())
    }

    /// Each pixel looks at a million others, a hundred times over.
    private static var filters: [UInt8] {
        let filter = String(repeating: "<feMorphology operator='dilate' radius='500'/>", count: 100)
        return svg("<filter id='f'>\(filter)</filter><rect width='999' height='999' filter='url(#f)'/>")
    }

    @Test(
        "A drawing that takes too long is unscannable, and the next scan finds a new worker",
        arguments: ["uses", "filters"])
    func deadline(_ name: String) async throws {
        let fixture = try PoolFixture.real(workers: 1) {
            $0.deadlineMilliseconds = 1500
            $0.queueWaitMilliseconds = 60_000
        }
        let path = try fixture.directory.write(name == "uses" ? Self.uses : Self.filters, to: "bomb.svg")
        let outcome = try await fixture.scan(path: path, .svg)
        #expect(
            outcome == .gaveUp(.deadline, "the image took more than 1500 ms to check, twice"),
            "\(outcome)\n\(fixture.log)")
        try await fixture.wait { $0.restarts == 2 && $0.live == 1 }
        #expect(fixture.restarts("deadline") == 2)
        #expect(fixture.restarts("crash") == 0)
        await fixture.pool.shutDown()
    }
}
