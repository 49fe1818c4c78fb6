import Domain
import TestSupport
import Testing

@testable import ImageDecoding

/// Chunks that say what a PNG's values mean. Where browsers differ from us in whom they believe, one file would show two
/// pictures.
@Suite("PNG colours")
struct PNGColourTests {
    private static func number(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }

    private static func chunk(_ type: String, _ data: [UInt8], damaged: Bool = false) -> [UInt8] {
        let body = Array(type.utf8) + data
        let checksum = unsafe body.withUnsafeBytes { unsafe PNGReader.checksum($0) }
        return number(data.count) + body + number(Int(checksum) ^ (damaged ? 1 : 0))
    }

    /// The fixture with chunks behind its header, and before its end.
    private static func png(_ chunks: [UInt8]..., last: [UInt8] = []) throws -> [UInt8] {
        let bytes = try Repository.fixture("gradient.png")
        return Array(bytes.prefix(33)) + chunks.flatMap { $0 } + Array(bytes.dropFirst(33).dropLast(12)) + last
            + Array(bytes.suffix(12))
    }

    private static func pixels(_ bytes: [UInt8]) throws -> [UInt8] {
        let canvas = Canvas()
        try ImageDecoder.decode(bytes, type: .png, on: canvas)
        return canvas.pixels
    }

    private static let (gamma, late) = (chunk("gAMA", number(10_000)), chunk("gAMA", number(5_000)))

    @Test("Gamma counts where nothing contradicts it, and not where another chunk counts for more")
    func gamma() throws {
        let plain = try Self.pixels(Self.png())
        #expect(try Self.pixels(Self.png(Self.gamma)) != plain)
        for other in [
            Self.chunk("sRGB", [0]), Self.chunk("cICP", [1, 13, 0, 1]), Self.chunk("cICP", [12, 13, 0, 1]),
        ] {
            #expect(try Self.pixels(Self.png(other, Self.gamma)) == plain)
            #expect(try Self.pixels(Self.png(Self.gamma, other)) == plain)
        }
    }

    @Test("Gamma that is contradicted or out of place makes a PNG unscannable")
    func contradictions() throws {
        let files = [
            try Self.png(Self.gamma, Self.gamma), try Self.png(Self.gamma, Self.chunk("sRGB", [9])),
            try Self.png(Self.gamma, Self.chunk("sRGB", [0, 0])), try Self.png(Self.chunk("gAMA", [1, 2])),
            try Self.png(Self.gamma, Self.chunk("cICP", [1, 13])), try Self.png(last: Self.late),
        ]
        for file in files {
            #expect(throws: DecodingError.corrupt("PNG: gamma that is out of place or contradicted")) {
                try Self.pixels(file)
            }
        }
    }

    @Test("Primaries and curves that are far from those of sRGB are unscannable; those of photographs are not")
    func primaries() throws {
        func primaries(_ values: [Int]) -> [UInt8] { Self.chunk("cHRM", values.flatMap(Self.number)) }
        let standard = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000]
        let photographs = [31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6_000]
        let swapped = [31_270, 32_900, 15_000, 6_000, 30_000, 60_000, 64_000, 33_000]
        let plain = try Self.pixels(Self.png())
        for values in [standard, photographs] { #expect(try Self.pixels(Self.png(primaries(values))) == plain) }
        for file in [
            try Self.png(primaries(swapped)), try Self.png(primaries(swapped), Self.gamma),
            try Self.png(Self.chunk("cICP", [9, 16, 0, 1])), try Self.png(Self.chunk("cICP", [1, 8, 0, 1])),
        ] {
            let error = #expect(throws: DecodingError.self) { try Self.pixels(file) }
            guard case .corrupt? = error else { throw SupportError("\(String(describing: error))") }
        }
        #expect(try Self.pixels(Self.png(Self.chunk("sRGB", [0]), primaries(swapped))) == plain)
    }

    @Test("EXIF data with a wrong checksum does not hide those that follow")
    func exif() throws {
        func turned(_ orientation: UInt8) -> [UInt8] {
            Array("II*\0".utf8) + [8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]
        }
        let file = try Self.png(Self.chunk("eXIf", turned(1), damaged: true), Self.chunk("eXIf", turned(6)))
        let canvas = Canvas()
        try ImageDecoder.decode(file, type: .png, on: canvas)
        #expect(canvas.frames.first?.orientations == [.upright, .turnedLeft])
    }
}
