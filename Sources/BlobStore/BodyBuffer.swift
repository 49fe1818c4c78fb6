internal import Synchronization

/// Page-aligned memory for a body, or for a part of one: the disk can read it from where it is. It has one owner at a time,
/// the pool or a spool file, which uses it under its lock.
@safe final class BodyBuffer: @unchecked Sendable {
    /// What is written at a time.
    static let blockBytes = 1 << 20
    /// A block, and what may come with it: a further slice of the body, or the frame of the form around it.
    static let capacity = blockBytes + 65_536

    // This object's alone, deallocated once in deinit.
    private let memory: UnsafeMutableRawPointer
    private(set) var count = 0

    init() { unsafe memory = .allocate(byteCount: Self.capacity, alignment: 4_096) }

    deinit { unsafe memory.deallocate() }

    var room: Int { Self.capacity - count }

    func append(_ bytes: RawSpan) {
        precondition(bytes.byteCount <= room, "more than a buffer takes")
        unsafe bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe (memory + count).copyMemory(from: base, byteCount: bytes.count)
        }
        count += bytes.byteCount
    }

    func removeFirst(_ removed: Int) {
        precondition((0...count).contains(removed), "more than there is")
        unsafe memory.copyMemory(from: memory + removed, byteCount: count - removed)
        count -= removed
    }

    /// The first `limit` bytes, or all.
    func withBytes<Result: ~Copyable, Problem: Error>(
        _ limit: Int = .max, _ body: (RawSpan) throws(Problem) -> Result
    ) throws(Problem) -> Result {
        try body(unsafe UnsafeRawBufferPointer(start: memory, count: min(limit, count)).bytes)
    }
}

/// As many buffers as may be in use at the same time, made when they are first needed and then kept.
final class BufferPool: Sendable {
    private struct State {
        var free: [BodyBuffer] = []
        var unmade: Int
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(unmade: count)) }

    /// nil where all are in use.
    func take() -> BodyBuffer? {
        state.withLock { state in
            // The last that was used, so that few of them ever touch all of their memory.
            if let buffer = state.free.popLast() { return buffer }
            guard state.unmade > 0 else { return nil }
            state.unmade -= 1
            return BodyBuffer()
        }
    }

    func giveBack(_ buffer: BodyBuffer) {
        buffer.removeFirst(buffer.count)
        state.withLock { $0.free.append(buffer) }
    }

    var availableCount: Int { state.withLock { $0.free.count + $0.unmade } }
}
