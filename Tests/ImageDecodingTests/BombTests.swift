import Domain
import ImageDecoding
import TestSupport
import Testing

@Suite("Files that are made to cost much")
struct BombTests {
    /// What a decoder says of a file, and how many frames it began.
    private func outcome(
        _ bytes: [UInt8], limits: DecodeLimits = DecodeLimits()
    ) -> (error: DecodingError?, frames: Int) {
        let recorder = FrameRecorder(wants: { _ in false })
        let type = MediaType(sniffing: Array(bytes.prefix(MediaType.sniffLength)))
        do throws(DecodingError) {
            unsafe try ImageDecoder.decode(bytes.span.bytes, type: type, limits: limits, visitor: recorder)
            return (nil, recorder.headers.count)
        } catch {
            return (error, recorder.headers.count)
        }
    }

    private func isLimit(_ error: DecodingError?) -> Bool { if case .limitExceeded = error { true } else { false } }
    private func isCorrupt(_ error: DecodingError?) -> Bool { if case .corrupt = error { true } else { false } }

    @Test("What announces too much is refused by its headers, before any frame")
    func headers() throws {
        for name in [
            "huge-canvas.gif", "large-frames.gif", "huge-header.webp", "too-large-header.bmp", "shared-picture.ico",
            "too-many.ico",
        ] {
            let (error, frames) = outcome(try Repository.fixture(name))
            #expect(isLimit(error) && frames == 0, "\(name): \(String(describing: error))")
        }
        // The default picture has been seen by then: viewers show it.
        let (error, frames) = outcome(try Repository.fixture("large-frames.png"))
        #expect(isLimit(error) && frames == 1, "\(String(describing: error))")
    }

    @Test("More frames than allowed are refused, 10,000 of one pixel are not")
    func manyFrames() {
        for (count, isRefused) in [(10_000, false), (10_001, true), (100_000, true)] {
            var file = GIFFile(width: 1, height: 1)
            for _ in 0..<count { file.add(1, width: 1, height: 1) }
            file.end()
            let (error, frames) = outcome(file.bytes)
            #expect(isLimit(error) == isRefused, "\(count): \(String(describing: error))")
            #expect(frames == (isRefused ? 0 : count))
        }
    }

    @Test("The pixels of all frames count together, for what is decoded and for what is looked at")
    func totalPixels() throws {
        var limits = DecodeLimits()
        limits.maximumPixelsTotal = 64 * 100
        var file = GIFFile(width: 10, height: 10)
        for _ in 0..<64 { file.add(1, width: 10, height: 10) }
        let start = file
        file.end()
        #expect(outcome(file.bytes, limits: limits).error == nil)
        var more = start
        more.add(1, width: 1, height: 1)
        more.end()
        #expect(isLimit(outcome(more.bytes, limits: limits).error))

        // Frames that change little are cheap: the canvases that nobody looks at do not count.
        var small = GIFFile(width: 10, height: 10)
        for _ in 0..<500 { small.add(1, width: 1, height: 1) }
        small.end()
        #expect(outcome(small.bytes, limits: limits).error == nil)
        limits.maximumPixelsTotal = 64 * 100 - 1
        #expect(isLimit(outcome(small.bytes, limits: limits).error))
    }

