import Domain
import Gate
import Testing

@Suite("The line for a scan")
struct ScanBacklogTests {
    private let flood = OrganizationID(rawValue: "org_flood000000")
    private let other = OrganizationID(rawValue: "org_other000000")
    private let third = OrganizationID(rawValue: "org_third000000")
    /// Ten scans a second.
    private let capacity = ScanBacklog.Capacity(workers: 2, meanScanSeconds: 0.2)

    /// As many places as the organization gets, up to `count`, and what refused the next one.
    private func fill(
        _ backlog: ScanBacklog, _ organization: OrganizationID, count: Int = 1_000, isReceiving: Bool = false
    ) -> (places: [ScanBacklog.Place], refusal: Failure?) {
        var places: [ScanBacklog.Place] = []
        while places.count < count {
            do throws(Failure) {
                places.append(try backlog.enter(organization, isReceiving: isReceiving, capacity: capacity))
            } catch {
                return (places, error)
            }
        }
        return (places, nil)
    }

    @Test("An upload whose turn would come too late is refused with the seconds until then, and nobody else's is")
    func fairness() throws {
        let backlog = ScanBacklog(maximumWaitMilliseconds: 3_000)
        let flooded = fill(backlog, flood)
        // Thirty are done within three seconds; the one after them still begins in time.
        #expect(flooded.places.count == 31)
        #expect(flooded.refusal?.code == .overloaded && flooded.refusal?.retryAfterSeconds == 1)
        let first = fill(backlog, other, count: 5)
        #expect(first.places.count == 5, "the flood delays each of the others' by one at most")
        #expect(fill(backlog, flood, count: 1).refusal != nil)
        withExtendedLifetime((flooded.places, first.places)) {}
    }

    @Test("Organizations share what there is in time")
    func shares() {
        let backlog = ScanBacklog(maximumWaitMilliseconds: 3_000)
        let places = [flood, other, third].map { fill(backlog, $0).places }
        // 31 by the first; then (own + min(31, own + 1)) of 30, and with two others before it.
        #expect(places.map(\.count) == [31, 15, 10])
        withExtendedLifetime(places) {}
    }

    @Test("A place is free again when its upload is over, wherever it ended")
    func leaving() {
        let backlog = ScanBacklog(maximumWaitMilliseconds: 3_000)
        for isReceiving in [true, false, true] {
            let found = fill(backlog, flood, isReceiving: isReceiving)
            #expect(found.places.count == 31)
            // Some had their body whole by then; once more changes nothing.
            for place in found.places.prefix(10) {
                place.received()
                place.received()
            }
            withExtendedLifetime(found.places) {}
        }
        #expect(fill(backlog, flood).places.count == 31)
    }

    @Test("More than the queue takes are refused, however fast they are")
    func longLine() throws {
        let backlog = ScanBacklog(maximumWaitMilliseconds: 3_000, maximumLine: 3)
        let capacity = ScanBacklog.Capacity(workers: 1, meanScanSeconds: 0.001)
        let organization = OrganizationID(rawValue: "org_a")
        func enter() throws -> ScanBacklog.Place {
            try backlog.enter(organization, isReceiving: false, capacity: capacity)
        }
        var places = try (0..<3).map { _ in try enter() }
        #expect(throws: Failure.self) { try enter() }
        places.removeLast()
        places.append(try enter())
        #expect(places.count == 3)
    }
}
