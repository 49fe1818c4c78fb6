package import Domain

/// The service asks a worker to score one file. The file's descriptor, open for reading only, travels with it.
package struct ScanRequest: Hashable, Sendable {
    /// Repeated by the reply.
    package var id: UInt64
    package var mediaType: MediaType
    /// 0...1. A worker may stop at the first frame that scores at or above it.
    package var threshold: Double
    package var mode: ScanMode
    package var limits: ScanLimits

    package init(
        id: UInt64, mediaType: MediaType, threshold: Double, mode: ScanMode = .exact, limits: ScanLimits
    ) {
        self.id = id
        self.mediaType = mediaType
        self.threshold = threshold
        self.mode = mode
        self.limits = limits
    }

    private enum Mode: UInt8 {
        case exact = 1
        case screened
        case screenOnly
    }

    private static let mediaTypeCapacity = 64

    package func encoded() -> [UInt8] {
        var writer = MessageWriter(.request)
        writer.append(id)
        writer.append(mediaType.rawValue, capacity: Self.mediaTypeCapacity)
        writer.append(threshold)
        let (code, margin): (Mode, Double) =
            switch mode {
            case .exact: (.exact, 0)
            case .screened(let margin): (.screened, margin)
            case .screenOnly: (.screenOnly, 0)
            }
        writer.append(code.rawValue)
        writer.append(margin)
        writer.append(UInt64(limits.maximumFileBytes))
        writer.append(UInt64(limits.maximumPixelsPerFrame))
        writer.append(UInt64(limits.maximumPixelsStreamed))
        writer.append(UInt64(limits.maximumPixelsTotal))
        writer.append(UInt64(limits.maximumFrames))
        writer.append(UInt64(limits.maximumScans))
        writer.append(UInt64(limits.maximumWorkingBytes))
        return writer.finished()
    }

    package init(decoding bytes: [UInt8]) throws(WorkerProtocolError) {
        var reader = try MessageReader(bytes, .request)
        id = try reader.integer("id")
        let type = try reader.text("media type", capacity: Self.mediaTypeCapacity)
        guard let mediaType = MediaType(rawValue: type) else { throw .malformed("media type: \(type)") }
        self.mediaType = mediaType
        threshold = try reader.fraction("threshold")
        let code: UInt8 = try reader.integer("mode")
        let margin = try reader.fraction("margin")
        mode =
            switch Mode(rawValue: code) {
            case .exact: .exact
            case .screened: .screened(margin: margin)
            case .screenOnly: .screenOnly
            case nil: throw .malformed("mode: \(code)")
            }
        limits = ScanLimits(
            maximumFileBytes: try reader.size("maximum file bytes"),
            maximumPixelsPerFrame: try reader.size("maximum pixels per frame"),
            maximumPixelsStreamed: try reader.size("maximum pixels row by row"),
            maximumPixelsTotal: try reader.size("maximum pixels in total"),
            maximumFrames: try reader.size("maximum frames"),
            maximumScans: try reader.size("maximum scans"),
            maximumWorkingBytes: try reader.size("maximum working bytes"))
        try reader.finish()
    }
}
