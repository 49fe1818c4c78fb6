internal import Domain

/// What a worker that is ready says of its screen model.
package enum ScreenReport: Hashable, Sendable {
    /// It was not asked to load one, or the model has none.
    case off
    /// Loaded, and what it gave for the model's known tensor.
    case ready(sha256: String, selfTestScore: Double)
    /// It cannot be used: the worker scores everything exactly. The text is for the operator.
    case unusable(String)

    /// Of the screen model, where it is loaded.
    package var sha256: String? {
        guard case .ready(let sha256, _) = self else { return nil }
        return sha256
    }

    private enum State: UInt8 {
        case off = 0
        case ready
        case unusable
    }

    private static let textCapacity = 360

    func append(to writer: inout MessageWriter) {
        let (state, score, text): (State, Double, String) =
            switch self {
            case .off: (.off, 0, "")
            case .ready(let sha256, let score): (.ready, score, sha256)
            case .unusable(let text): (.unusable, 0, text)
            }
        writer.append(state.rawValue)
        writer.append(score)
        writer.append(text, capacity: Self.textCapacity)
    }

    init(from reader: inout MessageReader) throws(WorkerProtocolError) {
        let code: UInt8 = try reader.integer("screen")
        let score = try reader.fraction("screen's self-test score")
        let text = try reader.text("screen's text", capacity: Self.textCapacity)
        switch State(rawValue: code) {
        case .off: self = .off
        case .ready:
            guard ContentHash(rawValue: text) != nil else { throw .malformed("screen: \(text)") }
            self = .ready(sha256: text, selfTestScore: score)
        case .unusable: self = .unusable(text)
        case nil: throw .malformed("screen: \(code)")
        }
    }
}
