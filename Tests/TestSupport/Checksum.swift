/// CRC-32 as zlib computes it.
package enum Checksum {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { state, _ in state & 1 == 1 ? state >> 1 ^ 0xedb8_8320 : state >> 1 }
    }

    package static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var state: UInt32 = 0xffff_ffff
        // Unchecked, because tests are built without optimization: an index of 8 bits is always inside the table.
        unsafe table.withUnsafeBufferPointer { table in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                var index = 0
                while index < bytes.count {
                    unsafe state = table[Int((state ^ UInt32(bytes[index])) & 255)] ^ state >> 8
                    index += 1
                }
            }
        }
        return ~state
    }
}
