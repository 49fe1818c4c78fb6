import Domain
import Glibc
import HTTP
import Synchronization

/// Counts what it gets, and does what a test wants at each slice.
final class CountingSink: BodySink {
    private struct State {
        var bytes = 0
        var slices = 0
        var largestSlice = 0
        var checksum: UInt64 = 0
    }
    private let state = Mutex(State())
    private let decide: @Sendable (_ bytesSoFar: Int) -> Result<BodyDemand, Failure>

    init(_ decide: @escaping @Sendable (Int) -> Result<BodyDemand, Failure> = { _ in .success(.more) }) {
        self.decide = decide
    }

    var bytes: Int { state.withLock { $0.bytes } }
    var slices: Int { state.withLock { $0.slices } }
    var largestSlice: Int { state.withLock { $0.largestSlice } }
    /// Depends on every byte and its place.
    var checksum: UInt64 { state.withLock { $0.checksum } }

    func receive(_ bytes: RawSpan) throws(Failure) -> BodyDemand {
        let total = state.withLock { state in
            for index in 0..<bytes.byteCount {
                let byte = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
                state.checksum = state.checksum &* 31 &+ UInt64(byte)
            }
            state.bytes += bytes.byteCount
            state.slices += 1
            state.largestSlice = max(state.largestSlice, bytes.byteCount)
            return state.bytes
        }
        return try decide(total).get()
    }

    static func checksum(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 &* 31 &+ UInt64($1) } }
}

extension Request {
    /// Reads the whole body, through any pauses; how many there were.
    func drain(into sink: any BodySink) async throws(Failure) -> Int {
        var pauses = 0
        while try await body.read(into: sink) == .paused { pauses += 1 }
        return pauses
    }
}
