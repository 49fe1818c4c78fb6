import Domain
import SystemCalls
import Testing

@testable import WorkerPool

@Suite("Parts of the pool")
struct PoolPartsTests {
    private static let a = OrganizationID(rawValue: "org_a")
    private static let b = OrganizationID(rawValue: "org_b")
    private static let c = OrganizationID(rawValue: "org_c")

    @Test("Organizations take turns, uploads before backlog")
    func turns() {
        var queue = FairQueue<String>()
        queue.append("debt", for: Self.c, .backlog)
        for index in 1...3 { queue.append("a\(index)", for: Self.a, .upload) }
        queue.append("b1", for: Self.b, .upload)
        #expect(queue.count == 5)
        #expect(drain(&queue) == ["a1", "b1", "a2", "a3", "debt"])
        #expect(queue.isEmpty)
    }

    @Test("What had its turn already goes first")
    func retries() {
        var queue = FairQueue<String>()
        queue.append("a1", for: Self.a, .upload)
        queue.append("b1", for: Self.b, .upload)
        queue.prepend("b0", for: Self.b, .upload)
        #expect(drain(&queue) == ["b0", "a1", "b1"])
    }

    @Test("In a full queue the backlog gives up its places first, newest first")
    func eviction() {
        var queue = FairQueue<String>()
        queue.append("a1", for: Self.a, .upload)
        queue.append("c1", for: Self.c, .backlog)
        queue.append("c2", for: Self.c, .backlog)
        #expect(queue.makeRoom(for: Self.a) == "c2")
        #expect(queue.makeRoom(for: Self.a) == "c1")
        #expect(queue.makeRoom(for: Self.a) == nil)
        #expect(queue.count == 1)
    }

    // A queue that only counted would refuse whoever comes next, so one tenant's flood would make the classifier
    // unavailable for all others: their fail-open uploads would pass unscanned.
    @Test("An organization that fills the queue makes room for others, not for itself")
    func flood() {
        var queue = FairQueue<String>()
        for index in 1...4 { queue.append("a\(index)", for: Self.a, .upload) }
        #expect(queue.makeRoom(for: Self.a) == nil)
        #expect(queue.makeRoom(for: Self.b) == "a4")
        queue.append("b1", for: Self.b, .upload)
        #expect(queue.makeRoom(for: Self.b) == "a3")
        queue.append("b2", for: Self.b, .upload)
        // Two against two: nobody has more than the newcomer would.
        #expect(queue.makeRoom(for: Self.b) == nil)
        #expect(queue.makeRoom(for: Self.c) != nil)
        #expect(queue.count == 3)
    }

    @Test("The backlog gets one turn in sixteen, however many uploads wait")
    func backlogsTurn() {
        var queue = FairQueue<String>()
        for index in 0..<40 { queue.append("a\(index)", for: Self.a, .upload) }
        queue.append("debt1", for: Self.c, .backlog)
        queue.append("debt2", for: Self.c, .backlog)
        let order = drain(&queue)
        #expect(order.firstIndex(of: "debt1") == 16)
        #expect(order.firstIndex(of: "debt2") == 33)
    }

    @Test("What is removed from the middle leaves the turns of the others alone")
    func removal() {
        var queue = FairQueue<String>()
        for name in ["a1", "a2"] { queue.append(name, for: Self.a, .upload) }
        for name in ["b1", "b2"] { queue.append(name, for: Self.b, .upload) }
        queue.append("c1", for: Self.c, .upload)
        #expect(queue.removeAll { $0 == "b1" || $0 == "c1" } == ["b1", "c1"])
        #expect(queue.count == 3)
        #expect(drain(&queue) == ["a1", "b2", "a2"])
    }

    @Test("The first death is forgiven, further ones wait twice as long each, up to five seconds")
    func backoff() {
        var backoff = RestartBackoff()
        #expect((0..<9).map { _ in backoff.died() } == [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])
        backoff.succeeded()
        #expect(backoff.died() == 0)
    }

    @Test("A worker's output is cut into lines, and there is an end to it")
    func lines() {
        var splitter = LineSplitter()
        #expect(splitter.append(Array("one\ntw".utf8)) == ["one"])
        #expect(splitter.append(Array("o\n\n".utf8)) == ["two"])
        #expect(splitter.append([0xff, 0x0a]) == ["\u{fffd}"])
        let long = splitter.append([UInt8](repeating: 0x78, count: 2500))
        #expect(long?.map(\.utf8.count) == [1024, 1024])
        #expect(splitter.finish()?.utf8.count == 2500 - 2048)
        #expect(splitter.append([UInt8](repeating: 0x0a, count: LineSplitter.maximumBytes)) == nil)
        splitter.allowMore()
        #expect(splitter.append(Array("again\n".utf8)) == ["again"])
    }

    @Test("Room in the address space is found where it is and not where it is not")
    func room() {
        #expect(AddressSpace.hasRoom(forBytes: 1 << 30))
        #expect(!AddressSpace.hasRoom(forBytes: 1 << 56))
    }

    private func drain(_ queue: inout FairQueue<String>) -> [String] {
        var taken: [String] = []
        while let element = queue.takeNext() { taken.append(element) }
        return taken
    }
}
