/// What a worker is told on its command line.
package struct WorkerArguments: Hashable, Sendable {
    package var manifestPath: String
    package var runtimeLibraryPath: String
    /// Whether the model's screen is to be loaded, too.
    package var usesScreen: Bool
    /// Process id of the service, with which the worker dies.
    package var parent: Int32
    /// Address space that the worker may use beyond what it has mapped when it is ready.
    package var memoryHeadroomBytes: Int
    package var processorSeconds: Int
    /// What a worker that is root becomes.
    package var user: UInt32
    package var group: UInt32

    package init(
        manifestPath: String, runtimeLibraryPath: String, usesScreen: Bool = false, parent: Int32,
        memoryHeadroomBytes: Int, processorSeconds: Int, user: UInt32, group: UInt32
    ) {
        self.manifestPath = manifestPath
        self.runtimeLibraryPath = runtimeLibraryPath
        self.usesScreen = usesScreen
        self.parent = parent
        self.memoryHeadroomBytes = memoryHeadroomBytes
        self.processorSeconds = processorSeconds
        self.user = user
        self.group = group
    }

    /// Without the program's name.
    package var commandLine: [String] {
        [
            "--manifest", manifestPath, "--runtime", runtimeLibraryPath, "--screen",
            usesScreen ? "on" : "off", "--parent", "\(parent)",
            "--memory-headroom-bytes", "\(memoryHeadroomBytes)", "--processor-seconds", "\(processorSeconds)",
            "--user", "\(user)", "--group", "\(group)",
        ]
    }

    /// Each option exactly once. Says which one is wrong.
    package init(parsing commandLine: [String]) throws(WorkerProtocolError) {
        var values: [String: String] = [:]
        var rest = commandLine[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw .malformed("\(name) has no value") }
            guard values.updateValue(value, forKey: name) == nil else { throw .malformed("\(name) is repeated") }
        }
        manifestPath = try Self.take("--manifest", from: &values)
        runtimeLibraryPath = try Self.take("--runtime", from: &values)
        switch try Self.take("--screen", from: &values) {
        case "on": usesScreen = true
        case "off": usesScreen = false
        case let other: throw .malformed("--screen: \(other) is neither on nor off")
        }
        parent = try Self.number("--parent", from: &values)
        memoryHeadroomBytes = try Self.number("--memory-headroom-bytes", from: &values)
        processorSeconds = try Self.number("--processor-seconds", from: &values)
        user = try Self.number("--user", from: &values)
        group = try Self.number("--group", from: &values)
        if let unknown = values.keys.sorted().first { throw .malformed("\(unknown) is unknown") }
    }

    private static func take(
        _ name: String, from values: inout [String: String]
    ) throws(WorkerProtocolError) -> String {
        guard let value = values.removeValue(forKey: name), !value.isEmpty else {
            throw .malformed("\(name) is missing")
        }
        return value
    }

    private static func number<Number: FixedWidthInteger>(
        _ name: String, from values: inout [String: String]
    ) throws(WorkerProtocolError) -> Number {
        let text = try take(name, from: &values)
        guard let number = Number(text), number >= 0 else { throw .malformed("\(name): \(text) is not a number") }
        return number
    }
}
