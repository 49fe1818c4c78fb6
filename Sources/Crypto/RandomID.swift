package import Domain
internal import Glibc

/// Identifiers and secrets of random base62 characters (`0-9A-Za-z`), 5.95 bits each. Identifiers of what there are many
/// of begin with the time.
package enum RandomID {
    package static func organizationID() -> OrganizationID { .init(rawValue: "org_" + base62(11)) }
    package static func internalID() -> InternalID { .init(rawValue: "int_" + base62(22)) }
    package static func uploadID() -> UploadID { .init(rawValue: "upl_" + timeOrdered()) }
    package static func holdID() -> HoldID { .init(rawValue: "hold_" + timeOrdered()) }
    package static func keyID() -> KeyID { .init(rawValue: "key_" + base62(16)) }
    package static func userID() -> UserID { .init(rawValue: "usr_" + base62(16)) }
    package static func taskID() -> TaskID { .init(rawValue: "task_" + base62(16)) }
    package static func eventID() -> EventID { .init(rawValue: "evt_" + timeOrdered()) }
    package static func deliveryID() -> DeliveryID { .init(rawValue: "dlv_" + timeOrdered()) }
    /// `wh_` + 16 hexadecimal characters: the SDK takes no other form.
    package static func webhookID() -> WebhookID {
        .init(rawValue: "wh_" + Hexadecimal.encode(RandomBytes.generate(8)))
    }
    /// What a webhook's deliveries are signed with: `whsec_` + 43 characters, 256 bits.
    package static func webhookSecret() -> String { "whsec_" + base62(43) }
    package static func auditID() -> String { "aud_" + timeOrdered() }
    package static func requestID() -> String { "req_" + base62(16) }
    /// Names one data directory for as long as it exists.
    package static func nodeID() -> String { "node_" + base62(11) }
    /// The secret of a bearer key: `sk_` + 43 characters, 256 bits.
    package static func secretKey() -> String { "sk_" + base62(43) }

    /// The milliseconds since the epoch as 7 characters, which sort as the numbers do until the year 2081, and 13 random
    /// ones: 77 bits.
    ///
    /// For what there are many of. In the order of their making the rows of a table go to its end, and those of one commit
    /// share a page; entirely random keys would make each of them change a page of its own, somewhere, and the more so the
    /// larger the table is.
    private static func timeOrdered() -> String {
        var time = timespec()
        // The call writes one structure.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        var left = max(0, Int(time.tv_sec) * 1_000 + Int(time.tv_nsec) / 1_000_000)
        var digits = [UInt8](repeating: 0, count: 7)
        for index in digits.indices.reversed() {
            digits[index] = alphabet[left % alphabet.count]
            left /= alphabet.count
        }
        return String(decoding: digits, as: UTF8.self) + base62(13)
    }

    /// `count` characters, each of the 62 equally likely.
    package static func base62(_ count: Int) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(count)
        while text.count < count {
            // A byte at or above 248 is drawn again: 256 is no multiple of 62, and the remainder would favour the
            // first eight characters.
            for byte in RandomBytes.generate(count - text.count + 4) where byte < 248 && text.count < count {
                text.append(alphabet[Int(byte) % alphabet.count])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
}
