import Domain
import ImageDecoding

/// Keeps what a decoder shows.
final class Canvas: FrameVisitor {
    private(set) var frames: [FrameHeader] = []
    /// Of the last frame, row by row.
    private(set) var pixels: [UInt8] = []
    private(set) var finished = 0
    var wantsRows = true
    /// Numbers of the only frames that are wanted, nil for all.
    var wanted: Set<Int>?
    var keepsPixels = true
    /// Frames after which enough was seen.
    var maximumFrames = Int.max

    func beginFrame(_ frame: FrameHeader) -> Bool {
        frames.append(frame)
        guard wantsRows, wanted?.contains(frame.index) ?? true else { return false }
        pixels = []
        return true
    }

    func visitRow(_ row: Span<UInt8>) {
        guard keepsPixels else { return }
        unsafe row.withUnsafeBufferPointer { row in unsafe pixels.append(contentsOf: row) }
    }

    func endFrame() -> Bool {
        finished += 1
        return finished < maximumFrames
    }
}

extension ImageDecoder {
    static func decode(
        _ bytes: [UInt8], type: MediaType? = nil, limits: DecodeLimits = DecodeLimits(), on canvas: Canvas
    ) throws(DecodingError) {
        let type = type ?? MediaType(sniffing: Array(bytes.prefix(MediaType.sniffLength)))
        unsafe try decode(bytes.span.bytes, type: type, limits: limits, visitor: canvas)
    }
}
