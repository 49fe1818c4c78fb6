import Domain
import ImageDecoding

/// A file that is decoded, and whose frames must keep the promises of `FrameVisitor`.
enum ImageInput {
    /// Small, so that an input takes milliseconds.
    private static let limits = DecodeLimits(
        maximumPixelsPerFrame: 1_000_000, maximumPixelsStreamed: 1_000_000, maximumPixelsTotal: 4_000_000,
        maximumFrames: 200, maximumScans: 20, maximumWorkingBytes: 64 << 20)

    static func read(_ bytes: RawSpan, as type: MediaType) {
        let visitor = CheckingVisitor()
        do throws(DecodingError) {
            try ImageDecoder.decode(bytes, type: type, limits: limits, visitor: visitor)
            precondition(!visitor.isInFrame, "a whole file ended within a frame")
            precondition(visitor.frames > 0, "a whole file had no frame")
        } catch {
            precondition(!error.explanation.isEmpty, "a refusal says why")
        }
    }

    private final class CheckingVisitor: FrameVisitor {
        private(set) var frames = 0
        private var header: FrameHeader?
        private var rows = 0
        /// So that every pixel is read, and memory that was never written shows.
        private var sum: UInt8 = 0

        var isInFrame: Bool { header != nil }

        func beginFrame(_ frame: FrameHeader) -> Bool {
            precondition(frame.width > 0 && frame.height > 0, "a frame without pixels")
            precondition(frame.width * frame.height <= limits.maximumPixelsPerFrame, "a frame beyond the limit")
            precondition(!frame.orientations.isEmpty, "a frame that nobody turns in any way")
            precondition(frame.index >= 0 && frame.index < frame.framesTotal, "a frame that is not in the file")
            header = frame
            rows = 0
            return true
        }

        func visitRow(_ row: Span<UInt8>) {
            guard let header else { preconditionFailure("a row of no frame") }
            precondition(row.count == header.width * header.channels, "a row of another width")
            for index in row.indices { sum &+= row[index] }
            rows += 1
        }

        func endFrame() -> Bool {
            precondition(rows == header?.height, "a frame with rows missing")
            header = nil
            frames += 1
            return true
        }
    }
}
