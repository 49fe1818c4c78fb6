/// A public organization identifier: `org_` + 11 characters.
package struct OrganizationID: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}

/// The secret key of an organization inside the service: `int_` + 22 random characters. It never leaves the private
/// listener, and it prints redacted so that a log line cannot leak it.
package struct InternalID: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { "int_[redacted]" }
}

/// An upload: `upl_` + 20 characters.
package struct UploadID: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}

/// A credit hold: `hold_` + 20 characters.
package struct HoldID: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}

/// An API key's public identifier: `key_` + 16 characters.
package struct KeyID: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }

    /// Whether it has the form of an identifier: nothing else may be called like that.
    package var isWellFormed: Bool {
        let text = Array(rawValue.utf8)
        return text.count == 20 && text.starts(with: "key_".utf8)
            && text.dropFirst(4).allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            }
    }
}

/// A user of an organization: `usr_` + 16 characters.
package struct UserID: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}

/// The SHA-256 of some bytes, as 64 lower-case hexadecimal characters.
package struct ContentHash: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String
    package init?(rawValue: String) {
        guard rawValue.utf8.count == 64,
            rawValue.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.rawValue = rawValue
    }
    package var description: String { rawValue }
}
