/// The address of a mailbox that SMTP carries without an extension: ASCII, `name@example.org`.
package struct MailAddress: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    package let domain: String
    package var description: String { text }

    /// RFC 5321 section 4.5.3.1: a path has at most 256 characters, two of which are its brackets.
    private static let maximumBytes = 254

    /// - Returns: nil for anything that could be taken for more than one address, or for more than an address.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maximumBytes, let at = bytes.lastIndex(of: UInt8(ascii: "@")), at > 0, at <= 64 else {
            return nil
        }
        let (name, domain) = (bytes[..<at], bytes[(at + 1)...])
        let isName = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { atom in
            !atom.isEmpty && atom.allSatisfy(Self.isAtom)
        }
        let isDomain = domain.allSatisfy { Self.isLetterOrDigit($0) || "-.:[]".utf8.contains($0) }
        guard isName, isDomain, !domain.isEmpty, domain.first != UInt8(ascii: ".") else { return nil }
        self.text = text
        self.domain = String(decoding: domain, as: UTF8.self)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }

    /// RFC 5322 section 3.2.3.
    private static func isAtom(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
    }
}
