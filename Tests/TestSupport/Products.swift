import Foundation

/// What was built beside the tests.
package enum Products {
    package static func path(_ name: String) throws -> String {
        let candidates = ProcessInfo.processInfo.arguments + ["/proc/self/exe"]
        for candidate in candidates where candidate.contains("/") {
            let folder = URL(filePath: candidate).resolvingSymlinksInPath().deletingLastPathComponent()
            let path = folder.appending(path: name).path
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw SupportError("no built \(name) beside the tests")
    }

    package static func runtime() throws -> String {
        let path = Repository.url("models/runtime/libonnxruntime.so").path
        guard FileManager.default.fileExists(atPath: path) else {
            throw SupportError("\(path) is missing; `make setup` fetches it")
        }
        return path
    }
}
