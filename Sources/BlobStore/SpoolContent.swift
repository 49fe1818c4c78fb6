internal import SystemCalls

/// Where the bytes of a body are while it arrives: in memory, in a file, or partly in both.
///
/// - What the database will keep is in `bytes`.
/// - A larger body that fits is in a buffer, as long as there is one, until it has to be stored.
/// - A very large one, and any larger one that will not be scanned, passes through a buffer to its file, block by block past
///   the page cache: the kernel neither copies it nor drops for it what others read.
/// - All others are written to their file as they come.
struct SpoolContent: ~Copyable {
    /// Which bodies are held in memory.
    struct Limits: Sendable {
        /// Any body of at most as many bytes, which the database will keep.
        var bytesInDatabase = 0
        /// For larger ones, as long as one is left.
        var pool = BufferPool(count: 0)
        /// The most bytes that the body can have; nil where that is not known.
        var announcedBytes: Int64?
        /// Whether a worker will read the body as soon as it is whole.
        var isScanned = true

        var goesPastCache: Bool {
            (announcedBytes ?? 0) >= (isScanned ? SpoolContent.leastDirectBytes : Int64(BodyBuffer.capacity) + 1)
        }
        var fitsBuffer: Bool { announcedBytes.map { $0 <= Int64(BodyBuffer.capacity) } ?? false }
    }

    /// Hardly any picture has so many bytes. A scan would have to read them from the disk.
    private static let leastDirectBytes: Int64 = 16 << 20
    private static let writeAheadBytes: Int64 = 8 << 20

    private let limits: Limits
    /// Of the file, be it there or not.
    private(set) var path: String
    private(set) var size: Int64 = 0
    /// Bytes that are neither in the buffer nor in the file.
    private var bytes: [UInt8] = []
    /// The whole body where there is no file, else what is not written of it yet.
    private var buffer: BodyBuffer?
    private var file: OwnedDescriptor?
    /// Up to where the kernel was asked to write.
    private var begunSize: Int64 = 0

    init(path: String, limits: Limits) {
        self.path = path
        self.limits = limits
    }

    /// One that is whole already, in this file.
    init(file: consuming OwnedDescriptor, path: String, size: Int64) {
        self.path = path
        self.size = size
        self.file = consume file
        limits = Limits()
    }

    /// To be called at the end: gives the memory back. The file stays.
    mutating func leaveMemory() {
        if let buffer { limits.pool.giveBack(buffer) }
        (buffer, bytes) = (nil, [])
    }

    var hasFile: Bool { file != nil }

    /// The whole body, where the database will keep it.
    var bytesForDatabase: [UInt8]? { file == nil && size <= Int64(limits.bytesInDatabase) ? bytes : nil }

    /// Whether a whole block waits to be written.
    var isFull: Bool { file != nil && (buffer?.count ?? 0) >= BodyBuffer.blockBytes }

    mutating func append(_ slice: RawSpan) throws(SystemCallError) {
        try makeRoom(for: slice.byteCount)
        if let buffer {
            buffer.append(slice)
        } else if try file?.write(slice) == nil {
            // Copied before the call returns.
            unsafe slice.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        }
        size += Int64(slice.byteCount)
        // A large body reaches the disk while it arrives, and not all of it when it is synced.
        if buffer == nil, size - begunSize >= Self.writeAheadBytes {
            file?.beginWriting(from: begunSize, count: size - begunSize)
            begunSize = size
        }
    }

    private mutating func makeRoom(for count: Int) throws(SystemCallError) {
        if let buffer {
            if count <= buffer.room { return }
            // Longer than was announced, or more at a time than a connection brings.
            if file != nil { return try writeRest() }
            file = try makeFile(at: path)
            return leaveMemory()
        }
        let total = bytes.count + count
        guard file == nil, total > limits.bytesInDatabase else { return }
        if total <= BodyBuffer.capacity, limits.fitsBuffer || limits.goesPastCache { try moveToBuffer() }
        guard buffer == nil else { return }
        file = try makeFile(at: path)
        bytes = []
    }

    /// Does nothing where no buffer is left.
    private mutating func moveToBuffer() throws(SystemCallError) {
        guard let taken = limits.pool.take() else { return }
        // Viewing elements as bytes is unsafe in general because of padding; bytes have none.
        unsafe taken.append(bytes.span.bytes)
        (buffer, bytes) = (taken, [])
        if limits.goesPastCache { file = try FileSystem.open(path, .create) }
    }

    /// Writes the whole block that has come of a very large body.
    mutating func flush() throws(SystemCallError) {
        guard isFull, let buffer else { return }
        try buffer.withBytes(BodyBuffer.blockBytes) { block throws(SystemCallError) in
            try file?.writeDirectly(block)
        }
        buffer.removeFirst(BodyBuffer.blockBytes)
    }

    /// Writes what is left of it, after which it is an ordinary file.
    mutating func writeRest() throws(SystemCallError) {
        guard file != nil, let buffer else { return }
        try buffer.withBytes { rest throws(SystemCallError) in try file?.writeDirectly(rest) }
        leaveMemory()
    }

    /// The first bytes, up to `count`.
    mutating func prefix(_ count: Int) throws(SystemCallError) -> [UInt8] {
        try writeRest()
        if let contents = try file?.contents(at: 0, count: count) { return contents }
        // Copied before the call returns.
        return buffer?.withBytes(count) { unsafe $0.withUnsafeBytes { unsafe Array($0) } } ?? Array(bytes.prefix(count))
    }

    /// A descriptor of the whole body that can only read.
    mutating func openForReading() throws(SystemCallError) -> OwnedDescriptor {
        try writeRest()
        if file != nil { return try FileSystem.open(path, .read) }
        guard let buffer else { return try OwnedDescriptor(inMemory: bytes) }
        return try buffer.withBytes { whole throws(SystemCallError) in try OwnedDescriptor(inMemory: whole) }
    }

    /// Makes the whole body durable in a file at `newPath`. Where that fails nothing is there.
    mutating func makeDurable(at newPath: String) throws(SystemCallError) {
        try writeRest()
        if file == nil {
            file = try makeFile(at: newPath, isDurable: true)
            leaveMemory()
        } else {
            try file?.sync()
            try FileSystem.rename(path, to: newPath)
        }
        path = newPath
    }

    /// A file of what is in memory; none where that fails.
    private func makeFile(at place: String, isDurable: Bool = false) throws(SystemCallError) -> OwnedDescriptor {
        let made = try FileSystem.open(place, .create)
        do {
            if let buffer {
                try buffer.withBytes { whole throws(SystemCallError) in try made.writeDirectly(whole) }
            } else {
                try made.write(bytes)
            }
            if isDurable { try made.sync() }
        } catch {
            _ = try? FileSystem.unlink(place)
            throw error
        }
        return made
    }
}
