/// The layout that all messages share: one datagram of `size` bytes, little-endian, that begins with a header
/// (magic, version, kind) and is padded with zeros.
///
/// Both sides are built together; the version is there for a service that meets a worker of another release.
enum MessageFormat {
    static let size = 1024
    static let magic: UInt32 = 0x5043_5701
    static let version: UInt16 = 2

    enum Kind: UInt16 {
        case request = 1
        case reply = 2
        case ready = 3
        case startFailure = 4
    }
}

struct MessageWriter {
    private var bytes: [UInt8] = []

    init(_ kind: MessageFormat.Kind) {
        bytes.reserveCapacity(MessageFormat.size)
        append(MessageFormat.magic)
        append(MessageFormat.version)
        append(kind.rawValue)
    }

    mutating func append(_ value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func append(_ value: Double) { append(value.bitPattern) }

    /// A text of at most `capacity` bytes, after its length: cut at a character's end where it is longer, and with
    /// spaces for control characters.
    mutating func append(_ text: String, capacity: Int) {
        var kept: [UInt8] = []
        for character in text {
            let scalars = character.unicodeScalars.map { isControl($0) ? " " : $0 }
            let encoded = Array(String(String.UnicodeScalarView(scalars)).utf8)
            guard kept.count + encoded.count <= capacity else { break }
            kept += encoded
        }
        append(UInt16(kept.count))
        bytes += kept
        bytes += repeatElement(0, count: capacity - kept.count)
    }

    /// The whole message.
    func finished() -> [UInt8] {
        precondition(bytes.count <= MessageFormat.size, "a message of \(bytes.count) bytes does not fit")
        return bytes + repeatElement(0, count: MessageFormat.size - bytes.count)
    }
}

struct MessageReader {
    private let bytes: [UInt8]
    private var offset = 0

    /// Checks size and header.
    init(_ bytes: [UInt8], _ kind: MessageFormat.Kind) throws(WorkerProtocolError) {
        guard bytes.count == MessageFormat.size else { throw .malformed("size \(bytes.count)") }
        self.bytes = bytes
        guard try integer("magic") == MessageFormat.magic else { throw .malformed("magic") }
        let version: UInt16 = try integer("version")
        guard version == MessageFormat.version else { throw .malformed("version \(version)") }
        let found: UInt16 = try integer("kind")
        guard found == kind.rawValue else { throw .malformed("kind \(found)") }
    }

    /// The kind that the header names, nil where it names none.
    static func kind(of bytes: [UInt8]) -> MessageFormat.Kind? {
        guard bytes.count == MessageFormat.size else { return nil }
        return MessageFormat.Kind(rawValue: UInt16(bytes[6]) | UInt16(bytes[7]) << 8)
    }

    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _ field: String
    ) throws(WorkerProtocolError) -> Value {
        let width = Value.bitWidth / 8
        guard offset + width <= bytes.count else { throw .malformed("\(field): beyond the end") }
        defer { offset += width }
        var value: Value = 0
        for index in (0..<width).reversed() { value = (value << 8) | Value(bytes[offset + index]) }
        return value
    }

    /// A count that fits `Int` and lies in `range`.
    mutating func count<Value: FixedWidthInteger & UnsignedInteger>(
        _ field: String, as type: Value.Type, in range: ClosedRange<Int>
    ) throws(WorkerProtocolError) -> Int {
        let value: Value = try integer(field)
        guard let count = Int(exactly: value), range.contains(count) else { throw .malformed("\(field): \(value)") }
        return count
    }

    /// A 64-bit count that fits `Int`.
    mutating func size(_ field: String) throws(WorkerProtocolError) -> Int {
        try count(field, as: UInt64.self, in: 0...Int.max)
    }

    /// A number from 0 to 1.
    mutating func fraction(_ field: String) throws(WorkerProtocolError) -> Double {
        let value = Double(bitPattern: try integer(field))
        guard value >= 0, value <= 1 else { throw .malformed("\(field): \(value)") }
        return value
    }

    /// Valid UTF-8 without control characters.
    mutating func text(_ field: String, capacity: Int) throws(WorkerProtocolError) -> String {
        let count = try count(field, as: UInt16.self, in: 0...capacity)
        guard offset + capacity <= bytes.count else { throw .malformed("\(field): beyond the end") }
        defer { offset += capacity }
        guard bytes[(offset + count)..<(offset + capacity)].allSatisfy({ $0 == 0 }) else {
            throw .malformed("\(field): padding")
        }
        guard let text = String(validating: bytes[offset..<offset + count], as: UTF8.self) else {
            throw .malformed("\(field): not UTF-8")
        }
        guard !text.unicodeScalars.contains(where: isControl) else { throw .malformed("\(field): control characters") }
        return text
    }

    /// Nothing but padding may be left.
    func finish() throws(WorkerProtocolError) {
        guard bytes[offset...].allSatisfy({ $0 == 0 }) else { throw .malformed("padding") }
    }
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
}
