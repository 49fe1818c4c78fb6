/// The frames of an animated PNG (W3C PNG, third edition, sections 11.3.6 and 12.4), as its chunks describe them. What
/// breaks the rules is refused: viewers without the animation, or with another idea of it, show something else.
struct PNGAnimation {
    struct Frame {
        var rectangle: CanvasRectangle
        var disposal: AnimationCanvas.Disposal
        /// Whether it is laid over what is there, or replaces it.
        var isBlended: Bool
        /// Where in the file the chunks of its data are, others among them; nil until the first one came.
        fileprivate(set) var chunks: Range<Int>?
    }

    private(set) var frames: [Frame] = []
    /// Whether the picture that viewers without animation show is the first frame.
    private(set) var hasDefaultPicture = false
    /// Where in the file the chunks are that all frames share: palette, transparency, gamma.
    private var shared: [Range<Int>] = []
    private let hasColourSpace: Bool
    /// What the animation announces; nil until it does.
    private var announcedFrames: Int?
    private var hasData = false
    private var nextSequenceNumber: UInt32 = 0

    private static let control = PNGChunks.type("acTL")
    private static let frameControl = PNGChunks.type("fcTL")
    private static let frameData = PNGChunks.type("fdAT")
    private static let data = PNGChunks.type("IDAT")
    private static let end = PNGChunks.type("IEND")
    private static let palette = PNGChunks.type("PLTE")
    private static let transparency = PNGChunks.type("tRNS")
    private static let gamma = PNGChunks.type("gAMA")
    /// Of a shared chunk; a palette needs 768.
    private static let maximumSharedBytes = 1024

    init(_ file: RawSpan, _ chunks: PNGChunks, limits: DecodeLimits) throws(DecodingError) {
        hasColourSpace = chunks.hasColourSpace
        var offset = PNGChunks.signatureBytes
        while true {
            guard let chunk = PNGChunks.chunk(file, at: offset) else { throw .corrupt("PNG: the file is truncated") }
            if chunk.type == Self.end { break }
            try read(chunk, file, chunks, limits: limits)
            offset = chunk.whole.upperBound
        }
        guard frames.count == announcedFrames, frames.allSatisfy({ $0.chunks != nil }) else {
            throw .corrupt("PNG: an animation of other frames than announced")
        }
    }

    private mutating func read(
        _ chunk: PNGChunks.Chunk, _ file: RawSpan, _ chunks: PNGChunks, limits: DecodeLimits
    ) throws(DecodingError) {
        switch chunk.type {
        case Self.control:
            try Self.verify(chunk, file)
            guard announcedFrames == nil, !hasData, chunk.data.count == 8,
                let count = file.bigEndian32(at: chunk.data.lowerBound)
            else { throw .corrupt("PNG: a misplaced animation header") }
            guard count <= limits.maximumFrames else {
                throw .limitExceeded("\(count) frames; at most \(limits.maximumFrames) can be checked")
            }
            announcedFrames = Int(count)
        case Self.frameControl:
            try Self.verify(chunk, file)
            try beginFrame(chunk, file, chunks)
        case Self.data:
            hasData = true
            if hasDefaultPicture, frames.count == 1 { extendFrame(by: chunk) }
        case Self.frameData:
            try Self.verify(chunk, file)
            try checkSequence(file.bigEndian32(at: chunk.data.lowerBound), isWhole: chunk.data.count >= 4)
            guard hasData, frames.count > (hasDefaultPicture ? 1 : 0) else {
                throw .corrupt("PNG: data of no frame")
            }
            extendFrame(by: chunk)
        case Self.palette, Self.transparency, Self.gamma:
            guard !hasData else { return }
            guard chunk.data.count <= Self.maximumSharedBytes, shared.count < 3 else {
                throw .corrupt("PNG: a palette, transparency or gamma of unusual size")
            }
            shared.append(chunk.whole)
        default: break
        }
    }

