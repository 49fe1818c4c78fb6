package import Domain

/// What a worker made of one file.
package struct ScanReply: Hashable, Sendable {
    package enum Result: Hashable, Sendable {
        case scored(ScanScore)
        /// Cannot be decoded; the text may be shown to the client, as may the others.
        case corrupt(String)
        case limitExceeded(String)
        /// This build has no decoder for it.
        case unsupported(String)
        /// The worker could not do its work, whatever the file: the model failed, for one.
        case failed(String)
    }

    /// That of the request.
    package var id: UInt64
    package var result: Result
    /// Decoding and scoring, as the worker measured it.
    package var elapsedMicroseconds: UInt64
    /// The worker has used up its processor time and exits after this reply; a fresh one is to take its place.
    package var isRetiring: Bool

    package init(id: UInt64, result: Result, elapsedMicroseconds: UInt64, isRetiring: Bool = false) {
        self.id = id
        self.result = result
        self.elapsedMicroseconds = elapsedMicroseconds
        self.isRetiring = isRetiring
    }

    /// Bytes of an explanation, at most.
    package static let explanationCapacity = 240

    private enum Status: UInt8 {
        case scored = 1
        case corrupt
        case limitExceeded
        case unsupported
        case failed
    }

    package func encoded() -> [UInt8] {
        let (status, score, explanation): (Status, ScanScore, String) =
            switch result {
            case .scored(let score): (.scored, score, "")
            case .corrupt(let text): (.corrupt, Self.noScore, text)
            case .limitExceeded(let text): (.limitExceeded, Self.noScore, text)
            case .unsupported(let text): (.unsupported, Self.noScore, text)
            case .failed(let text): (.failed, Self.noScore, text)
            }
        var writer = MessageWriter(.reply)
        writer.append(id)
        writer.append(status.rawValue)
        writer.append(UInt8(isRetiring ? 1 : 0))
        writer.append(elapsedMicroseconds)
        writer.append(score.score)
        writer.append(UInt32(score.framesTotal))
        writer.append(UInt32(score.framesScanned))
        writer.append(UInt8(score.pass == .screen ? 1 : 0))
        writer.append(explanation, capacity: Self.explanationCapacity)
        return writer.finished()
    }

    /// Trusts nothing: a worker that decoded a hostile file may be in the file's hands. Every field is checked against
    /// what the request allows; what passes is at worst a wrong verdict on that worker's own file.
    package init(decoding bytes: [UInt8], to request: ScanRequest) throws(WorkerProtocolError) {
        var reader = try MessageReader(bytes, .reply)
        id = try reader.integer("id")
        guard id == request.id else { throw .malformed("id: \(id) instead of \(request.id)") }
        let code: UInt8 = try reader.integer("status")
        guard let status = Status(rawValue: code) else { throw .malformed("status: \(code)") }
        isRetiring = try reader.count("retiring", as: UInt8.self, in: 0...1) == 1
        elapsedMicroseconds = try reader.integer("elapsed")
        let score = ScanScore(
            score: try reader.fraction("score"),
            framesTotal: try reader.count("frames", as: UInt32.self, in: 0...Int(Int32.max)),
            framesScanned: try reader.count("frames scanned", as: UInt32.self, in: 0...Int(Int32.max)),
            pass: try reader.count("pass", as: UInt8.self, in: 0...1) == 1 ? .screen : .exact)
        let explanation = try reader.text("explanation", capacity: Self.explanationCapacity)
        try reader.finish()
        switch status {
        case .scored:
            guard score.framesScanned >= 1, score.framesScanned <= score.framesTotal else {
                throw .malformed("frames: \(score.framesScanned) of \(score.framesTotal)")
            }
            guard score.pass == .exact || request.mode.canClear(score.score) else {
                throw .malformed("pass: the screen cleared \(score.score)")
            }
            guard explanation.isEmpty else { throw .malformed("explanation of a score") }
            result = .scored(score)
        case .corrupt, .limitExceeded, .unsupported, .failed:
            guard score == Self.noScore else { throw .malformed("score of a failure") }
            guard !explanation.isEmpty else { throw .malformed("explanation: empty") }
            result =
                switch status {
                case .corrupt: .corrupt(explanation)
                case .limitExceeded: .limitExceeded(explanation)
                case .unsupported: .unsupported(explanation)
                case .failed, .scored: .failed(explanation)
                }
        }
    }

    private static let noScore = ScanScore(score: 0, framesTotal: 0, framesScanned: 0)
}

extension ScanMode {
    /// Whether the screen may end a scan with this score.
    fileprivate func canClear(_ score: Double) -> Bool {
        switch self {
        case .exact: false
        case .screened(let margin): score < margin
        case .screenOnly: true
        }
    }
}
