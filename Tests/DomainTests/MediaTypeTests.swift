import Domain
import Testing

@Suite("What a file is, by its content")
struct MediaTypeTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// One with one picture, behind its directory.
    private static func icon(_ kind: UInt8, _ reserved: UInt8) -> [UInt8] {
        [0, 0, kind, 0, 1, 0, 16, 16, 0, reserved, 1, 0, 32, 0, 40, 0, 0, 0, 22, 0, 0, 0]
    }

    /// Sizes of a bitmap's header that a browser takes.
    private static let bitmaps: [(MediaType, [UInt8])] = [20, 28, 32, 36, 42, 44, 46, 60, 64, 108, 124].map {
        (.bmp, bytes("BM") + [0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, $0, 0, 0, 0])
    }

    /// What browsers take for an image although its beginning does not look like one.
    private static let disguised: [(MediaType, [UInt8])] = [
        (.svg, [UInt8](repeating: 0x0a, count: 4_096)),
        (.svg, [0xef, 0xbb, 0xbf] + [UInt8](repeating: 0x20, count: 4_093)),
        (.svg, bytes("<!DOCTYPE x [<!ENTITY a \"]><html>\">]><svg/>")),
        (.svg, bytes("<!DOCTYPE x [<!-- ]> -->]><svg/>")),
        (.svg, bytes("<" + String(repeating: "p", count: 80) + ":svg>")),
        (.svg, bytes("<" + String(repeating: "p", count: 4_095))),
        // The low bytes of the comment say `-->`.
        (
            .svg,
            [0xff, 0xfe]
                + "<!--\u{12d}\u{12d}\u{13e}<html>--><svg/>".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        ),
        (
            .avif,
            [0, 0, 0, 1] + bytes("ftyp") + [0, 0, 0, 0, 0, 0, 0, 100] + bytes("mif1") + [0, 0, 0, 0]
                + bytes(String(repeating: "free", count: 16)) + bytes("avif")
        ),
        (
            .avif,
            [0, 0, 0, 0] + bytes("ftypfree") + [0, 0, 0, 0] + bytes(String(repeating: "free", count: 16))
                + bytes("avif")
        ),
        (.heic, [0, 0, 0x20, 0] + bytes("ftypfree") + [0, 0, 0, 0] + bytes(String(repeating: "free", count: 1_020))),
    ]

    static let known: [(MediaType, [UInt8])] =
        bitmaps + disguised + [
            (.jpeg, [0xff, 0xd8, 0xff, 0xe0, 0, 16]),
            (.png, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]),
            (.gif, bytes("GIF89a")), (.gif, bytes("GIF87a")),
            (.webp, bytes("RIFF") + [1, 2, 3, 4] + bytes("WEBPVP8 ")),
            (.bmp, bytes("BM") + [0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0]),
            (.tiff, bytes("II") + [42, 0, 8, 0]), (.tiff, bytes("MM") + [0, 42, 0, 8]), (.tiff, bytes("II") + [43, 0]),
            (.avif, [0, 0, 0, 28] + bytes("ftypavif") + [0, 0, 0, 0] + bytes("avifmif1miaf")),
            (.avif, [0, 0, 0, 28] + bytes("ftypmif1") + [0, 0, 0, 0] + bytes("mif1avifmiaf")),
            (.heic, [0, 0, 0, 24] + bytes("ftypheic") + [0, 0, 0, 0] + bytes("mif1heic")),
            (.heic, [0, 0, 0, 24] + bytes("ftypmif1") + [0, 0, 0, 0] + bytes("mif1heic")),
            (.jpegXL, [0xff, 0x0a, 0, 0]), (.jpegXL, [0, 0, 0, 12] + bytes("JXL ") + [13, 10, 0x87, 10]),
            (.jpeg2000, [0, 0, 0, 12] + bytes("jP  ") + [13, 10, 0x87, 10]), (.jpeg2000, [0xff, 0x4f, 0xff, 0x51]),
            (.icon, icon(1, 0)), (.icon, icon(2, 0)), (.icon, icon(1, 255)), (.icon, icon(1, 1)), (.icon, icon(2, 7)),
            (.photoshop, bytes("8BPS") + [0, 1]),
            (.svg, bytes("<svg xmlns='http://www.w3.org/2000/svg'/>")),
            (.svg, [0xef, 0xbb, 0xbf] + bytes("  <?xml version='1.0'?>\n<!-- a > b -->\n<svg>")),
            (.svg, bytes("<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' ''>")),
            (.svg, bytes("<!DOCTYPE  svg [ <!ENTITY a \"b>\"> ]><svg>")),
            (.svg, bytes("<!DOCTYPE s:svg [ <!ENTITY a \"b\"> ]>")),
            (.svg, bytes("<!DOCTYPE x [ <!ENTITY a \"b\"> ]><svg/>")),
            (.svg, bytes("<?xml version='1.0'?><!-- " + String(repeating: "long ", count: 2_000))),
            (.svg, bytes("<?xml version='1.0'?>" + String(repeating: " ", count: 4_200))),
            (.svg, [0xff, 0xfe] + bytes("<?xml version='1.0'?><svg/>").flatMap { [$0, 0] }),
            (.svg, [0xfe, 0xff] + bytes("<svg/>").flatMap { [0, $0] }),
            (.svg, bytes("<svg/>").flatMap { [$0, 0] }),
            (.bmp, bytes("BM") + [0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 48, 0, 0, 0]),
            (.heic, [0, 0, 0, 20] + bytes("ftypmiaf") + [0, 0, 0, 0] + bytes("miaf")),
            (.svg, bytes("<?xml version='1.0'?><x:svg xmlns:x='http://www.w3.org/2000/svg'>")),
        ]

    @Test("Magic bytes tell the type", arguments: known)
    func recognise(_ expected: MediaType, _ bytes: [UInt8]) {
        #expect(MediaType(sniffing: bytes) == expected)
    }

    @Test(
        "What is no image is none",
        arguments: [
            [], [0xff], bytes("BMW is a car, and this is text about it"), bytes("%PDF-1.7"), bytes("PK\u{3}\u{4}"),
            bytes("<html><svg></svg></html>"), bytes("GIF88a"), bytes("RIFF") + [0, 0, 0, 0] + bytes("WAVE"),
            [0, 0, 0, 24] + bytes("ftypisom") + [0, 0, 0, 0] + bytes("isommp42"), [0, 0, 1, 0], bytes("<svgx>"),
            bytes("<!DOCTYPE html><html>"), bytes("<?xml version='1.0'?><rss>"), bytes("    "),
            bytes("<html/>").flatMap { [$0, 0] },
        ] as [[UInt8]])
    func other(_ bytes: [UInt8]) {
        #expect(MediaType(sniffing: bytes) == .other)
    }

    @Test("Every prefix of a known file is sniffed without a fault", arguments: known)
    func prefixes(_ expected: MediaType, _ bytes: [UInt8]) {
        for length in 0..<bytes.count { _ = MediaType(sniffing: Array(bytes.prefix(length))) }
        #expect(expected.isImage)
    }
}
