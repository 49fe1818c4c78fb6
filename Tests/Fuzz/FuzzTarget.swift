import Domain

/// What bytes of strangers are given to.
struct FuzzTarget: Sendable {
    let name: String
    /// Reads one input. It returns whatever the input is; a trap, or a sanitizer's report, is a finding.
    let run: @Sendable (RawSpan) -> Void

    static let all = images + parsers

    /// The one that the command line names.
    static let chosen = all.first { $0.name == CommandLine.arguments.dropFirst().first }

    private static let images = MediaType.decodable.sorted { $0.rawValue < $1.rawValue }.map { type in
        FuzzTarget(name: name(of: type)) { ImageInput.read($0, as: type) }
    }

    private static let parsers = [
        FuzzTarget(name: "sniff") { ParserInput.sniff($0) },
        FuzzTarget(name: "multipart") { ParserInput.multipart($0) },
        FuzzTarget(name: "json") { ParserInput.json($0) },
        FuzzTarget(name: "head") { ParserInput.head($0) },
        FuzzTarget(name: "worker-protocol") { ParserInput.workerProtocol($0) },
    ]

    /// The last part of the type: `image/svg+xml` is `svg`.
    private static func name(of type: MediaType) -> String {
        switch type {
        case .icon: "ico"
        case .svg: "svg"
        default: String(type.rawValue.drop { $0 != "/" }.dropFirst())
        }
    }
}
