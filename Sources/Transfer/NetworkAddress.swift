internal import Glibc

/// An address of the internet protocol: 4 or 16 bytes, in network order.
package struct NetworkAddress: Hashable, Sendable {
    package let bytes: [UInt8]

    /// - Parameter bytes: 4 or 16 of them.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// - Parameter literal: `192.0.2.1`, `2001:db8::1`, also in brackets; nil for any other way of writing an address.
    package init?(literal: some StringProtocol) {
        var text = String(literal)
        if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
        guard text.utf8.count < 64, !text.utf8.contains(0) else { return nil }
        let isLong = text.utf8.contains(UInt8(ascii: ":"))
        var found = [UInt8](repeating: 0, count: isLong ? 16 : 4)
        // inet_pton writes as many bytes as the family's addresses have.
        guard unsafe inet_pton(isLong ? AF_INET6 : AF_INET, text, &found) == 1 else { return nil }
        bytes = found
    }

    /// Whether strangers may be led here: a host of the public internet, and nothing that only this network, this
    /// machine or its hypervisor answers. What stands for an address of the other protocol (mapped, 6to4, Teredo, NAT64)
    /// is none, since it hides where it leads.
    package var isPublic: Bool {
        bytes.count == 4
            ? !Self.specialShort.contains { $0.contains(self) }
            : Self.unicast.contains(self) && !Self.specialLong.contains { $0.contains(self) }
    }

    // IANA's IPv4 special-purpose registry, multicast, and the address under which Azure's hypervisor answers.
    private static let specialShort = blocks(
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")

    // Everything else, such as ::1, ::ffff:0:0/96, 64:ff9b::/96, fc00::/7, fe80::/10 and ff00::/8, is outside.
    private static let unicast = AddressBlock(prefix: [0x20] + [UInt8](repeating: 0, count: 15), bits: 3)

    // IETF protocols with Teredo and ORCHID, documentation (two), 6to4.
    private static let specialLong = blocks("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

    private static func blocks(_ texts: String...) -> [AddressBlock] { texts.compactMap(AddressBlock.init) }
}

/// The addresses that begin with the same bits.
package struct AddressBlock: Hashable, Sendable {
    private let prefix: [UInt8]
    private let bits: Int

    init(prefix: [UInt8], bits: Int) {
        self.prefix = prefix
        self.bits = bits
    }

    /// - Parameter text: `10.0.0.0/8`, `fd00::/8`.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = NetworkAddress(literal: parts[0]), let bits = Int(parts[1]),
            (0...address.bytes.count * 8).contains(bits), parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return nil }
        self.init(prefix: address.bytes, bits: bits)
    }

    package func contains(_ address: NetworkAddress) -> Bool {
        guard address.bytes.count == prefix.count else { return false }
        for index in 0..<prefix.count {
            let count = min(8, bits - index * 8)
            if count <= 0 { return true }
            let mask = UInt8(truncatingIfNeeded: 0xff << (8 - count))
            guard address.bytes[index] & mask == prefix[index] & mask else { return false }
        }
        return true
    }
}
