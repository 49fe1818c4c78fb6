/// `smtp://user:password@host:port`, taken apart.
package struct MailServerAddress: Hashable, Sendable, CustomStringConvertible {
    /// Encrypted from the beginning.
    package let isSecure: Bool
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    package let host: String
    package let port: UInt16
    package let user: String?
    package let password: String?

    /// Without the credentials.
    package var url: String { "\(isSecure ? "smtps" : "smtp")://\(host):\(port)" }
    package var description: String { url }

    /// Whether the server runs on this machine, so that nobody can listen in between.
    package var isLocal: Bool { host == "localhost" || host == "[::1]" || Self.isLoopback(host) }

    /// 127.0.0.0/8 in four decimal numbers. A name may begin with them, too.
    private static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0).map(String.init) == String($0) }
    }

    package init?(_ text: String) {
        let schemes: [(String, Bool)] = [("smtp://", false), ("smtps://", true)]
        guard let (scheme, isSecure) = schemes.first(where: { text.hasPrefix($0.0) }) else { return nil }
        var rest = text.dropFirst(scheme.count)
        if rest.hasSuffix("/") { rest.removeLast() }
        var credentials: (user: String?, password: String?) = (nil, nil)
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let user = Self.decoded(parts[0]), !user.isEmpty else { return nil }
            credentials.user = user
            if parts.count == 2 {
                guard let password = Self.decoded(parts[1]) else { return nil }
                credentials.password = password
            }
            rest = rest[rest.index(after: at)...]
        }
        var port: UInt16 = isSecure ? 465 : 25
        if let colon = rest.lastIndex(of: ":"), !rest.hasSuffix("]") {
            guard let number = UInt16(rest[rest.index(after: colon)...]), number > 0 else { return nil }
            port = number
            rest = rest[..<colon]
        }
        guard Self.isHost(rest) else { return nil }
        (user, password) = credentials
        self.isSecure = isSecure
        self.port = port
        host = String(rest).lowercased()
    }

    /// Whether this is a host's name, or an address in brackets.
    static func isHost(_ text: Substring) -> Bool {
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        let name = isBracketed ? text.dropFirst().dropLast() : text
        let isName = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: isBracketed ? ":" : "-")
        }
        return isName && (1...255).contains(name.utf8.count)
    }

    /// Percent-decoded; nil for what is no such encoding, and for control characters.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
