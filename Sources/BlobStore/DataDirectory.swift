internal import Crypto
internal import Glibc
internal import SystemCalls

/// The directory that belongs to one service: made where there is none, and locked as long as this exists.
final class DataDirectory: Sendable {
    let path: String
    /// `node_` + 11 characters, drawn once and kept in the directory.
    let nodeID: String
    /// The kernel lets the lock go with the process, however that ends. nil beside the owner.
    private let lock: OwnedDescriptor?

    var spool: String { path + "/spool" }
    var staging: String { path + "/staging" }
    var blobs: String { path + "/blobs" }

    init(_ path: String) throws(BlobStoreError) {
        self.path = path
        lock = try Self.lock(path)
        if let id = try Self.readNodeID(path) {
            nodeID = id
        } else {
            nodeID = try Self.drawNodeID(path)
        }
        do throws(SystemCallError) {
            for directory in ["/spool", "/staging", "/blobs"].map({ path + $0 }) {
                try FileSystem.makeDirectory(directory)
            }
            try FileSystem.syncDirectory(path)
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// The directory of a service that has it, or had it: nothing is locked and nothing is made.
    init(besideOwnerOf path: String) throws(BlobStoreError) {
        guard let id = try Self.readNodeID(path) else { throw .notFound("\(path)/node-id") }
        self.path = path
        nodeID = id
        lock = nil
    }

    /// A lock lives until its last descriptor is closed. One that its owner has given up may for a moment still be held by a
    /// process that it was just about to start, so it is tried for more than once.
    private static func lock(_ path: String) throws(BlobStoreError) -> OwnedDescriptor {
        do throws(SystemCallError) {
            if try FileSystem.makeDirectory(path) { try FileSystem.syncDirectory(path + "/..") }
            let lock = try FileSystem.open(path + "/lock", .createIfMissing)
            for attempt in 0..<lockAttempts {
                if attempt > 0 { usleep(lockPauseMicroseconds) }
                if try lock.lockExclusively() { return lock }
            }
        } catch {
            throw BlobStoreError(error)
        }
        throw .locked(path)
    }

    private static let lockAttempts = 10
    private static let lockPauseMicroseconds: UInt32 = 50_000

    private static func readNodeID(_ path: String) throws(BlobStoreError) -> String? {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try FileSystem.open(path + "/node-id", .read).contents(at: 0, count: 80)
        } catch {
            if error.number == ENOENT { return nil }
            throw BlobStoreError(error)
        }
        let id = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        guard BlobPath.isNodeID(id) else { throw .damaged("\(path)/node-id does not hold a node's id") }
        return id
    }

    private static func drawNodeID(_ path: String) throws(BlobStoreError) -> String {
        let id = RandomID.nodeID()
        do throws(SystemCallError) {
            // A start that was interrupted here may have left one.
            try FileSystem.unlink(path + "/node-id.new")
            let file = try FileSystem.open(path + "/node-id.new", .create)
            try file.write(Array((id + "\n").utf8))
            try file.sync()
            try file.close()
            try FileSystem.rename(path + "/node-id.new", to: path + "/node-id")
        } catch {
            throw BlobStoreError(error)
        }
        return id
    }
}
