internal import Domain
internal import JSON

extension ModelManifest {
    /// Reads a manifest's text; `path` serves error messages and finds the ONNX file.
    package init(path: String, text: [UInt8]) throws(ModelError) {
        let value: JSONValue
        do {
            value = try JSONParser.parse(text)
        } catch {
            throw .malformed(file: path, reason: error.message)
        }
        var root = try ManifestSection(value, key: "the manifest", file: path)
        self.path = path
        name = try root.text("name")
        file = try root.text("file")
        guard !file.utf8.contains(UInt8(ascii: "/")) else {
            throw root.invalid("file", "the name of a file in the manifest's directory")
        }
        sha256 = try root.hash("sha256")
        input = try Self.input(root.section("input"))
        preprocessing = try Self.preprocessing(root.section("preprocessing"), input: input)
        output = try Self.output(root.section("output"))
        threshold = try root.number("threshold", in: 0...1)
        licence = try root.text("licence")
        source = try root.text("source")
        screen = try root.optionalText("screen")
        if let screen, screen.utf8.contains(UInt8(ascii: "/")) {
            throw root.invalid("screen", "the name of a file in the manifest's directory")
        }
        selfTest = try Self.selfTest(root.section("self_test"))
        try root.finish()
    }

    private static func input(_ given: ManifestSection) throws(ModelError) -> Input {
        var section = given
        let layout = try section.choice("layout", of: Layout.self)
        let shape = try section.numbers("shape", count: 4).map { Int(exactly: $0) ?? 0 }
        let channelsFirst = layout == .channelsHeightWidth
        let (height, width, channels) =
            channelsFirst ? (shape[2], shape[3], shape[1]) : (shape[1], shape[2], shape[3])
        guard shape[0] == 1, channels == 3, sizes.contains(width), sizes.contains(height) else {
            throw section.invalid(
                "shape",
                "a batch of 1, 3 channels and \(sizes.lowerBound) to \(sizes.upperBound) rows and columns, as the layout orders them"
            )
        }
        let input = Input(
            name: try section.text("name"), layout: layout, width: width, height: height,
            channelOrder: try section.choice("channel_order", of: ChannelOrder.self),
            mean: try section.numbers("mean", count: 3), scale: try section.number("scale", in: -1e6...1e6))
        try section.finish()
        return input
    }

    private static func preprocessing(_ given: ManifestSection, input: Input) throws(ModelError) -> Preprocessing {
        var section = given
        let filter = try section.text("filter")
        guard filter == "bilinear_antialiased" else { throw section.invalid("filter", "\"bilinear_antialiased\"") }
        let result = Preprocessing(
            version: try section.text("version"),
            width: try section.integer("width", in: input.width...sizes.upperBound),
            height: try section.integer("height", in: input.height...sizes.upperBound),
            jpegQuality: try section.optionalInteger("jpeg_quality", in: 1...100))
        try section.finish()
        return result
    }

    private static func output(_ given: ManifestSection) throws(ModelError) -> Output {
        var section = given
        let count = try section.integer("count", in: 1...1000)
        let output = Output(
            name: try section.text("name"), count: count, index: try section.integer("index", in: 0...count - 1))
        try section.finish()
        return output
    }

    private static func selfTest(_ given: ManifestSection) throws(ModelError) -> SelfTest {
        var section = given
        let gridSize = try section.integer("grid_size", in: 1...32)
        let texts = try section.texts("colours", count: gridSize * gridSize)
        var colours: [UInt8] = []
        for text in texts {
            guard text.utf8.count == 6, let number = UInt32(text, radix: 16) else {
                throw section.invalid("colours", "colours of 6 hexadecimal digits, RRGGBB, instead of \"\(text)\"")
            }
            colours += [UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
        }
        let test = SelfTest(
            gridSize: gridSize, colours: colours, score: try section.number("score", in: 0...1),
            tolerance: try section.number("tolerance", in: 0...0.1))
        try section.finish()
        return test
    }

    /// Sides of a model's input, in pixels.
    private static let sizes = 8...1024
}
