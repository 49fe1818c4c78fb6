import Domain
import ImageDecoding
import TestSupport
import Testing

@Suite("Decoding")
struct DecodingTests {
    private func error(_ bytes: [UInt8], limits: DecodeLimits = DecodeLimits()) -> DecodingError? {
        do throws(DecodingError) {
            try ImageDecoder.decode(bytes, limits: limits, on: Canvas())
            return nil
        } catch {
            return error
        }
    }

    private func isCorrupt(_ error: DecodingError?) -> Bool {
        if case .corrupt = error { true } else { false }
    }

    private func isLimit(_ error: DecodingError?) -> Bool {
        if case .limitExceeded = error { true } else { false }
    }

    @Test("A JPEG comes as rows of RGB, with its size")
    func jpegRows() throws {
        let canvas = Canvas()
        try ImageDecoder.decode(try Repository.fixture("size-odd.jpg"), on: canvas)
        #expect(canvas.frames == [FrameHeader(width: 413, height: 307, hasAlpha: false)])
        #expect(canvas.pixels.count == 413 * 307 * 3)
        #expect(canvas.finished == 1)
    }

    @Test("A PNG with transparency comes as rows of RGB and alpha")
    func pngRows() throws {
        for file in ["nsfw-pattern-over-black.png", "nsfw-pattern-palette-trns.png", "scene-grey-alpha-16.png"] {
            let canvas = Canvas()
            try ImageDecoder.decode(try Repository.fixture(file), on: canvas)
            let frame = try #require(canvas.frames.first)
            #expect(frame.hasAlpha)
            #expect(canvas.pixels.count == frame.width * frame.height * 4)
        }
    }

    @Test("Interlacing changes no pixel")
    func interlacing() throws {
        for name in ["grey-1", "grey-2", "grey-4", "grey-8", "grey-16", "nsfw-pattern-16"] {
            let (straight, interlaced) = (Canvas(), Canvas())
            try ImageDecoder.decode(try Repository.fixture("\(name).png"), on: straight)
            try ImageDecoder.decode(try Repository.fixture("\(name)-interlaced.png"), on: interlaced)
            #expect(straight.pixels == interlaced.pixels, "\(name)")
        }
    }

    @Test("16 bits are scaled to 8, not clipped")
    func sixteenBits() throws {
        let (fine, coarse) = (Canvas(), Canvas())
        try ImageDecoder.decode(try Repository.fixture("grey-16.png"), on: fine)
        try ImageDecoder.decode(try Repository.fixture("grey-8.png"), on: coarse)
        // The fixture's 16-bit values stray from 257 × the 8-bit ones by less than half a step.
        #expect(fine.pixels == coarse.pixels)
        #expect(Set(fine.pixels).count > 50)
    }

    @Test("A JPEG's orientation is the only way to see it, a PNG's is one more")
    func orientations() throws {
        for number in 1...8 {
            let canvas = Canvas()
            try ImageDecoder.decode(try Repository.fixture("nsfw-pattern-orientation-\(number).jpg"), on: canvas)
            #expect(canvas.frames.first?.orientations.map(\.rawValue) == [UInt8(number)])
        }
        for name in ["before", "after", "misleading"] {
            let canvas = Canvas()
            try ImageDecoder.decode(try Repository.fixture("nsfw-pattern-exif-\(name).png"), on: canvas)
            #expect(canvas.frames.first?.orientations == [.upright, .turnedLeft])
        }
    }

