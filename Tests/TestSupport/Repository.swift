package import Foundation

/// The source tree that the tests were built from.
package enum Repository {
    package static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A file of the tree by its path from the root.
    package static func url(_ path: String) -> URL { root.appending(path: path) }
    package static func path(_ path: String) -> String { url(path).path }

    package static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url(path))) }

    package static func text(_ path: String) throws -> String {
        try String(contentsOf: url(path), encoding: .utf8)
    }

    /// The bytes of `fixtures/NAME`.
    package static func fixture(_ name: String) throws -> [UInt8] {
        let path = "fixtures/\(name)"
        guard FileManager.default.fileExists(atPath: url(path).path) else {
            throw SupportError("the fixture \(path) is missing; scripts/make-fixtures.py makes them")
        }
        return try bytes(path)
    }

    /// Paths of all files that belong to the tree, from the root, in order: tracked ones, and new ones that Git does not
    /// ignore. Without Git (an unpacked archive) every file counts outside hidden, build and data directories.
    package static func files() throws -> [String] {
        if FileManager.default.fileExists(atPath: url(".git").path) {
            let git = try ChildProcess.run(
                "/usr/bin/env",
                [
                    "git", "-c", "safe.directory=*", "-C", root.path, "ls-files", "--cached", "--others",
                    "--exclude-standard", "-z",
                ])
            guard git.status == .exited(0) else { throw SupportError("git ls-files failed: \(git.errorText)") }
            // A file that was removed but not yet committed is still listed.
            return git.outputText.split(separator: "\0").map(String.init)
                .filter { FileManager.default.fileExists(atPath: url($0).path) }.sorted()
        }
        let excluded = [".build", ".build-asan", "data", "models/runtime"]
        let enumerator = FileManager.default.enumerator(atPath: root.path)
        var files: [String] = []
        while let path = enumerator?.nextObject() as? String {
            guard !excluded.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) else { continue }
            var isDirectory: ObjCBool = false
            guard unsafe FileManager.default.fileExists(atPath: url(path).path, isDirectory: &isDirectory) else {
                continue
            }
            if !isDirectory.boolValue { files.append(path) }
        }
        return files.sorted()
    }
}

/// Why a test could not be carried out, as opposed to a test that found something wrong.
package struct SupportError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
