extension MediaType {
    /// Bytes of a file's beginning that `init(sniffing:)` looks at; fewer are fine where the file is shorter.
    package static let sniffLength = 4096

    /// Tells what a file is by its first bytes, never by its name or declared type. The signatures are those of the
    /// WHATWG MIME Sniffing standard and of each format's own specification.
    package init(sniffing prefix: [UInt8]) {
        let bytes = Prefix(prefix)
        self = Self.raster(bytes) ?? Self.isoMedia(bytes) ?? (Self.isSVG(bytes) ? .svg : .other)
    }

    private static func raster(_ bytes: Prefix) -> MediaType? {
        if bytes.starts([0xff, 0xd8, 0xff]) { return .jpeg }
        if bytes.starts([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) { return .png }
        if bytes.starts("GIF87a") || bytes.starts("GIF89a") { return .gif }
        if bytes.starts("RIFF"), bytes.has("WEBP", at: 8) { return .webp }
        if bytes.starts("BM"), Self.hasBitmapHeader(bytes) { return .bmp }
        if bytes.starts([0x49, 0x49, 0x2a, 0]) || bytes.starts([0x4d, 0x4d, 0, 0x2a]) { return .tiff }
        // BigTIFF
        if bytes.starts([0x49, 0x49, 0x2b, 0]) || bytes.starts([0x4d, 0x4d, 0, 0x2b]) { return .tiff }
        if bytes.starts([0xff, 0x0a]) { return .jpegXL }
        if bytes.starts([0, 0, 0, 0x0c, 0x4a, 0x58, 0x4c, 0x20, 0x0d, 0x0a, 0x87, 0x0a]) { return .jpegXL }
        if bytes.starts([0, 0, 0, 0x0c, 0x6a, 0x50, 0x20, 0x20, 0x0d, 0x0a, 0x87, 0x0a]) { return .jpeg2000 }
        if bytes.starts([0xff, 0x4f, 0xff, 0x51]) { return .jpeg2000 }
        if bytes.starts([0, 0, 1, 0]) || bytes.starts([0, 0, 2, 0]), Self.hasIconDirectory(bytes) { return .icon }
        if bytes.starts("8BPS") { return .photoshop }
        return nil
    }

    /// "BM" alone begins too many texts: a header must follow that is not smaller than the smallest known one, nor larger
    /// than the largest. Viewers take many sizes in between.
    private static func hasBitmapHeader(_ bytes: Prefix) -> Bool {
        bytes.littleEndian32(at: 14).map { (12...124).contains($0) } ?? false
    }

    /// The first picture lies behind the directory.
    private static func hasIconDirectory(_ bytes: Prefix) -> Bool {
        guard let count = bytes.littleEndian16(at: 4), count > 0, let place = bytes.littleEndian32(at: 18) else {
            return false
        }
        return place >= 6 + 16 * UInt32(count)
    }

    /// ISO base media files name their brands in the first box.
    private static func isoMedia(_ bytes: Prefix) -> MediaType? {
        guard bytes.has("ftyp", at: 4), let size = bytes.bigEndian32(at: 0) else { return nil }
        // 1: the size follows, with 64 bits; 0: the box reaches to the file's end.
        let end = size < 2 ? bytes.count : min(Int(size), bytes.count)
        // Brands that cannot be seen from here are taken for the ones that would be looked for.
        var isHEIF = size > UInt32(bytes.count) && bytes.count >= sniffLength
        for offset in [8] + stride(from: 16, to: max(16, end - 3), by: 4) {
            if bytes.has("avif", at: offset) || bytes.has("avis", at: offset) { return .avif }
            for brand in [
                "heic", "heix", "hevc", "hevx", "hevm", "hevs", "heim", "heis", "mif1", "msf1", "mif2", "miaf", "j2ki",
                "j2is", "jpeg", "jpgs", "avci", "avcs",
            ]
            where bytes.has(brand, at: offset) { isHEIF = true }
        }
        return isHEIF ? .heic : nil
    }

    /// An SVG document: `<svg` as the first element, after a byte order mark, white space, the XML declaration,
    /// processing instructions, comments and a document type. XML whose first element does not come within the prefix
    /// counts as SVG too: a long comment must not hide one.
    private static func isSVG(_ bytes: Prefix) -> Bool {
        var text = bytes.singleByteText[...]
        // Where the file is longer, the rest may bring it.
        var isXML = bytes.count >= sniffLength
        while true {
            text = text.drop { $0 == 0x20 || (0x09...0x0d).contains($0) }
            if text.starts(with: Array("<!--".utf8)) {
                guard let rest = text.dropping(through: "-->") else { return true }
                text = rest
            } else if text.starts(with: Array("<?".utf8)) {
                guard let rest = text.dropping(through: "?>") else { return true }
                text = rest
            } else if text.starts(with: Array("<!".utf8)) {
                if Self.declaresSVG(text) { return true }
                // Where an internal subset ends cannot be told by its brackets: these may be in quotes and comments.
                let head = text.prefix { $0 != UInt8(ascii: ">") }
                guard !head.contains(UInt8(ascii: "[")), let rest = text.dropping(through: ">") else { return true }
                text = rest
            } else if text.isEmpty {
                return isXML
            } else {
                return Self.opensSVGElement(text)
            }
            isXML = true
        }
    }

    /// `<!DOCTYPE svg` or `<!DOCTYPE prefix:svg`, whatever the white space and case.
    private static func declaresSVG(_ text: ArraySlice<UInt8>) -> Bool {
        let words = text.dropFirst(2).prefix(256).split {
            $0 <= 0x20 || $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: ">")
        }
        guard words.count >= 2, words[0].map({ $0 | 0x20 }).elementsEqual("doctype".utf8) else { return false }
        let local = words[1].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).last ?? []
        return local.map { $0 | 0x20 }.elementsEqual("svg".utf8)
    }

    /// `<svg` or `<prefix:svg`.
    private static func opensSVGElement(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.first == UInt8(ascii: "<") else { return false }
        let name = text.dropFirst().prefix {
            $0 > 0x20 && $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: "/")
        }
        // A prefix that is longer than what is looked at.
        if name.count == text.count - 1, text.count > sniffLength / 4 { return true }
        let local = name.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).last ?? []
        return local.elementsEqual("svg".utf8)
    }
}

