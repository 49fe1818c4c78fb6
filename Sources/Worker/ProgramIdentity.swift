import Crypto
import Domain
import Glibc
import SystemCalls
import WorkerProtocol

/// What this process is made of: the program and all libraries that it has loaded.
enum ProgramIdentity {
    /// Changes with every change of any of them: a decoder that was repaired must not be answered for by the one before.
    /// Build IDs stand for contents where there are any; what has none is read.
    static func current() throws(StartError) -> ContentHash {
        var parts: [String] = []
        for object in LoadedObject.all() {
            if let identity = object.buildID {
                parts.append("id " + identity.map { String($0, radix: 16) }.joined(separator: "."))
            } else {
                parts.append("content " + (try hash(ofFile: object.path)).rawValue)
            }
        }
        return SHA256.hash(of: parts.sorted().joined(separator: "\n"))
    }

    private static func hash(ofFile path: String) throws(StartError) -> ContentHash {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw StartError(.sandboxFailed, "\(path): cannot be read (error \(errno)), so the program is not known")
        }
        let file = OwnedDescriptor(owning: descriptor)
        do {
            return try MappedFile(file, maximumBytes: 1 << 30).withBytes { SHA256.hash(of: $0) }
        } catch {
            throw StartError(.sandboxFailed, "\(path): cannot be read: \(error)")
        }
    }
}
