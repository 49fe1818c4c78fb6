import Domain
import JSON
import TestSupport
import Testing

/// fixtures/scores.json: what the model's reference says of each fixture.
struct ExpectedScores {
    struct Scored: Sendable, CustomTestStringConvertible {
        let file: String
        let score: Double
        /// By how much the score may differ: more than a little only where two decoders of a lossy picture do.
        let tolerance: Double
        /// Pictures in the file.
        let frames: Int
        /// CRC-32 of the pixels resized and cut out, and of those recompressed; nil where several pictures count.
        let resized: UInt32?
        let recompressed: UInt32?
        /// Pictures that are looked at until one is at or above the model's threshold.
        let framesScanned: Int
        var testDescription: String { file }
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let file: String
        let reason: String
        var testDescription: String { file }
    }

    let modelSHA256: String
    let scored: [Scored]
    let refused: [Refused]

    init() throws {
        let document = try JSONParser.parse(try Repository.bytes("fixtures/scores.json")).objectValue ?? [:]
        modelSHA256 = document["model_sha256"]?.stringValue ?? ""
        scored = try (document["files"]?.objectValue ?? [:]).map { file, value in
            guard let entry = value.objectValue, let score = entry["score"]?.doubleValue else {
                throw SupportError("fixtures/scores.json: \(file) has no score")
            }
            return Scored(
                file: file, score: score, tolerance: entry["tolerance"]?.doubleValue ?? 0.001,
                frames: Int(entry["frames"]?.integerValue ?? 1),
                resized: (entry["resized"]?.integerValue).map { UInt32(truncatingIfNeeded: $0) },
                recompressed: (entry["recompressed"]?.integerValue).map { UInt32(truncatingIfNeeded: $0) },
                framesScanned: Int(entry["frames_scanned"]?.integerValue ?? 1))
        }
        refused = try (document["refused"]?.objectValue ?? [:]).map { file, value in
            guard let reason = value.objectValue?["reason"]?.stringValue else {
                throw SupportError("fixtures/scores.json: \(file) has no reason")
            }
            return Refused(file: file, reason: reason)
        }
    }

    /// For the arguments of tests; a missing or malformed file is reported by "The scores are there".
    static let all = try? ExpectedScores()
}
