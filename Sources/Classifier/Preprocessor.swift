internal import ImageDecoding
internal import Models

/// Makes the model's input of a picture, as its manifest says.
struct Preprocessor {
    private let input: ModelManifest.Input
    private let preprocessing: ModelManifest.Preprocessing

    init(_ manifest: ModelManifest) {
        input = manifest.input
        preprocessing = manifest.preprocessing
    }

    /// What part of the resized picture the model looks at: its middle.
    var target: RowResampler.Target {
        let left = (preprocessing.width - input.width) / 2
        let top = (preprocessing.height - input.height) / 2
        return RowResampler.Target(
            width: preprocessing.width, height: preprocessing.height, columns: left..<left + input.width,
            rows: top..<top + input.height)
    }

    /// Recompresses the picture (RGB, of the input's size), if the model wants that.
    func recompress(_ pixels: inout [UInt8]) throws(ClassifierError) {
        guard let quality = preprocessing.jpegQuality else { return }
        do {
            try JPEGRecompressor.recompress(&pixels, width: input.width, height: input.height, quality: quality)
        } catch {
            throw .outOfMemory
        }
    }

    /// Writes the tensor of a picture whose value at a pixel's channel (0 red, 1 green, 2 blue) is `value`.
    func fill(_ tensor: UnsafeMutableBufferPointer<Float>, _ value: (_ pixel: Int, _ channel: Int) -> Float) {
        let count = input.width * input.height
        precondition(tensor.count == count * 3)
        let (pixelStride, planeStride) = input.layout == .heightWidthChannels ? (3, 1) : (1, count)
        for plane in 0..<3 {
            let channel = input.channelOrder == .rgb ? plane : 2 - plane
            let mean = Float(input.mean[plane])
            let scale = Float(input.scale)
            for pixel in 0..<count {
                // In bounds: the tensor has 3 × `count` elements, which was checked.
                unsafe tensor[pixel * pixelStride + plane * planeStride] = (value(pixel, channel) - mean) * scale
            }
        }
    }

    func fill(_ tensor: UnsafeMutableBufferPointer<Float>, with pixels: [UInt8]) {
        precondition(pixels.count == tensor.count)
        unsafe pixels.withUnsafeBufferPointer { pixels in
            unsafe fill(tensor) { pixel, channel in unsafe Float(pixels[pixel * 3 + channel]) }
        }
    }

    /// Writes the manifest's self-test: a grid of colours, blown up bilinearly.
    func fill(_ tensor: UnsafeMutableBufferPointer<Float>, with test: ModelManifest.SelfTest) {
        let columns = Self.spread(test.gridSize, over: input.width)
        let rows = Self.spread(test.gridSize, over: input.height)
        unsafe fill(tensor) { pixel, channel in
            let column = columns[pixel % input.width]
            let row = rows[pixel / input.width]
            func colour(_ y: Int, _ x: Int) -> Double { Double(test.colours[(y * test.gridSize + x) * 3 + channel]) }
            let upper = colour(row.low, column.low) * (1 - column.part) + colour(row.low, column.high) * column.part
            let lower = colour(row.high, column.low) * (1 - column.part) + colour(row.high, column.high) * column.part
            return Float(upper * (1 - row.part) + lower * row.part)
        }
    }

    /// For each of `size` samples: the grid's neighbours on both sides, and how far it is from the lower one.
    private static func spread(_ gridSize: Int, over size: Int) -> [(low: Int, high: Int, part: Double)] {
        (0..<size).map { index in
            let position = (Double(index) + 0.5) * Double(gridSize) / Double(size) - 0.5
            let low = Int(position.rounded(.down))
            return (max(0, low), min(gridSize - 1, low + 1), position - Double(low))
        }
    }
}
