internal import Crypto
package import Domain
internal import JSON

/// A cheaper model that was made from an exact one when the machine was set up, described by a JSON file beside it. It takes
/// the same input and gives the same output.
package struct ScreenManifest: Hashable, Sendable {
    /// Path of the ONNX file.
    package let modelPath: String
    package let sha256: ContentHash
    /// What it gives for the exact manifest's known input, and by how much that may differ from processor to processor.
    package let selfTestScore: Double
    package let selfTestTolerance: Double

    /// Reads the manifest that `exact` names; nil where it names none. Throws where the screen was made from another model.
    package init?(of exact: ModelManifest) throws(ModelError) {
        guard let name = exact.screen else { return nil }
        let path = exact.path(ofNeighbour: name)
        let value: JSONValue
        let text = try FileReader.read(path, maximumBytes: 1_048_576)
        do {
            value = try JSONParser.parse(text)
        } catch {
            throw .malformed(file: path, reason: error.message)
        }
        var root = try ManifestSection(value, key: "the manifest", file: path)
        let file = try root.text("file")
        guard !file.utf8.contains(UInt8(ascii: "/")) else {
            throw root.invalid("file", "the name of a file in the manifest's directory")
        }
        modelPath = exact.path(ofNeighbour: file)
        sha256 = try root.hash("sha256")
        let source = try root.hash("exact_sha256")
        guard source == exact.sha256 else {
            throw root.invalid("exact_sha256", "\(exact.sha256.rawValue), the hash of the model in use")
        }
        _ = try (root.text("made_by"), root.text("recipe"))
        var test = try root.section("self_test")
        selfTestScore = try test.number("score", in: 0...1)
        selfTestTolerance = try test.number("tolerance", in: 0...0.1)
        try test.finish()
        try root.finish()
    }

    /// The bytes of the ONNX file, whose hash was found to be the manifest's.
    package func readModel() throws(ModelError) -> [UInt8] { try FileReader.readModel(modelPath, sha256: sha256) }
}
