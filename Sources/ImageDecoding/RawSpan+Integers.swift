/// Integers of a file, at offsets that come from the file: nil beyond its end.
extension RawSpan {
    func byte(at offset: Int) -> Int? {
        guard offset >= 0, offset < byteCount else { return nil }
        // Safe: every bit pattern is a byte, and the offset was just checked.
        return unsafe Int(unsafeLoad(fromByteOffset: offset, as: UInt8.self))
    }

    func littleEndian16(at offset: Int) -> Int? {
        guard offset >= 0, offset <= byteCount - 2 else { return nil }
        // Safe: every bit pattern is an integer, and the offset was just checked.
        return unsafe Int(unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self).littleEndian)
    }

    func littleEndian32(at offset: Int) -> UInt32? {
        guard offset >= 0, offset <= byteCount - 4 else { return nil }
        // Safe: every bit pattern is an integer, and the offset was just checked.
        return unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian
    }

    func bigEndian32(at offset: Int) -> UInt32? { littleEndian32(at: offset)?.byteSwapped }
}
