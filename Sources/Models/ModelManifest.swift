package import Domain

/// A classifier, described by a JSON file that lies beside its ONNX file: another model is another manifest, not code.
package struct ModelManifest: Hashable, Sendable {
    /// The order of the input tensor's dimensions after the batch's.
    package enum Layout: String, CaseIterable, Sendable {
        case heightWidthChannels = "NHWC"
        case channelsHeightWidth = "NCHW"
    }

    package enum ChannelOrder: String, CaseIterable, Sendable {
        case rgb = "RGB"
        case bgr = "BGR"
    }

    /// The tensor that the model takes: one picture of 32-bit floats.
    package struct Input: Hashable, Sendable {
        package var name: String
        package var layout: Layout
        package var width: Int
        package var height: Int
        package var channelOrder: ChannelOrder
        /// Subtracted from the 0...255 of each channel, in `channelOrder`.
        package var mean: [Double]
        /// Multiplies what is left of each channel.
        package var scale: Double

        /// Dimensions, with a batch of one.
        package var shape: [Int] {
            switch layout {
            case .heightWidthChannels: [1, height, width, 3]
            case .channelsHeightWidth: [1, 3, height, width]
            }
        }
    }

    /// What happens to a picture before it becomes the tensor: it is resized, whatever its proportions, to `width` ×
    /// `height` (antialiased bilinear in Pillow's integer arithmetic), the middle of the input's size is cut out, and
    /// that is compressed as JPEG and decoded again.
    package struct Preprocessing: Hashable, Sendable {
        /// Names the whole procedure in decision receipts; changes whenever scores may change.
        package var version: String
        package var width: Int
        package var height: Int
        /// nil: no recompression.
        package var jpegQuality: Int?
    }

    /// A matrix of probabilities, one row for the one picture.
    package struct Output: Hashable, Sendable {
        package var name: String
        /// Columns.
        package var count: Int
        /// The column that is the score.
        package var index: Int
    }

    /// A known input and the score that the model gives it, to notice a runtime that computes something else. The input
    /// is a square grid of colours, blown up bilinearly over the input's size, its edges held.
    package struct SelfTest: Hashable, Sendable {
        /// Colours per row and column of the grid.
        package var gridSize: Int
        /// `gridSize`² × RGB, row by row.
        package var colours: [UInt8]
        package var score: Double
        package var tolerance: Double
    }

    /// Path of the manifest.
    package let path: String
    package var name: String
    /// Name of the ONNX file in the manifest's directory.
    package var file: String
    package var sha256: ContentHash
    package var input: Input
    package var preprocessing: Preprocessing
    package var output: Output
    /// The score from which on the model's authors call a picture NSFW.
    package var threshold: Double
    package var licence: String
    package var source: String
    /// Name of the screen model's manifest in this one's directory; nil where there is none.
    package var screen: String?
    package var selfTest: SelfTest

    package var identity: ModelIdentity {
        ModelIdentity(name: name, sha256: sha256.rawValue, preprocessing: preprocessing.version)
    }

    /// Path of the ONNX file.
    package var modelPath: String { path(ofNeighbour: file) }

    /// Path of another file in the manifest's directory.
    func path(ofNeighbour name: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return name }
        return String(path[...slash]) + name
    }

    /// Reads the manifest at `path`.
    package init(contentsOf path: String) throws(ModelError) {
        try self.init(path: path, text: FileReader.read(path, maximumBytes: 1_048_576))
    }

    /// The bytes of the ONNX file, whose hash was found to be the manifest's.
    package func readModel() throws(ModelError) -> [UInt8] { try FileReader.readModel(modelPath, sha256: sha256) }
}
