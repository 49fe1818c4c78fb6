import ImageDecoding

/// Keeps every frame that a decoder shows.
final class FrameRecorder: FrameVisitor {
    private(set) var headers: [FrameHeader] = []
    /// RGB and alpha, for every frame that was wanted.
    private(set) var frames: [[UInt8]] = []
    private let wants: (FrameHeader) -> Bool
    private let goesOn: (FrameHeader) -> Bool

    init(
        wants: @escaping (FrameHeader) -> Bool = { _ in true }, goesOn: @escaping (FrameHeader) -> Bool = { _ in true }
    ) {
        self.wants = wants
        self.goesOn = goesOn
    }

    func beginFrame(_ frame: FrameHeader) -> Bool {
        headers.append(frame)
        guard wants(frame) else { return false }
        frames.append([])
        return true
    }

    func visitRow(_ row: Span<UInt8>) {
        guard let header = headers.last, !frames.isEmpty else { return }
        unsafe row.withUnsafeBufferPointer { row in
            guard header.channels == 3 else {
                unsafe frames[frames.count - 1].append(contentsOf: row)
                return
            }
            var pixels = [UInt8](repeating: 255, count: header.width * 4)
            for pixel in 0..<header.width {
                for channel in 0..<3 { unsafe pixels[pixel * 4 + channel] = row[pixel * 3 + channel] }
            }
            frames[frames.count - 1] += pixels
        }
    }

    func endFrame() -> Bool { headers.last.map(goesOn) ?? false }

    /// The frames without the colours of what is transparent.
    var visible: [[UInt8]] {
        frames.map { frame in
            var frame = frame
            for alpha in stride(from: 3, to: frame.count, by: 4) where frame[alpha] == 0 {
                for channel in alpha - 3..<alpha { frame[channel] = 0 }
            }
            return frame
        }
    }

    /// The pixel at (`x`, `y`) of frame `number`: RGB and alpha.
    func pixel(_ number: Int, _ x: Int, _ y: Int) -> [UInt8] {
        guard frames.indices.contains(number), x < headers[number].width else { return [] }
        return Array(frames[number].dropFirst((y * headers[number].width + x) * 4).prefix(4))
    }
}
