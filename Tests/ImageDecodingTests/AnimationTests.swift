import Domain
import TestSupport
import Testing

@testable import ImageDecoding

@Suite("Animations")
struct AnimationTests {
    private func decode(
        _ bytes: [UInt8], limits: DecodeLimits = DecodeLimits(), on recorder: FrameRecorder
    ) throws(DecodingError) {
        let type = MediaType(sniffing: Array(bytes.prefix(MediaType.sniffLength)))
        unsafe try ImageDecoder.decode(bytes.span.bytes, type: type, limits: limits, visitor: recorder)
    }

    private static let red: [UInt8] = [255, 0, 0, 255]
    private static let green: [UInt8] = [0, 255, 0, 255]
    private static let blue: [UInt8] = [0, 0, 255, 255]

    @Test("The frames of every file are composed as the reference has them, to the last bit")
    func compositions() throws {
        let files = try JSON(parsing: Repository.bytes("fixtures/scores.json"))["files"].object
        var count = 0
        for (name, entry) in files where entry["checksums"].isPresent {
            let recorder = FrameRecorder { FrameSelection.contains($0.index, of: $0.framesTotal) }
            try decode(try Repository.fixture(name), on: recorder)
            let all = entry["checksums"].array.compactMap { $0.int.map { UInt32(truncatingIfNeeded: $0) } }
            let expected = all.indices.filter { FrameSelection.contains($0, of: all.count) }.map { all[$0] }
            #expect(recorder.visible.map { Checksum.crc32($0) } == expected, "\(name)")
            #expect(recorder.headers.map(\.index) == Array(0..<all.count), "\(name)")
            #expect(recorder.headers.allSatisfy { $0.framesTotal == all.count }, "\(name)")
            count += expected.count
        }
        #expect(count > 350)
    }

    @Test("A visitor that wants only the last frame gets it composed of all before it")
    func onlyTheLast() throws {
        for name in ["nsfw-pattern-by-parts.gif", "blends.webp", "nsfw-pattern-deltas.png"] {
            let (all, last) = (FrameRecorder(), FrameRecorder { $0.index == $0.framesTotal - 1 })
            let bytes = try Repository.fixture(name)
            try decode(bytes, on: all)
            try decode(bytes, on: last)
            #expect(last.headers == all.headers && last.frames.count == 1, "\(name)")
            #expect(last.frames.last == all.frames.last, "\(name)")
        }
    }

    @Test("A visitor that has seen enough gets no further frame")
    func earlyExit() throws {
        for name in [
            "nsfw-pattern-by-parts.gif", "blends.webp", "blends.png", "gradient.ico", "nsfw-pattern-not-default.png",
        ] {
            let recorder = FrameRecorder(goesOn: { $0.index < 1 })
            try decode(try Repository.fixture(name), on: recorder)
            #expect(recorder.headers.map(\.index) == [0, 1], "\(name)")
        }
    }

    @Test("Each disposal leaves on the canvas what it should")
    func disposals() throws {
        for (disposal, expected) in [
            (0, Self.green), (1, Self.green), (2, [0, 0, 0, 0]), (3, Self.red), (4, Self.red),
        ] {
            var file = GIFFile(width: 4, height: 4)
            file.add(1, width: 4, height: 4)
            file.add(2, width: 2, height: 2, disposal: disposal)
            file.add(3, left: 3, top: 3, width: 1, height: 1)
            file.end()
            let recorder = FrameRecorder()
            try decode(file.bytes, on: recorder)
            #expect(recorder.pixel(1, 0, 0) == Self.green)
            #expect(recorder.pixel(2, 0, 0) == expected, "disposal \(disposal)")
            #expect(recorder.pixel(2, 2, 2) == Self.red)
            #expect(recorder.pixel(2, 3, 3) == Self.blue)
        }
    }

