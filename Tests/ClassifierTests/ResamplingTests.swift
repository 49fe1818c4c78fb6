import Domain
import ImageDecoding
import TestSupport
import Testing

@testable import Classifier

@Suite("Resizing")
struct ResamplingTests {
    /// Collects the small pictures of a file.
    private final class Collector: FrameVisitor {
        private let target: RowResampler.Target
        private var sampler: FrameSampler?
        private(set) var pictures: [[UInt8]] = []

        init(_ target: RowResampler.Target) { self.target = target }

        func beginFrame(_ frame: FrameHeader) -> Bool {
            sampler = FrameSampler(frame, target: target)
            return true
        }
        func visitRow(_ row: Span<UInt8>) { sampler?.consume(row) }
        func endFrame() -> Bool {
            pictures = sampler?.pictures ?? []
            return false
        }
    }

    private static let target = RowResampler.Target(width: 256, height: 256, columns: 16..<240, rows: 16..<240)

    @Test(
        "Resizing and recompressing give the reference's bytes",
        arguments: ExpectedScores.all?.scored.filter { $0.resized != nil } ?? [])
    func bytesMatch(_ expected: ExpectedScores.Scored) throws {
        let bytes = try Repository.fixture(expected.file)
        let collector = Collector(Self.target)
        let type = MediaType(sniffing: Array(bytes.prefix(MediaType.sniffLength)))
        unsafe try ImageDecoder.decode(bytes.span.bytes, type: type, limits: DecodeLimits(), visitor: collector)
        let index = try #require(
            collector.pictures.firstIndex { Checksum.crc32($0) == expected.resized },
            "no picture has the reference's bytes")
        var pixels = collector.pictures[index]
        try JPEGRecompressor.recompress(&pixels, width: 224, height: 224, quality: 75)
        #expect(Checksum.crc32(pixels) == expected.recompressed)
    }

    /// A picture of some bytes that repeat at no power of two.
    private func picture(width: Int, height: Int) -> [UInt8] {
        (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11 ^ $0 / 7) }
    }

    private func resize(_ pixels: [UInt8], width: Int, orientation: Orientation) -> [UInt8] {
        let target = RowResampler.Target(width: 32, height: 32, columns: 4..<28, rows: 2..<30)
        let height = pixels.count / width / 3
        let resampler = RowResampler(width: width, height: height, orientation: orientation, target: target)
        unsafe pixels.withUnsafeBufferPointer { buffer in
            for row in 0..<height { unsafe resampler.consume(buffer.baseAddress! + row * width * 3) }
        }
        return resampler.pixels
    }

    /// The picture as it looks when `orientation` is applied, by moving each pixel.
    private func turned(_ pixels: [UInt8], width: Int, orientation: Orientation) -> (pixels: [UInt8], width: Int) {
        let height = pixels.count / width / 3
        let lookedAtWidth = orientation.swapsAxes ? height : width
        var result = [UInt8](repeating: 0, count: pixels.count)
        for row in 0..<height {
            for column in 0..<width {
                let (x, y) =
                    switch orientation {
                    case .upright: (column, row)
                    case .mirrored: (width - 1 - column, row)
                    case .upsideDown: (width - 1 - column, height - 1 - row)
                    case .mirroredUpsideDown: (column, height - 1 - row)
                    case .transposed: (row, column)
                    case .turnedLeft: (height - 1 - row, column)
                    case .transversed: (height - 1 - row, width - 1 - column)
                    case .turnedRight: (row, width - 1 - column)
                    }
                for channel in 0..<3 {
                    result[(y * lookedAtWidth + x) * 3 + channel] = pixels[(row * width + column) * 3 + channel]
                }
            }
        }
        return (result, lookedAtWidth)
    }

    @Test(
        "Resizing a stored picture by its orientation gives the bytes of turning it first",
        arguments: Orientation.allCases)
    func orientations(_ orientation: Orientation) {
        for (width, height) in [(97, 61), (5, 120), (120, 5), (1, 1), (32, 32), (33, 500)] {
            let stored = picture(width: width, height: height)
            let upright = turned(stored, width: width, orientation: orientation)
            #expect(
                resize(stored, width: width, orientation: orientation)
                    == resize(upright.pixels, width: upright.width, orientation: .upright), "\(width) × \(height)")
        }
    }

    @Test("A copied resampler goes on as the one that it was copied from")
    func copies() {
        for orientation in [Orientation.upright, .turnedLeft] {
            let (width, height) = (61, 97)
            let stored = picture(width: width, height: height)
            let target = RowResampler.Target(width: 32, height: 32, columns: 4..<28, rows: 2..<30)
            let first = RowResampler(width: width, height: height, orientation: orientation, target: target)
            unsafe stored.withUnsafeBufferPointer { buffer in
                let base = buffer.baseAddress!
                for row in 0..<40 { unsafe first.consume(base + row * width * 3) }
                let second = RowResampler(copying: first)
                for row in 40..<height { unsafe second.consume(base + row * width * 3) }
                for row in 40..<height { unsafe first.consume(base + row * width * 3) }
                #expect(first.pixels == second.pixels)
            }
            #expect(first.pixels == resize(stored, width: width, orientation: orientation))
        }
    }

    @Test("Weights never are negative and sum up to one, whatever the sizes")
    func weights() {
        for length in [1, 2, 7, 255, 256, 257, 1000, 65_535] {
            for reversed in [false, true] {
                let filter = AxisFilter(length: length, resizedLength: 256, window: 16..<240, reversed: reversed)
                #expect(filter.taps.count == 224)
                for tap in filter.taps {
                    let weights = filter.weights[tap.weightOffset..<tap.weightOffset + tap.count]
                    #expect(weights.allSatisfy { $0 >= 0 })
                    #expect(abs(weights.reduce(0, +) - 1 << AxisFilter.precisionBits) <= tap.count)
                    #expect(tap.start >= 0 && tap.end <= length)
                }
                #expect(
                    zip(filter.taps, filter.taps.dropFirst()).allSatisfy { $0.start <= $1.start && $0.end <= $1.end })
            }
        }
    }
}
