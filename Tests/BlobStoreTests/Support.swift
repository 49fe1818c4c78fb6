import BlobStore
import Crypto
import Database
import DatabaseSQLite
import Domain
import Foundation
import SystemCalls
import TestSupport
import Testing

/// A data directory, and what the tests look at in it.
struct DataFolder {
    let path: String

    init(in parent: String = NSTemporaryDirectory()) { path = parent + "/portcullis-test-" + RandomID.base62(12) }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Names below `folder`, from there, in order.
    func files(_ folder: String) -> [String] {
        let base = path + "/" + folder
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: base)) ?? []
        return paths.filter { name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: base + "/" + name)
            return attributes?[.type] as? FileAttributeType == .typeRegular
        }.sorted()
    }

    func mode(_ name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path + "/" + name)[.posixPermissions] as? Int
    }
}

func withStore(
    maximumBuffers: Int = 0, _ body: (LocalBlobStore, DataFolder) async throws -> Void
) async throws {
    let folder = DataFolder()
    defer { folder.remove() }
    let store = try LocalBlobStore(directory: folder.path, maximumBuffers: maximumBuffers)
    try await body(store, folder)
}

/// Starts the helper program, which is built beside the tests and reports on standard error.
func storageTestProcess(_ arguments: String...) throws -> TestSupport.ChildProcess {
    let tests = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    return try TestSupport.ChildProcess(
        tests.deletingLastPathComponent().appendingPathComponent("StorageTestProcess").path, arguments)
}

extension LocalBlobStore {
    /// A complete spool file with this content.
    func spool(_ content: String, upload: UploadID = RandomID.uploadID()) throws -> SpoolFile {
        let spool = try makeSpoolFile(upload, atMost: Int64(content.utf8.count))
        try spool.append(Array(content.utf8))
        _ = spool.finish()
        return spool
    }

    func text(_ organization: OrganizationID, _ sha256: ContentHash) throws -> String {
        let blob = try open(organization, sha256)
        let bytes = try blob.takeDescriptor().contents(at: 0, count: 1 << 20)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A path below `blobs`.
func blobName(_ organization: OrganizationID, _ sha256: ContentHash) -> String {
    "\(organization)/\(sha256.rawValue.prefix(2))/\(sha256)"
}