    @Test("A transparent colour draws nothing, and is what a viewer without transparency shows where nothing else is")
    func transparency() throws {
        var file = GIFFile(width: 2, height: 1)
        file.add(3, width: 1, height: 1, transparent: 3)
        file.add(1, width: 1, height: 1)
        file.add(2, width: 1, height: 1, transparent: 2)
        file.end()
        let recorder = FrameRecorder()
        try decode(file.bytes, on: recorder)
        #expect(recorder.pixel(0, 0, 0) == [0, 0, 255, 0])
        #expect(recorder.pixel(1, 0, 0) == Self.red)
        #expect(recorder.pixel(2, 0, 0) == Self.red)
    }

    @Test("What lies outside the canvas is dropped, and the first image extends it")
    func outside() throws {
        var file = GIFFile(width: 4, height: 4)
        file.add(1, width: 4, height: 4)
        file.add(2, left: 3, top: 2, width: 9, height: 9, disposal: 3)
        file.add(3, left: 40, top: 40, width: 2, height: 2)
        file.end()
        let recorder = FrameRecorder()
        try decode(file.bytes, on: recorder)
        #expect(recorder.headers.map(\.width) == [4, 4, 4])
        #expect(recorder.pixel(1, 3, 2) == Self.green && recorder.pixel(1, 2, 2) == Self.red)
        #expect(recorder.pixel(2, 3, 2) == Self.red)

        var small = GIFFile(width: 1, height: 1)
        small.add(1, left: 2, top: 3, width: 5, height: 5)
        small.end()
        let extended = FrameRecorder()
        try decode(small.bytes, on: extended)
        #expect(
            extended.headers.map { [$0.width, $0.height, $0.index, $0.framesTotal] } == [[7, 8, 0, 2], [5, 5, 1, 2]])
        #expect(extended.pixel(0, 6, 7) == Self.red && extended.pixel(0, 0, 0) == [0, 0, 0, 0])
    }

    @Test("Of GIF's old version, the first image is the canvas for some viewers")
    func oldVersion() throws {
        var file = GIFFile(width: 100, height: 100, version: "87a")
        file.add(1, left: 20, top: 20, width: 5, height: 5)
        file.end()
        let recorder = FrameRecorder()
        try decode(file.bytes, on: recorder)
        #expect(recorder.headers.map(\.width) == [100, 5])
    }

    @Test("Colours are blended as the standard says, at every alpha")
    func blending() throws {
        let canvas = try AnimationCanvas(width: 1, height: 1)
        for below in stride(from: 0, through: 255, by: 15) {
            for above in stride(from: 0, through: 255, by: 15) {
                let (source, target): ([UInt8], [UInt8]) = (
                    [200, 10, 255, UInt8(above)], [0, 100, 255, UInt8(below)]
                )
                unsafe target.withUnsafeBufferPointer { row in
                    unsafe canvas.replaceRow(0, 0, with: row.baseAddress!, count: 1, channels: 4)
                }
                unsafe source.withUnsafeBufferPointer { row in
                    unsafe canvas.blendRow(0, 0, with: row.baseAddress!, count: 1)
                }
                let recorder = FrameRecorder()
                _ = canvas.show(FrameHeader(width: 1, height: 1, hasAlpha: true), to: recorder)
                let (first, second) = (Double(above) / 255, Double(below) / 255)
                let alpha = first + second * (1 - first)
                #expect(abs(Double(recorder.frames[0][3]) - alpha * 255) <= 0.51)
                for channel in 0..<3 where alpha > 0 {
                    let sum = Double(source[channel]) * first + Double(target[channel]) * second * (1 - first)
                    #expect(abs(Double(recorder.frames[0][channel]) - sum / alpha) <= 0.51)
                }
            }
        }
    }

    @Test("Few frames are all looked at, many evenly with the first and the last")
    func selection() {
        for total in [1, 2, 63, 64, 65, 66, 100, 127, 128, 200, 9_999, 10_000] {
            let chosen = (0..<total).filter { FrameSelection.contains($0, of: total) }
            #expect(chosen.count == min(total, 64), "\(total)")
            #expect(chosen.first == 0 && chosen.last == total - 1)
            let distances = zip(chosen, chosen.dropFirst()).map { $1 - $0 }
            #expect((distances.max() ?? 0) - (distances.min() ?? 0) <= 1, "\(total)")
        }
    }
}
