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

    private func feed(
        _ pixels: [UInt8], width: Int, rows: Range<Int>, _ planes: PixelPlanes, _ resampler: RowResampler
    ) {
        unsafe pixels.withUnsafeBufferPointer { buffer in
            for row in rows {
                unsafe planes.split(rgb: buffer.baseAddress! + row * width * 3, columns: 0..<width)
                unsafe resampler.consume(planes.picture())
            }
        }
    }

    private func resize(_ pixels: [UInt8], width: Int, orientation: Orientation) -> [UInt8] {
        let target = RowResampler.Target(width: 32, height: 32, columns: 4..<28, rows: 2..<30)
        let height = pixels.count / width / 3
        let planes = PixelPlanes(width: width, hasAlpha: false)
        let resampler = RowResampler(
            width: width, height: height, orientation: orientation, target: target, planeStride: planes.stride)
        feed(pixels, width: width, rows: 0..<height, planes, resampler)
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
            let planes = PixelPlanes(width: width, hasAlpha: false)
            let first = RowResampler(
                width: width, height: height, orientation: orientation, target: target, planeStride: planes.stride)
            feed(stored, width: width, rows: 0..<40, planes, first)
            let second = RowResampler(copying: first)
            feed(stored, width: width, rows: 40..<height, planes, second)
            feed(stored, width: width, rows: 40..<height, planes, first)
            #expect(first.pixels == second.pixels)
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

    /// What one line of samples becomes, by the definition: a weighted sum, rounded and clipped.
    private func weighted(_ samples: (Int) -> UInt8, _ filter: AxisFilter) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: filter.taps.count)
        for tap in filter.taps {
            var sum = Int64(AxisFilter.half)
            for position in 0..<tap.count {
                sum += Int64(samples(tap.start + position)) * Int64(filter.weights[tap.weightOffset + position])
            }
            result[tap.target] = UInt8(min(255, sum >> Int64(AxisFilter.precisionBits)))
        }
        return result
    }

    /// The loops work on blocks and on weights in two halves: every count of samples up to some blocks, and the extremes
    /// that carry between the halves, must give what plain arithmetic gives.
    @Test("The vectors' results are those of plain arithmetic, for every width and for extremes")
    func plainArithmetic() {
        var random = SystemRandomNumberGenerator()
        for length in Array(1...80) + [255, 256, 257, 1000, 4096, 4099, 65_535] {
            let window = length % 2 == 0 ? 0..<32 : 3..<29
            let filter = AxisFilter(length: length, resizedLength: 32, window: window, reversed: length % 3 == 0)
            for kind in 0..<4 {
                let pixels = (0..<length * 3).map { index -> UInt8 in
                    switch kind {
                    case 0: 255
                    case 1: index % 2 == 0 ? 255 : 0
                    case 2: index / 3 % 2 == 0 ? 0 : 255
                    default: UInt8.random(in: 0...255, using: &random)
                    }
                }
                let planes = PixelPlanes(width: length, hasAlpha: false)
                unsafe pixels.withUnsafeBufferPointer { pixels in
                    unsafe planes.split(rgb: pixels.baseAddress!, columns: 0..<length)
                }
                for forAnyProcessor in [false, true] {
                    var found = [UInt8](repeating: 0, count: window.count * 3)
                    unsafe found.withUnsafeMutableBufferPointer { found in
                        unsafe HorizontalPass(filter, forAnyProcessor: forAnyProcessor).apply(
                            planes.picture(), planeStride: planes.stride, to: found.baseAddress!, stride: 3)
                    }
                    for channel in 0..<3 {
                        let expected = weighted({ pixels[$0 * 3 + channel] }, filter)
                        #expect((0..<window.count).map { found[$0 * 3 + channel] } == expected, "\(length), \(kind)")
                    }
                }
                guard length <= 257 else { continue }
                for lineLength in [1, 63, 64, 65, 200] {
                    let vertical = VerticalPass(filter, lineLength: lineLength)
                    func sample(_ line: Int, _ column: Int) -> UInt8 { pixels[(line * 3 + column) % pixels.count] }
                    var lines = [[UInt8]](repeating: [], count: window.count)
                    for line in vertical.range {
                        let place = unsafe vertical.place(forLine: line)
                        for column in 0..<lineLength { unsafe place[column] = sample(line, column) }
                        unsafe vertical.complete(line: line) { result, target in
                            lines[target] = unsafe Array(UnsafeBufferPointer(start: result, count: lineLength))
                        }
                    }
                    for column in [0, lineLength / 2, lineLength - 1] {
                        #expect(lines.map { $0[column] } == weighted({ sample($0, column) }, filter), "\(length)")
                    }
                }
            }
        }
    }

    @Test("Every value with every alpha lies over black and white as blending says")
    func compositing() {
        let planes = PixelPlanes(width: 256, hasAlpha: true)
        for alpha in 0...255 {
            let row = (0...255).flatMap { value -> [UInt8] in [UInt8(value), UInt8(255 - value), 7, UInt8(alpha)] }
            unsafe row.withUnsafeBufferPointer { row in
                #expect(unsafe planes.split(rgba: row.baseAddress!, columns: 0..<256) == (alpha == 255))
            }
            planes.composite(columns: 0..<256)
            for value in 0...255 {
                let share = UInt8((Double(value * alpha) / 255).rounded())
                #expect(unsafe planes.picture(0)[value] == UInt8(value))
                #expect(unsafe planes.picture(1)[value] == share)
                #expect(unsafe planes.picture(2)[value] == share + UInt8(255 - alpha))
            }
        }
    }
}
