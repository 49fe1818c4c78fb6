import Testing
import Transfer

@Suite("Addresses that strangers may be led to")
struct NetworkAddressTests {
    @Test(
        "An address of this machine, this network or another kind of network is not public",
        arguments: [
            "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
            "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1",
            "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
            "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
            "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808",
            "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:20::1", "2001:db8::1", "2002:7f00:1::",
            "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
            "[::1]", "[fd12:3456::1]", "4000::1",
        ])
    func special(_ text: String) throws {
        #expect(try #require(NetworkAddress(literal: text)).isPublic == false)
    }

    @Test(
        "An address next to a special block is public",
        arguments: [
            "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
            "168.63.129.15", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
            "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "3ffe::1",
        ])
    func ordinary(_ text: String) throws {
        #expect(try #require(NetworkAddress(literal: text)).isPublic)
    }

    @Test(
        "What is no plain address is none",
        arguments: [
            "", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "127.0.0.1.", "127.0.0.01", " 127.0.0.1", "::1%lo",
            "[127.0.0.1", "1.2.3.4/8", "::g",
        ])
    func none(_ text: String) { #expect(NetworkAddress(literal: text) == nil) }

    @Test("A block contains the addresses that begin with its bits, and no address of the other protocol")
    func blocks() throws {
        let block = try #require(AddressBlock("10.32.0.0/11"))
        for (text, isInside) in [
            ("10.32.0.0", true), ("10.63.255.255", true), ("10.64.0.0", false), ("10.31.255.255", false),
            ("::ffff:10.32.0.1", false),
        ] {
            #expect(block.contains(try #require(NetworkAddress(literal: text))) == isInside, "\(text)")
        }
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "fd00::/129", "/8", "10/8", "x/8"] {
            #expect(AddressBlock(text) == nil, "\(text)")
        }
    }
}