    private mutating func beginFrame(
        _ chunk: PNGChunks.Chunk, _ file: RawSpan, _ chunks: PNGChunks
    ) throws(DecodingError) {
        let start = chunk.data.lowerBound
        try checkSequence(file.bigEndian32(at: start), isWhole: chunk.data.count == 26)
        guard let width = file.bigEndian32(at: start + 4), let height = file.bigEndian32(at: start + 8),
            let left = file.bigEndian32(at: start + 12), let top = file.bigEndian32(at: start + 16),
            let disposal = file.byte(at: start + 24), let blending = file.byte(at: start + 25),
            let announced = announcedFrames, frames.count < announced
        else { throw .corrupt("PNG: a frame that was not announced") }
        let rectangle = CanvasRectangle(left: Int(left), top: Int(top), width: Int(width), height: Int(height))
        let canvas = CanvasRectangle(left: 0, top: 0, width: chunks.width, height: chunks.height)
        guard width > 0, height > 0, rectangle.clipped(toWidth: canvas.width, height: canvas.height) == rectangle,
            disposal <= 2, blending <= 1, hasData || (frames.isEmpty && rectangle == canvas)
        else { throw .corrupt("PNG: a frame outside its picture, or of an unknown kind") }
        if !hasData { hasDefaultPicture = true }
        frames.append(
            Frame(
                rectangle: rectangle, disposal: [.keep, .clear, .restore][disposal], isBlended: blending == 1))
    }

    private mutating func extendFrame(by chunk: PNGChunks.Chunk) {
        let start = frames[frames.count - 1].chunks?.lowerBound ?? chunk.whole.lowerBound
        frames[frames.count - 1].chunks = start..<chunk.whole.upperBound
    }

    private mutating func checkSequence(_ number: UInt32?, isWhole: Bool) throws(DecodingError) {
        guard isWhole, number == nextSequenceNumber else { throw .corrupt("PNG: frames that are out of order") }
        nextSequenceNumber += 1
    }

    /// libpng, which knows no animations, does not verify these.
    private static func verify(_ chunk: PNGChunks.Chunk, _ file: RawSpan) throws(DecodingError) {
        let found = unsafe file.withUnsafeBytes { bytes in
            unsafe PNGReader.checksum(
                UnsafeRawBufferPointer(rebasing: bytes[chunk.data.lowerBound - 4..<chunk.data.upperBound]))
        }
        guard found == file.bigEndian32(at: chunk.data.upperBound) else {
            throw .corrupt("PNG: a wrong checksum in an animation")
        }
    }

    /// With the default picture, which counts even where it is not part of the animation: viewers without animation show
    /// it.
    var framesTotal: Int { frames.count + (hasDefaultPicture ? 0 : 1) }

    /// A frame as a PNG of its own.
    func picture(of frame: Frame, _ file: RawSpan, limits: DecodeLimits) throws(DecodingError) -> PixelMemory {
        var dataCount = 0
        Self.forEachPart(of: frame, file) { dataCount += $0.count }
        // The colour space itself is not applied, but it overrides gamma.
        let shared = shared.filter { !hasColourSpace || file.bigEndian32(at: $0.lowerBound + 4) != Self.gamma }
        let count = PNGWriter.overhead + shared.reduce(0) { $0 + $1.count } + dataCount
        try limits.checkMemory(bytes: count, for: "PNG")
        guard dataCount <= Int32.max else { throw .limitExceeded("a frame of \(dataCount) compressed bytes") }
        let memory = try PixelMemory(count: count)
        unsafe file.withUnsafeBytes { bytes in
            var writer = unsafe PNGWriter(
                UnsafeMutableRawBufferPointer(start: memory.pointer(count: count), count: count))
            unsafe writer.append(bytes, 0..<PNGChunks.signatureBytes)
            writer.beginChunk("IHDR", count: 13)
            writer.append(UInt32(frame.rectangle.width))
            writer.append(UInt32(frame.rectangle.height))
            // Depth, colour type, compression, filter, interlacing.
            unsafe writer.append(bytes, 24..<29)
            writer.endChunk()
            for range in shared { unsafe writer.append(bytes, range) }
            writer.beginChunk("IDAT", count: dataCount)
            Self.forEachPart(of: frame, file) { unsafe writer.append(bytes, $0) }
            writer.endChunk()
            writer.beginChunk("IEND", count: 0)
            writer.endChunk()
            precondition(writer.isFull)
        }
        return memory
    }

    /// Gives `body` the places of the compressed data of a frame. Nothing is collected: there may be millions of them.
    private static func forEachPart(of frame: Frame, _ file: RawSpan, _ body: (Range<Int>) -> Void) {
        guard let chunks = frame.chunks else { return }
        var offset = chunks.lowerBound
        while offset < chunks.upperBound, let chunk = PNGChunks.chunk(file, at: offset) {
            if chunk.type == data { body(chunk.data) }
            // After the sequence number.
            if chunk.type == frameData { body(chunk.data.lowerBound + 4..<chunk.data.upperBound) }
            offset = chunk.whole.upperBound
        }
    }
}