    @Test("Memory for the canvas and what it has to remember is limited")
    func memory() throws {
        for (name, bytes) in [
            ("disposals.gif", 40 * 30 * 4), ("blends.webp", 40 * 30 * 12), ("blends.png", 40 * 30 * 12),
            ("nsfw-pattern-run-lengths-8.bmp", 80 * 60 * 4), ("scene.webp", 160 * 120 * 7),
        ] {
            var limits = DecodeLimits()
            limits.maximumWorkingBytes = bytes - 1
            let file = try Repository.fixture(name)
            let recorder = FrameRecorder()
            let type = MediaType(sniffing: Array(file.prefix(MediaType.sniffLength)))
            let error = #expect(throws: DecodingError.self, "\(name)") {
                unsafe try ImageDecoder.decode(file.span.bytes, type: type, limits: limits, visitor: recorder)
            }
            #expect(isLimit(error), "\(name): \(String(describing: error))")
        }
    }

    @Test("A million sub-blocks that mean nothing are passed over")
    func subBlocks() {
        var file = GIFFile(width: 1, height: 1)
        file.bytes += [0x21, 0xfe] + (0..<1_000_000).flatMap { _ in [1, 0] as [UInt8] } + [0]
        file.add(1, width: 1, height: 1)
        // After the image's own data, inside its blocks.
        file.bytes.removeLast()
        file.bytes += (0..<1_000_000).flatMap { _ in [1, 0] as [UInt8] } + [0]
        file.end()
        let (error, frames) = outcome(file.bytes)
        #expect(error == nil && frames == 1, "\(String(describing: error))")
    }

    @Test("Run lengths that run on beyond their row cost no time for what they do not draw")
    func runLengths() {
        func number(_ value: Int) -> [UInt8] { GIFFile.number(value) + GIFFile.number(value >> 16) }
        let palette = [UInt8](repeating: 0, count: 1024)
        var bytes = Array("BM".utf8) + number(0) + number(0) + number(54 + 1024)
        bytes += number(40) + number(10) + number(10) + [1, 0, 8, 0] + number(1) + [UInt8](repeating: 0, count: 20)
        bytes += palette + (0..<2_000_000).flatMap { _ in [255, 1] as [UInt8] }
        let recorder = FrameRecorder()
        #expect(throws: DecodingError.corrupt("BMP: the run lengths are truncated")) {
            unsafe try ImageDecoder.decode(bytes.span.bytes, type: .bmp, limits: DecodeLimits(), visitor: recorder)
        }
        bytes += [0, 1]
        #expect(outcome(bytes).error == nil)
    }

    @Test(
        "Data that end before their picture are corrupt, in every format",
        arguments: [
            "scene.gif", "scene-interlaced.gif", "disposals.gif", "scene.webp", "nsfw-pattern-lossless.webp",
            "nsfw-pattern-lossy-alpha.webp", "blends.webp", "blends.png", "nsfw-pattern-not-default.png",
            "nsfw-pattern-24.bmp", "nsfw-pattern-run-lengths-8.bmp", "nsfw-pattern-os2.bmp", "gradient.ico",
            "nsfw-pattern-masked.cur",
        ])
    func truncation(_ name: String) throws {
        let bytes = try Repository.fixture(name)
        let type = MediaType(sniffing: Array(bytes.prefix(64)))
        let step = max(1, bytes.count / 150)
        for length in Array(stride(from: 0, to: bytes.count, by: step)) + [bytes.count - 1] {
            let recorder = FrameRecorder()
            #expect(throws: DecodingError.self, "\(length) of \(bytes.count) bytes") {
                unsafe try ImageDecoder.decode(
                    Array(bytes.prefix(length)).span.bytes, type: type, limits: DecodeLimits(), visitor: recorder)
            }
        }
        #expect(outcome(bytes).error == nil)
    }

    @Test(
        "A damaged file is decoded or refused, never more",
        arguments: [
            "disposals.gif", "scene-interlaced.gif", "blends.webp", "scene.webp", "nsfw-pattern-lossy-alpha.webp",
            "blends.png", "nsfw-pattern-not-default.png", "nsfw-pattern-v5.bmp", "pattern-4.bmp",
            "nsfw-pattern-run-lengths-8.bmp", "pattern-run-lengths-4.bmp", "nsfw-pattern-one-of-four.ico",
            "nsfw-pattern-masked.cur",
        ])
    func damage(_ name: String) throws {
        let whole = try Repository.fixture(name)
        let type = MediaType(sniffing: Array(whole.prefix(64)))
        var refused = 0
        for seed in 0..<100 {
            var random = Xorshift(seed: UInt64(seed + 1))
            var bytes = whole
            for _ in 0..<Int(random.next() % 4 + 1) {
                let range = random.next() % 2 == 0 ? min(bytes.count, 200) : bytes.count
                bytes[Int(random.next() % UInt64(range))] = UInt8(truncatingIfNeeded: random.next())
            }
            let recorder = FrameRecorder(wants: { $0.index < 5 })
            do throws(DecodingError) {
                unsafe try ImageDecoder.decode(
                    bytes.span.bytes, type: type, limits: DecodeLimits(maximumPixelsPerFrame: 1_000_000),
                    visitor: recorder)
                #expect(recorder.headers.count == recorder.headers.first?.framesTotal)
                for (header, frame) in zip(recorder.headers, recorder.frames) {
                    #expect(frame.count == header.width * header.height * 4)
                }
            } catch {
                refused += 1
                #expect(!error.explanation.isEmpty && error.explanation.utf8.count < 200)
            }
        }
        #expect(refused > 0)
    }

    /// Only rows are held of a picture that passes through; whatever needs the whole has the lower limit.
    @Test("JPEG and plain PNG have a limit of their own; interlaced and animated PNG have that of what is held whole")
    func streamed() throws {
        let files: [(String, isStreamed: Bool)] = [
            ("scene.jpg", true), ("scene-cmyk.jpg", true), ("scene-progressive.jpg", true), ("scene.png", true),
            ("grey-8-interlaced.png", false), ("blends.png", false), ("scene.webp", false), ("scene.gif", false),
            ("nsfw-pattern-24.bmp", false), ("nsfw-pattern-raw.tif", false),
            ("nsfw-pattern-embedded-jpeg.svg", false),
        ]
        for (name, isStreamed) in files {
            let bytes = try Repository.fixture(name)
            let whole = outcome(bytes, limits: DecodeLimits(maximumPixelsPerFrame: 10))
            #expect(isLimit(whole.error) != isStreamed, "\(name): \(String(describing: whole.error))")
            let streamed = outcome(bytes, limits: DecodeLimits(maximumPixelsStreamed: 10))
            let isEmbedded = name.hasSuffix(".svg")
            #expect(
                isLimit(streamed.error) == (isStreamed || isEmbedded), "\(name): \(String(describing: streamed.error))")
        }
        let limits = DecodeLimits()
        #expect(throws: Never.self) { try limits.checkStreamed(width: 16_320, height: 12_240) }
        #expect(throws: Never.self) { try limits.checkStreamed(width: 1_000_000, height: 250) }
        #expect(throws: DecodingError.self) { try limits.checkStreamed(width: 1_000_001, height: 1) }
        #expect(throws: DecodingError.self) { try limits.checkStreamed(width: 16_000, height: 15_626) }
        #expect(throws: DecodingError.self) { try limits.check(width: 16_320, height: 12_240) }
    }

    /// Each scan passes over the whole picture, so that their product is what costs time.
    @Test("Of a picture too large to be held whole fewer scans are decoded")
    func scansOfLargePictures() throws {
        let bytes = try Repository.fixture("scene-progressive.jpg")
        func outcome(_ pixels: Int, _ scans: Int) -> DecodingError? {
            let limits = DecodeLimits(maximumPixelsPerFrame: pixels, maximumScans: scans)
            do throws(DecodingError) {
                unsafe try ImageDecoder.decode(bytes.span.bytes, type: .jpeg, limits: limits, visitor: FrameRecorder())
                return nil
            } catch { return error }
        }
        #expect(outcome(640 * 480, 20) == nil)
        #expect(outcome(640 * 48, 200) == nil)
        #expect(isLimit(outcome(640 * 48, 20)))
    }
}