private struct Prefix {
    let text: [UInt8]
    init(_ text: [UInt8]) { self.text = text }
    var count: Int { text.count }
    subscript(index: Int) -> UInt8? { index < text.count ? text[index] : nil }

    /// The text without its byte order mark; of UTF-16, the low bytes of ASCII, which all markup is.
    var singleByteText: [UInt8] {
        if starts([0xef, 0xbb, 0xbf]) { return Array(text.dropFirst(3)) }
        let isLittleEndian = starts([0xff, 0xfe]) || (text.count > 1 && text[0] == UInt8(ascii: "<") && text[1] == 0)
        let isBigEndian = starts([0xfe, 0xff]) || (text.count > 1 && text[0] == 0 && text[1] == UInt8(ascii: "<"))
        guard isLittleEndian || isBigEndian else { return text }
        let start = text[0] >= 0xfe ? 2 : 0
        let (high, low) = isBigEndian ? (0, 1) : (1, 0)
        return stride(from: start, to: text.count - 1, by: 2).map { text[$0 + high] == 0 ? text[$0 + low] : 0x80 }
    }

    func starts(_ signature: [UInt8]) -> Bool { text.starts(with: signature) }
    func starts(_ signature: String) -> Bool { text.starts(with: Array(signature.utf8)) }
    func has(_ signature: String, at offset: Int) -> Bool {
        offset < text.count && text[offset...].starts(with: Array(signature.utf8))
    }
    func bigEndian32(at offset: Int) -> UInt32? {
        guard offset + 4 <= text.count else { return nil }
        return text[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
    func littleEndian32(at offset: Int) -> UInt32? { bigEndian32(at: offset)?.byteSwapped }
    func littleEndian16(at offset: Int) -> UInt16? {
        guard offset + 2 <= text.count else { return nil }
        return UInt16(text[offset]) | UInt16(text[offset + 1]) << 8
    }
}

extension ArraySlice<UInt8> {
    fileprivate func dropping(through end: String) -> ArraySlice<UInt8>? {
        let marker = Array(end.utf8)
        var rest = self
        while let first = rest.firstIndex(of: marker[0]) {
            rest = rest[first...]
            if rest.starts(with: marker) { return rest.dropFirst(marker.count) }
            rest = rest.dropFirst()
        }
        return nil
    }
}
