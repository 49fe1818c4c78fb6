import Domain
import ImageDecoding
import TestSupport
import Testing

/// TIFF, AVIF, HEIC, JPEG XL and SVG, whose libraries decode a frame as a whole.
@Suite("Whole-frame formats")
struct WholeFrameTests {
    private static func decode(
        _ bytes: [UInt8], limits: DecodeLimits = DecodeLimits(), wantsRows: Bool = true
    ) throws(DecodingError) -> Canvas {
        let canvas = Canvas()
        canvas.wantsRows = wantsRows
        try ImageDecoder.decode(bytes, limits: limits, on: canvas)
        return canvas
    }

    private static func frames(_ name: String) throws -> [FrameHeader] {
        try decode(try Repository.fixture(name), wantsRows: false).frames
    }

    @Test("Frames are announced with size, turn and number")
    func headers() throws {
        #expect(
            try Self.frames("nsfw-pattern-pages.tif").map { "\($0.width)×\($0.height) \($0.index)/\($0.framesTotal)" }
                == ["120×90 0/3", "60×40 1/3", "80×60 2/3"])
        #expect(try Self.frames("nsfw-pattern-orientation-6.tif").map(\.orientations) == [[.turnedLeft]])
        #expect(try Self.frames("nsfw-pattern-turned-1.avif").map(\.orientations) == [[.turnedRight]])
        #expect(try Self.frames("nsfw-pattern-turned-mirrored-0.avif").map(\.orientations) == [[.transposed]])
        // libheif and libjxl turn the rows themselves.
        for name in ["nsfw-pattern-turned-1.heic", "nsfw-pattern-recompressed.jxl"] {
            let frame = try #require(try Self.frames(name).first)
            #expect(frame.orientations == [.upright] && frame.width == 320 && frame.height == 240, "\(name)")
        }
        #expect(try Self.frames("nsfw-pattern-animation.jxl").map(\.index) == [0, 1, 2])
        #expect(try Self.frames("shapes-huge.svg").map(\.width) == [1024])
        #expect(try Self.frames("shapes-huge.svg").map(\.height) == [768])
    }

    @Test("Where viewers do not agree on what a file shows, each way is a frame")
    func views() throws {
        let sizes = { (name: String) in try Self.frames(name).map { "\($0.width)×\($0.height)" } }
        #expect(try sizes("nsfw-pattern-cropped.avif") == ["320×240", "480×360"])
        #expect(try sizes("nsfw-pattern-second.heic") == ["320×240", "320×240"])
        // One still picture, and a sequence of three.
        #expect(try sizes("nsfw-pattern-sequence.avif").count == 4)
        // Colours multiplied with alpha: as they are stored, and divided.
        let canvas = try Self.decode(try Repository.fixture("nsfw-pattern-over-white.tif"))
        #expect(canvas.frames.count == 2 && canvas.finished == 2)
    }

    @Test("A sequence's frames are those of its own moments, whichever of them are wanted")
    func selection() throws {
        let bytes = try Repository.fixture("nsfw-pattern-sequence.avif")
        let all = try Self.decode(bytes)
        let last = Canvas()
        last.wanted = [3]
        try ImageDecoder.decode(bytes, on: last)
        #expect(last.finished == 1 && last.pixels == all.pixels)
        let third = Canvas()
        third.wanted = [2]
        try ImageDecoder.decode(try Repository.fixture("nsfw-pattern-animation.jxl"), on: third)
        #expect(third.pixels == (try Self.decode(try Repository.fixture("nsfw-pattern-animation.jxl"))).pixels)
    }

    @Test(
        "A file cut off anywhere is corrupt",
        arguments: [
            "nsfw-pattern-big.tif", "nsfw-pattern-lzw.tif", "nsfw-pattern.avif", "nsfw-pattern-sequence.avif",
            "nsfw-pattern.heic", "nsfw-pattern-grid.heic", "nsfw-pattern.jxl", "nsfw-pattern-animation.jxl",
            "nsfw-pattern-embedded-jpeg.svg",
        ])
    func truncation(_ name: String) throws {
        let bytes = try Repository.fixture(name)
        let type = MediaType(sniffing: Array(bytes.prefix(MediaType.sniffLength)))
        for length in Array(stride(from: 16, to: bytes.count, by: max(1, bytes.count / 40))) + [bytes.count - 1] {
            #expect(throws: DecodingError.self, "\(length) of \(bytes.count) bytes") {
                try ImageDecoder.decode(Array(bytes.prefix(length)), type: type, on: Canvas())
            }
        }
    }

    @Test("What announces too much is refused before any frame is begun")
    func bombs() throws {
        for name in [
            "huge-header.tif", "many-pages.tif", "huge-header.heic", "huge-grid.heic", "huge-header.jxl",
            "black-49-megapixels.jxl", "embedded-bomb.svg",
        ] {
            let canvas = Canvas()
            let bytes = try Repository.fixture(name)
            let error = #expect(throws: DecodingError.self, "\(name)") { try ImageDecoder.decode(bytes, on: canvas) }
            guard case .limitExceeded = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
            #expect(canvas.frames.isEmpty, "\(name)")
        }
    }

    @Test(
        "Frames, pixels and memory are limited in every format",
        arguments: [
            "nsfw-pattern-pages.tif", "nsfw-pattern-sequence.avif", "nsfw-pattern-second.heic",
            "nsfw-pattern-animation.jxl", "nsfw-pattern-embedded-tiles.svg",
        ])
    func limits(_ name: String) throws {
        let bytes = try Repository.fixture(name)
        func isLimited(_ change: (inout DecodeLimits) -> Void) -> Bool {
            var limits = DecodeLimits()
            change(&limits)
            do throws(DecodingError) {
                _ = try Self.decode(bytes, limits: limits)
                return false
            } catch {
                if case .limitExceeded = error { return true }
                // libavif tells its own limits from damage by nothing.
                return name.hasSuffix(".avif")
            }
        }
        #expect(!isLimited { _ in })
        #expect(isLimited { $0.maximumFrames = 1 })
        #expect(isLimited { $0.maximumPixelsPerFrame = 400 })
        #expect(isLimited { $0.maximumPixelsTotal = 12_000 })
        if !name.hasSuffix(".svg") { #expect(isLimited { $0.maximumWorkingBytes = 10_000 }) }
    }

    @Test(
        "A damaged file is decoded or refused, never more",
        arguments: [
            "nsfw-pattern-big.tif", "nsfw-pattern-lzw.tif", "nsfw-pattern-tiles.tif", "scene-fax.tif",
            "nsfw-pattern-jpeg.tif", "nsfw-pattern-pages.tif", "nsfw-pattern.avif", "nsfw-pattern-grid.avif",
            "nsfw-pattern-sequence.avif", "nsfw-pattern.heic", "nsfw-pattern-grid.heic", "nsfw-pattern-second.heic",
            "nsfw-pattern.jxl", "nsfw-pattern-animation.jxl", "nsfw-pattern-recompressed.jxl",
            "nsfw-pattern-embedded-jpeg.svg", "shapes-filters.svg",
        ])
    func damage(_ name: String) throws {
        let whole = try Repository.fixture(name)
        let type = MediaType(sniffing: Array(whole.prefix(MediaType.sniffLength)))
        let limits = DecodeLimits(
            maximumPixelsPerFrame: 1_000_000, maximumPixelsTotal: 2_000_000, maximumWorkingBytes: 50_000_000)
        for seed in 0..<60 {
            var random = Xorshift(seed: UInt64(seed + 1))
            var bytes = whole
            for _ in 0..<Int(random.next() % 4 + 1) {
                // Half of the damage goes to the headers, which TIFF has at its end.
                let range = random.next() % 2 == 0 ? min(bytes.count, 400) : bytes.count
                let place = Int(random.next() % UInt64(range))
                bytes[random.next() % 4 == 0 ? bytes.count - 1 - place : place] = UInt8(
                    truncatingIfNeeded: random.next())
            }
            let canvas = Canvas()
            canvas.keepsPixels = false
            do throws(DecodingError) {
                try ImageDecoder.decode(bytes, type: type, limits: limits, on: canvas)
            } catch {
                #expect(!error.explanation.isEmpty && error.explanation.utf8.count < 250)
            }
        }
    }
}