    @Test(
        "A file cut off anywhere is corrupt",
        arguments: ["scene-grey.jpg", "scene-progressive.jpg", "scene.png", "grey-8-interlaced.png"])
    func truncation(_ name: String) throws {
        let bytes = try Repository.fixture(name)
        let step = max(1, bytes.count / 150)
        let type = MediaType(sniffing: Array(bytes.prefix(64)))
        for length in Array(stride(from: 8, to: bytes.count, by: step)) + [bytes.count - 1] {
            #expect(throws: DecodingError.self, "\(length) of \(bytes.count) bytes") {
                try ImageDecoder.decode(Array(bytes.prefix(length)), type: type, on: Canvas())
            }
        }
        #expect(error(bytes) == nil)
    }

    @Test("What announces too much is refused by its header, before any row")
    func bombs() throws {
        for name in [
            "huge-header.jpg", "too-large-header.jpg", "huge-header.png", "too-wide-header.png", "largest-header.png",
        ] {
            let canvas = Canvas()
            let bytes = try Repository.fixture(name)
            let start = ContinuousClock.now
            let error = #expect(throws: DecodingError.self, "\(name)") {
                try ImageDecoder.decode(bytes, on: canvas)
            }
            #expect(isLimit(error), "\(name): \(String(describing: error))")
            #expect(canvas.frames.isEmpty)
            #expect(ContinuousClock.now - start < .milliseconds(500))
        }
    }

    @Test("Too many scans are refused, as many as allowed are not")
    func scans() throws {
        let bytes = try Repository.fixture("many-scans.jpg")
        #expect(isLimit(error(bytes)))
        var limits = DecodeLimits()
        limits.maximumScans = 1000
        #expect(error(bytes, limits: limits) == nil)
    }

    @Test("Working memory is limited for what has to be held whole")
    func workingMemory() throws {
        var limits = DecodeLimits()
        limits.maximumWorkingBytes = 40_000
        #expect(isLimit(error(try Repository.fixture("grey-8-interlaced.png"), limits: limits)))
        #expect(isLimit(error(try Repository.fixture("scene-progressive.jpg"), limits: limits)))
        limits.maximumWorkingBytes = 200_000
        #expect(error(try Repository.fixture("grey-8-interlaced.png"), limits: limits) == nil)
        #expect(error(try Repository.fixture("scene.jpg"), limits: limits) == nil)
    }

    @Test("The limits of frames and of all pixels count as well")
    func limits() {
        var limits = DecodeLimits()
        limits.maximumFrames = 10
        limits.maximumPixelsTotal = 1000
        #expect(throws: Never.self) { try limits.check(width: 10, height: 10, frames: 10) }
        #expect(throws: DecodingError.self) { try limits.check(width: 1, height: 1, frames: 11) }
        #expect(throws: DecodingError.self) { try limits.check(width: 10, height: 11, frames: 10) }
        #expect(throws: DecodingError.self) { try limits.check(width: .max, height: .max, frames: .max) }
        #expect(throws: DecodingError.self) { try limits.check(width: 0, height: 5) }
    }

    @Test("A visitor that wants no rows gets none")
    func skipping() throws {
        for name in ["scene.jpg", "scene.png"] {
            let canvas = Canvas()
            canvas.wantsRows = false
            try ImageDecoder.decode(try Repository.fixture(name), on: canvas)
            #expect(canvas.frames.count == 1 && canvas.pixels.isEmpty && canvas.finished == 0)
        }
    }

    @Test(
        "A damaged file is decoded or refused, never more",
        arguments: [
            "scene-grey.jpg", "size-odd.jpg", "scene-progressive.jpg", "scene.png", "scene-rgb-trns.png",
            "scene-palette-4.png", "nsfw-pattern-exif-before.png", "nsfw-pattern-orientation-6.jpg",
        ])
    func damage(_ name: String) throws {
        let whole = try Repository.fixture(name)
        let type = MediaType(sniffing: Array(whole.prefix(64)))
        var refused = 0
        for seed in 0..<150 {
            var random = Xorshift(seed: UInt64(seed + 1))
            var bytes = whole
            for _ in 0..<Int(random.next() % 4 + 1) {
                // Half of the damage goes to the headers.
                let range = random.next() % 2 == 0 ? min(bytes.count, 400) : bytes.count
                bytes[Int(random.next() % UInt64(range))] = UInt8(truncatingIfNeeded: random.next())
            }
            let canvas = Canvas()
            do throws(DecodingError) {
                try ImageDecoder.decode(
                    bytes, type: type, limits: DecodeLimits(maximumPixelsPerFrame: 1_000_000), on: canvas)
                #expect(canvas.frames.map { $0.width * $0.height * $0.channels } == [canvas.pixels.count])
            } catch {
                refused += 1
                #expect(!error.explanation.isEmpty && error.explanation.utf8.count < 200)
            }
        }
        #expect(refused > 0)
    }
}

struct Xorshift: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
