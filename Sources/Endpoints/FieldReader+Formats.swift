package import Domain

extension FieldReader {
    /// An e-mail address as the HTML standard defines it, with a domain that has a dot, of at most 254 characters; the
    /// part before the `@` may have letters of any script (RFC 6531), domains of other scripts are written in Punycode.
    /// Whether mail arrives, only mail can tell. The domain is given in lower case.
    package mutating func email(_ name: String) -> String? {
        guard let text = string(name, length: 3...254) else { return nil }
        guard Self.isEmail(text) else {
            reject(name, "email", "is not an e-mail address of the form name@example.org")
            return nil
        }
        return NameRules.folded(email: text)
    }

    /// An absolute `http` or `https` URL of at most 2,048 characters.
    package mutating func webURL(_ name: String) -> String? {
        guard let text = string(name, length: 1...2_048) else { return nil }
        guard Self.isWebURL(text) else {
            reject(name, "url", "is not a URL of the form https://example.org/path")
            return nil
        }
        return text
    }

    /// Requests per minute for some of the five categories, each from 1 to `ceiling`.
    package mutating func rateLimits(_ name: String, ceiling: Int) -> RateLimitOverrides? {
        guard var reader = nested(name) else { return nil }
        var overrides = RateLimitOverrides()
        for category in RateLimitCategory.allCases {
            if let limit = reader.integer(category.rawValue, 1...Int64(ceiling)) {
                overrides.limits[category] = Int(limit)
            }
        }
        absorb(reader)
        return overrides
    }

    /// A map of names to names, such as LLM provider → secret.
    package mutating func names(_ name: String, maximumCount: Int) -> [ExactString: ExactString]? {
        guard let object = object(name) else { return nil }
        guard object.count <= maximumCount else {
            reject(name, "too_long", "has \(object.count) entries; at most \(maximumCount) are accepted")
            return nil
        }
        var reader = FieldReader(object, at: ["body", name])
        var names: [ExactString: ExactString] = [:]
        for key in object.keys {
            if !(1...100).contains(key.unicodeScalars.count) {
                reject(name, "string_length", "a name in it has not 1 to 100 characters")
            }
            if key.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
                reject(name, "control_character", "a name in it contains a control character")
            }
            if let value = reader.string(key, length: 1...200) {
                names[ExactString(key)] = ExactString(value)
            } else if object[key] == .null {
                reader.reject(key, "string_type", "is null; expected a string")
            }
        }
        absorb(reader)
        return names
    }

    /// What `isEmail` accepts, as a regular expression (ECMA 262).
    package static let emailPattern =
        #"^[0-9A-Za-z.!#$%&'*+/=?^_`{|}~\u00a1-\u167f\u1681-\u1fff\u2070-\u2fff\u3001-\ud7ff-]{1,64}@"#
        + emailDomain

    /// The domain of an e-mail address, up to the text's end, as a regular expression (ECMA 262).
    package static let emailDomain =
        #"(?:[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?\.)+[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?$"#

    package static func isEmail(_ text: String) -> Bool {
        let parts = text.unicodeScalars.split(separator: "@", omittingEmptySubsequences: false)
        guard text.unicodeScalars.count <= 254, parts.count == 2, (1...64).contains(parts[0].count) else {
            return false
        }
        guard parts[0].allSatisfy(isOfLocalPart) else { return false }
        let labels = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2
            && labels.allSatisfy { label in
                (1...63).contains(label.count) && label.first != "-" && label.last != "-"
                    && label.allSatisfy { isAlphanumeric($0) || $0 == "-" }
            }
    }

    // Between the ranges lie the kinds of white space and the marks that turn the direction of text.
    private static func isOfLocalPart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xa1...0x167f, 0x1681...0x1fff, 0x2070...0x2fff, 0x3001...0xd7ff: true
        default: isAlphanumeric(scalar) || ".!#$%&'*+/=?^_`{|}~-".unicodeScalars.contains(scalar)
        }
    }

    private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "0"..."9", "A"..."Z", "a"..."z": true
        default: false
        }
    }

    /// What `isWebURL` accepts, as a regular expression (ECMA 262).
    package static let webURLPattern =
        #"^[Hh][Tt][Tt][Pp][Ss]?://(?:\[[0-9A-Fa-f:.]+\]|(?:\#(label)\.)*\#(label)\.?)"#
        + #"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"#
        + #"(?:[/?#][!#-;=?-\[\]_a-z~]*)?$"#
    private static let label = "[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?"

    package static func isWebURL(_ text: String) -> Bool {
        let lowered = text.prefix(8).lowercased()
        guard let scheme = ["https://", "http://"].first(where: { lowered.hasPrefix($0) }) else { return false }
        let rest = text.utf8.dropFirst(scheme.utf8.count)
        guard rest.allSatisfy({ (0x21...0x7e).contains($0) && !"\"<>\\^`{|}".utf8.contains($0) }) else { return false }
        let authority = rest.prefix { !"/?#".utf8.contains($0) }
        // Neither user names nor passwords belong into a URL that is shown: `@` is in no host.
        let host: Substring.UTF8View
        if authority.first == UInt8(ascii: "[") {
            guard let close = authority.firstIndex(of: UInt8(ascii: "]")) else { return false }
            host = authority[authority.startIndex...close]
            guard host.count > 2,
                host.dropFirst().dropLast().allSatisfy({ "0123456789ABCDEFabcdef:.".utf8.contains($0) })
            else { return false }
        } else {
            host = authority.prefix { $0 != UInt8(ascii: ":") }
            guard isHost(host) else { return false }
        }
        return isPort(authority[host.endIndex...])
    }

    /// A name as the DNS takes it, with underscores, which are found in practice, and maybe a dot at its end.
    private static func isHost(_ host: Substring.UTF8View) -> Bool {
        let hyphen = UInt8(ascii: "-")
        var labels = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != hyphen && label.last != hyphen
                && label.allSatisfy { isAlphanumeric(Unicode.Scalar($0)) || $0 == hyphen || $0 == UInt8(ascii: "_") }
        }
    }

    /// Nothing, or a colon and a number from 1 to 65535.
    private static func isPort(_ text: Substring.UTF8View) -> Bool {
        guard let colon = text.first else { return true }
        let digits = Array(text.dropFirst())
        guard colon == UInt8(ascii: ":"), (1...5).contains(digits.count), digits[0] != UInt8(ascii: "0"),
            digits.allSatisfy({ (0x30...0x39).contains($0) })
        else { return false }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 65_535
    }
}
