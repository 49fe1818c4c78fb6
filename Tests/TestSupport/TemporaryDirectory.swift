package import Foundation
import Glibc

/// A directory of its own, removed with everything in it when the last reference goes.
package final class TemporaryDirectory: Sendable {
    package let url: URL
    package var path: String { url.path }

    package init() throws {
        let parent = FileManager.default.temporaryDirectory
        url = parent.appending(path: "portcullis-test-\(UUID().uuidString.lowercased())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    package func url(_ name: String) -> URL { url.appending(path: name) }
    package func path(_ name: String) -> String { url(name).path }

    /// Writes a file into the directory and returns its path.
    @discardableResult
    package func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: url(name))
        return url(name).path
    }

    /// Paths of all regular files below `name`, from the directory, in order.
    package func files(below name: String) -> [String] {
        let base = url(name)
        let enumerator = FileManager.default.enumerator(at: base, includingPropertiesForKeys: [.isRegularFileKey])
        var files: [String] = []
        while let file = enumerator?.nextObject() as? URL {
            let isFile = (try? file.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile ?? false
            if isFile { files.append(String(file.path.dropFirst(path.count + 1))) }
        }
        return files.sorted()
    }
}
