import CMicrohttpd
import Glibc

extension RawHead {
    /// The request line's pieces, as libmicrohttpd hands them over: pointers into its buffer, each ended by a NUL that
    /// it wrote over the byte that came after.
    @unsafe struct Pieces {
        let method: UnsafePointer<CChar>
        let version: UnsafePointer<CChar>
        /// Where the target began and how long it was before libmicrohttpd decoded it in place.
        let targetAddress: UInt
        let target: [UInt8]
    }

    /// Copies the head of the request on `connection`. libmicrohttpd reports no more than C strings, so a NUL would
    /// hide what follows it; but as the strings lie in one buffer in the order of the request, each must begin where
    /// the one before it, and what separates them, ends.
    init(_ pieces: Pieces, connection: OpaquePointer) {
        unsafe method = Self.bytes(pieces.method)
        unsafe target = pieces.target
        unsafe version = Self.bytes(pieces.version)
        byteCount = unsafe portcullis_mhd_header_bytes(connection)
        var walk = unsafe Walk(start: UInt(bitPattern: pieces.method))
        unsafe walk.take(at: UInt(bitPattern: pieces.method), count: method.count, separator: 1)
        unsafe walk.take(at: pieces.targetAddress, count: target.count, separator: 1)
        unsafe walk.take(at: UInt(bitPattern: pieces.version), count: version.count, separator: 2)
        unsafe withUnsafeMutablePointer(to: &walk) { walk in
            _ = unsafe MHD_get_connection_values_n(
                connection, .HEADER_KIND,
                { context, _, name, nameSize, value, valueSize in
                    guard let walk = unsafe context?.assumingMemoryBound(to: Walk.self) else { return .NO }
                    unsafe walk.pointee.takeField(name, nameSize, value, valueSize)
                    return .YES
                }, walk)
        }
        fields = walk.fields
        // The empty line.
        isContiguous = walk.isContiguous && walk.end + 2 == walk.start + UInt(byteCount)
    }

    private static func bytes(_ text: UnsafePointer<CChar>) -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    private struct Walk {
        let start: UInt
        var end: UInt
        var isContiguous = true
        var fields: [RawHead.Field] = []

        init(start: UInt) {
            self.start = start
            end = start
        }

        mutating func take(at address: UInt, count: Int, separator: UInt) {
            isContiguous = isContiguous && address == end
            end = address + UInt(count) + separator
        }

        mutating func takeField(
            _ name: UnsafePointer<CChar>?, _ nameSize: Int, _ value: UnsafePointer<CChar>?, _ valueSize: Int
        ) {
            take(at: UInt(bitPattern: name), count: nameSize, separator: 1)
            // Spaces and tabs before a value are skipped by libmicrohttpd, and may be there.
            let valueAddress = UInt(bitPattern: value)
            if valueAddress > end, valueAddress - end <= 256, let value = unsafe value {
                let gap = Int(valueAddress - end)
                let skipped = unsafe UnsafeRawBufferPointer(start: value - gap, count: gap)
                if unsafe skipped.allSatisfy({ $0 == ASCII.space || $0 == ASCII.tab }) { end = valueAddress }
            }
            take(at: valueAddress, count: valueSize, separator: 2)
            unsafe fields.append(
                (
                    Array(UnsafeRawBufferPointer(start: name, count: nameSize)),
                    Array(UnsafeRawBufferPointer(start: value, count: valueSize))
                ))
        }
    }
}
