package import Domain

/// A worker's first message: how its start ended.
package enum StartReport: Hashable, Sendable {
    case ready(WorkerDescription)
    /// The text says what was looked for and what was found; it is for the operator, not for clients.
    case failed(StartFailure, String)

    private static let textCapacity = 480

    package func encoded() -> [UInt8] {
        switch self {
        case .ready(let worker): return worker.encoded()
        case .failed(let failure, let text):
            var writer = MessageWriter(.startFailure)
            writer.append(failure.rawValue)
            writer.append(text, capacity: Self.textCapacity)
            return writer.finished()
        }
    }

    package init(decoding bytes: [UInt8]) throws(WorkerProtocolError) {
        guard MessageReader.kind(of: bytes) == .startFailure else {
            self = .ready(try WorkerDescription(decoding: bytes))
            return
        }
        var reader = try MessageReader(bytes, .startFailure)
        let code: UInt8 = try reader.integer("failure")
        guard let failure = StartFailure(rawValue: code) else { throw .malformed("failure: \(code)") }
        let text = try reader.text("text", capacity: Self.textCapacity)
        try reader.finish()
        self = .failed(failure, text)
    }
}

/// Why a worker could not start.
package enum StartFailure: UInt8, CaseIterable, Sendable {
    case invalidArguments = 1
    /// The manifest or the model file is missing.
    case noModel
    /// The inference runtime is missing.
    case noRuntime
    /// Model or runtime are there and wrong: another hash, a manifest that does not hold, a failing load.
    case invalidModel
    /// The model loads and gives another score than its manifest promises.
    case selfTestFailed
    /// A wall of the sandbox that must stand could not be raised.
    case sandboxFailed
    /// Memory was lacking.
    case outOfMemory

    /// The exit status of a worker that ends so.
    package var exitStatus: CInt { 64 + CInt(rawValue) }
}

/// How a worker dies that has no memory left.
package enum WorkerMemory {
    package static let exitStatus: CInt = 80
}

/// A worker that is ready, in its own words.
package struct WorkerDescription: Hashable, Sendable {
    package var model: ModelIdentity
    /// What the model gave for the manifest's known tensor.
    package var selfTestScore: Double
    package var sandbox: SandboxFeatures
    package var decodable: Set<MediaType>
    /// Of the worker's program and every library that it has loaded: another build may see other things in a file.
    package var program: ContentHash
    package var screen: ScreenReport

    package init(
        model: ModelIdentity, selfTestScore: Double, sandbox: SandboxFeatures, decodable: Set<MediaType>,
        program: ContentHash, screen: ScreenReport = .off
    ) {
        self.program = program
        self.model = model
        self.selfTestScore = selfTestScore
        self.sandbox = sandbox
        self.decodable = decodable
        self.screen = screen
    }

    private static let nameCapacity = 80
    private static let typesCapacity = 240

    func encoded() -> [UInt8] {
        var writer = MessageWriter(.ready)
        writer.append(model.name, capacity: Self.nameCapacity)
        writer.append(model.sha256, capacity: 64)
        writer.append(model.preprocessing, capacity: Self.nameCapacity)
        writer.append(selfTestScore)
        writer.append(sandbox.rawValue)
        let types = decodable.map(\.rawValue).sorted().joined(separator: ",")
        precondition(types.utf8.count <= Self.typesCapacity, "the decodable types do not fit into a message")
        writer.append(types, capacity: Self.typesCapacity)
        writer.append(program.rawValue, capacity: 64)
        screen.append(to: &writer)
        return writer.finished()
    }

    init(decoding bytes: [UInt8]) throws(WorkerProtocolError) {
        var reader = try MessageReader(bytes, .ready)
        let name = try reader.text("model name", capacity: Self.nameCapacity)
        let hash = try reader.text("model hash", capacity: 64)
        guard let hash = ContentHash(rawValue: hash) else { throw .malformed("model hash: \(hash)") }
        let preprocessing = try reader.text("preprocessing", capacity: Self.nameCapacity)
        model = ModelIdentity(name: name, sha256: hash.rawValue, preprocessing: preprocessing)
        selfTestScore = try reader.fraction("self-test score")
        sandbox = SandboxFeatures(rawValue: try reader.integer("sandbox"))
        guard sandbox.isSubset(of: .all) else { throw .malformed("sandbox: \(sandbox.rawValue)") }
        var types: Set<MediaType> = []
        for type in try reader.text("decodable types", capacity: Self.typesCapacity).split(separator: ",") {
            guard let type = MediaType(rawValue: String(type)) else { throw .malformed("decodable type: \(type)") }
            types.insert(type)
        }
        decodable = types
        let programHash = try reader.text("program", capacity: 64)
        guard let program = ContentHash(rawValue: programHash) else { throw .malformed("program: \(programHash)") }
        self.program = program
        screen = try ScreenReport(from: &reader)
        try reader.finish()
    }
}
