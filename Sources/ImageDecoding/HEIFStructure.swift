/// What has to be known of a HEIF file's boxes (ISO/IEC 14496-12, section 4.2) before libheif reads them.
struct HEIFStructure {
    /// Whether a box does not fit into the one around it, or what it lists not into it. libheif reads on beyond the end of
    /// some of these, and would find there what was not found here.
    private(set) var isMalformed = false
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
    /// The pictures that libheif decodes for the sake of another, by its number: those that a grid or an overlay is made of,
    /// and those that hold its alpha.
    private var parts: [UInt32: Set<UInt32>] = [:]

    init(_ bytes: UnsafeRawBufferPointer) {
        // What follows the last whole box of a file is of no picture; unless it would be one with structure.
        let rest = unsafe forEachBox(in: bytes[...]) { structure, type, content in
            if type == "moov" { structure.hasSequence = true }
            if type == "meta" { unsafe structure.readMeta(content) }
        }
        if let type = unsafe Self.boxType(rest), type == "meta" || type == "moov" { isMalformed = true }
    }

    private mutating func readMeta(_ content: Slice<UnsafeRawBufferPointer>) {
        // A version and flags come before the boxes inside.
        unsafe forEachInnerBox(in: content.dropFirst(4)) { structure, type, content in
            if type == "iref" { unsafe structure.readReferences(content) }
        }
    }

    private mutating func readReferences(_ content: Slice<UnsafeRawBufferPointer>) {
        guard let version = unsafe content.first else { return }
        let width = version == 0 ? 2 : 4
        unsafe forEachInnerBox(in: content.dropFirst(4)) { structure, type, content in
            var rest = unsafe content
            guard let from = unsafe Self.take(width, from: &rest), let count = unsafe Self.take(2, from: &rest) else {
                structure.isMalformed = true
                return
            }
            for _ in 0..<count {
                guard let to = unsafe Self.take(width, from: &rest) else {
                    structure.isMalformed = true
                    return
                }
                if type == "dimg" { structure.parts[from, default: []].insert(to) }
                if type == "auxl" { structure.parts[to, default: []].insert(from) }
            }
        }
    }

    private static func take(_ count: Int, from bytes: inout Slice<UnsafeRawBufferPointer>) -> UInt32? {
        guard unsafe bytes.count >= count else { return nil }
        defer { unsafe bytes = bytes.dropFirst(count) }
        return unsafe bytes.prefix(count).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private mutating func forEachInnerBox(
        in bytes: Slice<UnsafeRawBufferPointer>,
        _ body: (inout HEIFStructure, String, Slice<UnsafeRawBufferPointer>) -> Void
    ) {
        let rest = unsafe forEachBox(in: bytes, body)
        if unsafe !rest.isEmpty { isMalformed = true }
    }

    /// - Returns: what is no whole box.
    private mutating func forEachBox(
        in bytes: Slice<UnsafeRawBufferPointer>,
        _ body: (inout HEIFStructure, String, Slice<UnsafeRawBufferPointer>) -> Void
    ) -> Slice<UnsafeRawBufferPointer> {
        var rest = unsafe bytes
        while true {
            var content = unsafe rest
            guard let short = unsafe Self.take(4, from: &content), unsafe Self.take(4, from: &content) != nil,
                let type = unsafe Self.boxType(rest)
            else { return unsafe rest }
            var length = Int(short)
            if short == 1 {
                guard let high = unsafe Self.take(4, from: &content), let low = unsafe Self.take(4, from: &content),
                    high >> 31 == 0
                else { return unsafe rest }
                length = Int(high) << 32 | Int(low)
            } else if short == 0 {
                length = unsafe rest.count
            }
            let head = unsafe rest.count - content.count
            guard length >= head, unsafe rest.count >= length else { return unsafe rest }
            unsafe body(&self, type, content.prefix(length - head))
            unsafe rest = rest.dropFirst(length)
        }
    }

    /// The four letters after the length; nil where there are not as many bytes.
    private static func boxType(_ bytes: Slice<UnsafeRawBufferPointer>) -> String? {
        guard unsafe bytes.count >= 8 else { return nil }
        return unsafe String(decoding: bytes.dropFirst(4).prefix(4), as: UTF8.self)
    }
}
