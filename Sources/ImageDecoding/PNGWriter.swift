/// Writes the chunks of a PNG into memory of the right size.
@safe struct PNGWriter {
    /// What a PNG has beside its data and optional chunks: signature, header, and the frames of IDAT and IEND.
    static let overhead = PNGChunks.signatureBytes + 25 + 12 + 12

    private let memory: UnsafeMutableRawBufferPointer
    private var offset = 0
    /// Where the checksum of the chunk that is being written begins.
    private var chunkStart = 0

    /// `memory` must outlive the writer.
    init(_ memory: UnsafeMutableRawBufferPointer) { unsafe self.memory = memory }

    var isFull: Bool { offset == (unsafe memory.count) }

    mutating func append(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        // Safe: slicing checks both ends.
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + range.count])
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
        offset += range.count
    }

    mutating func append(_ value: UInt32) {
        unsafe withUnsafeBytes(of: value.bigEndian) { bytes in unsafe append(bytes, 0..<4) }
    }

    mutating func beginChunk(_ type: String, count: Int) {
        append(UInt32(count))
        chunkStart = offset
        append(PNGChunks.type(type))
    }

    mutating func endChunk() {
        unsafe append(PNGReader.checksum(UnsafeRawBufferPointer(rebasing: memory[chunkStart..<offset])))
    }
}
