/// Data that are written out in a text instead of a link to them (RFC 2397).
enum DataURI {
    /// The contents of all data URIs in `text`, wherever they begin. Where one ends is told by what cannot belong to it;
    /// one that begins the text may reach to its end.
    static func contents(in text: [UInt8]) -> [[UInt8]] {
        // Who follows a link takes these out first, wherever they are (WHATWG URL).
        let text = text.filter { $0 != 0x09 && $0 != 0x0a && $0 != 0x0d }
        var contents: [[UInt8]] = []
        var (offset, nextComma) = (0, 0)
        while let start = start(in: text, from: offset) {
            offset = start + scheme.count
            // Looked for once, however many beginnings there are before it.
            if nextComma < offset { nextComma = text[offset...].firstIndex(of: UInt8(ascii: ",")) ?? text.count }
            guard nextComma < text.count else { break }
            let head = text[offset..<nextComma].map { $0 | 0x20 }
            let body = text[(nextComma + 1)...]
            let mentionsBase64 = contains(head, "base64")
            if mentionsBase64 { contents.append(decodeBase64(body)) }
            if !mentionsBase64 || !endsWithBase64(head) {
                let isWhole = text[..<start].allSatisfy(isSpace)
                contents.append(decodePercent(isWhole ? body : body.prefix { !endsPlainText($0) }))
            }
        }
        return contents.filter { !$0.isEmpty }
    }

    /// Whether the last parameter is `base64`, which is what makes it count.
    private static func endsWithBase64(_ head: [UInt8]) -> Bool {
        let word = Array("base64".utf8)
        let text = head.reversed().drop { $0 == 0x20 }.reversed()
        guard text.suffix(word.count).elementsEqual(word) else { return false }
        // A semicolon, whose bit for small letters is set already.
        return Array(text.dropLast(word.count)).reversed().first { $0 != 0x20 } == UInt8(ascii: ";")
    }

    private static let scheme = Array("data:".utf8)

    private static func start(in text: [UInt8], from offset: Int) -> Int? {
        guard text.count >= scheme.count else { return nil }
        var position = offset
        while position <= text.count - scheme.count {
            if text[position] | 0x20 == scheme[0],
                (1..<4).allSatisfy({ text[position + $0] | 0x20 == scheme[$0] }), text[position + 4] == scheme[4]
            {
                return position
            }
            position += 1
        }
        return nil
    }

    private static func contains(_ text: [UInt8], _ word: String) -> Bool {
        let word = Array(word.utf8)
        return text.indices.contains { text[$0...].starts(with: word) }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private static func endsPlainText(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: ")")
    }

    private static func decodePercent(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = hexadecimal(rest.prefix(2)) {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt8? {
        guard digits.count == 2 else { return nil }
        return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    /// Up to the first byte that has no meaning in Base 64 (RFC 4648), in its usual or its URL-safe alphabet.
    private static func decodeBase64(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 4 * 3)
        var (bits, count): (UInt32, Int) = (0, 0)
        var rest = text
        while var byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = hexadecimal(rest.prefix(2)) {
                byte = value
                rest = rest.dropFirst(2)
            }
            if isSpace(byte) { continue }
            guard let value = value(of: byte) else { break }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return result
    }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte) - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte) + 4
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
