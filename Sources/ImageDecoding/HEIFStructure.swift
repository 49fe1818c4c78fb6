/// What has to be known of a HEIF file's boxes (ISO/IEC 14496-12, section 4.2) before libheif reads them. Boxes that do not
/// fit into their parents end the search: libheif refuses such a file itself.
struct HEIFStructure {
    /// Whether there is an image sequence.
    private(set) var hasSequence = false
    /// Whether pictures are made of pictures that are made of pictures, and so on, deeper than any camera does, or in circles.
    var isNestedDeeply: Bool {
        // As many rounds as levels are allowed: each takes away the pictures that are made of none that is left.
        var remaining = parts
        for _ in 0..<Self.maximumDepth {
            remaining = remaining.filter { $0.value.contains { remaining[$0] != nil } }
        }
        return !remaining.isEmpty
    }

    private static let maximumDepth = 4
    /// The pictures that a grid or an overlay is made of, by number.
    private var parts: [UInt32: Set<UInt32>] = [:]

    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe Self.forEachBox(in: bytes[...]) { type, content in
            if type == "moov" { hasSequence = true }
            guard type == "meta" else { return }
            // A version and flags come before the boxes inside.
            unsafe Self.forEachBox(in: content.dropFirst(4)) { type, content in
                if type == "iref" { unsafe readReferences(content) }
            }
        }
    }

    private mutating func readReferences(_ content: Slice<UnsafeRawBufferPointer>) {
        guard let version = unsafe content.first else { return }
        let width = version == 0 ? 2 : 4
        unsafe Self.forEachBox(in: content.dropFirst(4)) { type, content in
            guard type == "dimg" else { return }
            var rest = unsafe content
            guard let whole = unsafe Self.take(width, from: &rest), let count = unsafe Self.take(2, from: &rest) else {
                return
            }
            for _ in 0..<count {
                guard let part = unsafe Self.take(width, from: &rest) else { return }
                parts[whole, default: []].insert(part)
            }
        }
    }

    private static func take(_ count: Int, from bytes: inout Slice<UnsafeRawBufferPointer>) -> UInt32? {
        guard unsafe bytes.count >= count else { return nil }
        defer { unsafe bytes = bytes.dropFirst(count) }
        return unsafe bytes.prefix(count).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func forEachBox(
        in bytes: Slice<UnsafeRawBufferPointer>, _ body: (String, Slice<UnsafeRawBufferPointer>) -> Void
    ) {
        var rest = unsafe bytes
        while true {
            var content = unsafe rest
            guard let short = unsafe take(4, from: &content), let type = unsafe take(4, from: &content) else { return }
            var length = Int(short)
            if short == 1 {
                guard let high = unsafe take(4, from: &content), let low = unsafe take(4, from: &content),
                    high >> 31 == 0
                else { return }
                length = Int(high) << 32 | Int(low)
            } else if short == 0 {
                length = unsafe rest.count
            }
            let head = unsafe rest.count - content.count
            guard length >= head, unsafe rest.count >= length else { return }
            let name = String(decoding: (0..<4).map { UInt8(truncatingIfNeeded: type >> (24 - $0 * 8)) }, as: UTF8.self)
            unsafe body(name, content.prefix(length - head))
            unsafe rest = rest.dropFirst(length)
        }
    }
}
