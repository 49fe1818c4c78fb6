import BlobStore
import Crypto
import Domain
import Foundation
import SystemCalls
import TestSupport
import Testing

@Suite struct BlobStoreTests {
    private let organization = RandomID.organizationID()

    @Test("A body that came in pieces is stored under its hash, once per organization, and read back")
    func stored() async throws {
        try await withStore { store, folder in
            let other = RandomID.organizationID()
            let bytes = RandomBytes.generate(300_000)
            for organization in [organization, other, organization] {
                let spool = try store.makeSpoolFile(RandomID.uploadID())
                for start in stride(from: 0, to: bytes.count, by: 7_001) {
                    try spool.append(Array(bytes[start..<min(start + 7_001, bytes.count)]))
                }
                #expect(spool.size == 300_000)
                let sha256 = spool.finish()
                #expect(sha256 == SHA256.hash(of: bytes))
                #expect(try spool.prefix(10) == Array(bytes[..<10]))
                try await store.store(spool, organization: organization)
                try store.ensureLinked(spool, organization: organization)
                try spool.discard()
                let blob = try store.open(organization, sha256)
                #expect(blob.size == 300_000)
                #expect(try blob.takeDescriptor().contents(at: 0, count: 400_000) == bytes)
            }
            let sha256 = SHA256.hash(of: bytes)
            #expect(folder.files("blobs") == [blobName(organization, sha256), blobName(other, sha256)].sorted())
            #expect(folder.files("spool") == [])
            #expect(try folder.mode("blobs/" + blobName(organization, sha256)) == 0o600)
            #expect(try folder.mode("blobs/\(organization)") == 0o700)
        }
    }

    @Test("A discarded or forgotten spool file leaves nothing, and its name can be used again")
    func discarded() async throws {
        try await withStore { store, folder in
            let upload = RandomID.uploadID()
            do {
                let forgotten = try store.spool("forgotten", upload: upload)
                #expect(folder.files("spool") == [upload.rawValue])
                #expect(try folder.mode("spool/\(upload)") == 0o600)
                #expect(forgotten.size == 9)
            }
            #expect(folder.files("spool") == [])
            let discarded = try store.spool("discarded", upload: upload)
            #expect(throws: BlobStoreError.self) { try store.spool("taken", upload: upload) }
            try discarded.discard()
            try discarded.discard()
            #expect(folder.files("spool") == [])
            #expect(throws: BlobStoreError.self) { try discarded.append([1]) }
            await #expect(throws: BlobStoreError.self) {
                try await store.store(discarded, organization: organization)
            }
            #expect(folder.files("blobs") == [])
        }
    }

    @Test("A body that stays small has no file and can be read; one byte more gives it one, with all of it")
    func inMemory() async throws {
        let folder = DataFolder()
        defer { folder.remove() }
        let store = try LocalBlobStore(directory: folder.path, maximumBytesInDatabase: 10)
        let small = try store.makeSpoolFile(RandomID.uploadID())
        for byte in UInt8(0)..<10 { try small.append([byte]) }
        #expect(small.bytesForDatabase == nil, "it is not complete")
        #expect(small.finish() == SHA256.hash(of: Array(0..<10)))
        #expect(small.bytesForDatabase == Array(0..<10))
        #expect(try small.prefix(3) == [0, 1, 2])
        let descriptor = try small.openForReading()
        #expect(try descriptor.contents(at: 0, count: 100) == Array(0..<10))
        #expect(try OwnedDescriptor.isReadOnly(descriptor.rawValue))
        try await store.store(small, organization: organization)
        try store.ensureLinked(small, organization: organization)
        #expect(folder.files("spool") == [] && folder.files("blobs") == [])
        try small.discard()
        #expect(throws: BlobStoreError.self) { try small.append([1]) }

        let large = try store.makeSpoolFile(RandomID.uploadID())
        try large.append(Array(0..<9))
        #expect(folder.files("spool") == [])
        try large.append([9, 10])
        #expect(folder.files("spool") == [large.upload.rawValue])
        #expect(large.finish() == SHA256.hash(of: Array(0..<11)))
        #expect(large.bytesForDatabase == nil && large.size == 11)
        #expect(try large.openForReading().contents(at: 0, count: 100) == Array(0..<11))
        try await store.store(large, organization: organization)
        #expect(folder.files("blobs").count == 1)
        try large.discard()
        #expect(folder.files("spool") == [])
    }

    @Test("A body takes no bytes after its end and is not stored before it")
    func order() async throws {
        try await withStore { store, folder in
            let spool = try store.makeSpoolFile(RandomID.uploadID())
            try spool.append([1, 2, 3])
            await #expect(throws: BlobStoreError.self) { try await store.store(spool, organization: organization) }
            let sha256 = spool.finish()
            #expect(spool.finish() == sha256)
            #expect(throws: BlobStoreError.self) { try spool.append([4]) }
            #expect(spool.size == 3)
            try await store.store(spool, organization: organization)
            await #expect(throws: BlobStoreError.self) {
                try await store.store(spool, organization: RandomID.organizationID())
            }
            #expect(folder.files("blobs") == [blobName(organization, sha256)])
        }
    }

    @Test("What a worker gets of a spool file can be read and not written")
    func readOnly() async throws {
        try await withStore { store, _ in
            let spool = try store.spool("content")
            let descriptor = try spool.openForReading()
            #expect(try descriptor.contents(at: 0, count: 100) == Array("content".utf8))
            #expect(try OwnedDescriptor.isReadOnly(descriptor.rawValue))
            #expect(throws: SystemCallError.self) { try descriptor.write([1]) }
        }
    }

    @Test(
        "Names that could lead out of the directory are refused",
        arguments: ["", "..", "org_", "org_a/b", "org_a.b", "org_ä", "/org_a", "org_a\0"])
    func names(_ name: String) async throws {
        try await withStore { store, folder in
            let bad = OrganizationID(rawValue: name)
            let sha256 = SHA256.hash(of: "x")
            #expect(throws: BlobStoreError.invalidName(name)) { _ = try store.open(bad, sha256) }
            #expect(throws: BlobStoreError.invalidName(name)) { try store.remove(bad, sha256) }
            let spool = try store.spool("x")
            await #expect(throws: BlobStoreError.invalidName(name)) { try await store.store(spool, organization: bad) }
            let upload = name.replacingOccurrences(of: "org_", with: "upl_")
            #expect(throws: BlobStoreError.invalidName(upload)) {
                try store.makeSpoolFile(UploadID(rawValue: upload))
            }
            #expect(folder.files("blobs") == [])
        }
    }

    @Test("A content that is not there is told as not found; removing it again is harmless")
    func missing() async throws {
        try await withStore { store, _ in
            let spool = try store.spool("content")
            let sha256 = spool.finish()
            #expect(throws: BlobStoreError.notFound("\(organization)/\(sha256)")) {
                _ = try store.open(organization, sha256)
            }
            try await store.store(spool, organization: organization)
            let blob = try store.open(organization, sha256)
            #expect(try store.remove(organization, sha256))
            #expect(try !store.remove(organization, sha256))
            // Whoever had it open reads on.
            #expect(try blob.takeDescriptor().contents(at: 0, count: 100) == Array("content".utf8))
            #expect(throws: BlobStoreError.self) { _ = try store.open(organization, sha256) }
            try store.ensureLinked(spool, organization: organization)
            #expect(try store.text(organization, sha256) == "content")
        }
    }

    @Test("A content that lost bytes on the disk is replaced by the next upload of it", arguments: [0, 1])
    func damaged(maximumBuffers: Int) async throws {
        try await withStore(maximumBuffers: maximumBuffers) { store, folder in
            let first = try store.spool("the whole content")
            let sha256 = first.finish()
            try await store.store(first, organization: organization)
            try first.discard()
            let path = folder.path + "/blobs/" + blobName(organization, sha256)
            try "the who".write(toFile: path, atomically: false, encoding: .utf8)
            #expect(try store.text(organization, sha256) == "the who")
            let second = try store.spool("the whole content")
            try await store.store(second, organization: organization)
            try second.discard()
            #expect(try store.text(organization, sha256) == "the whole content")
            #expect(folder.files("spool") == [])
        }
    }

    // The name is taken, so the new bytes are not linked: whether the ones that are there are right has to be looked at,
    // and their size says nothing about it.
    @Test(
        "A content whose bytes were changed, or that became a symbolic link, is replaced by the next upload of it",
        arguments: [0, 1])
    func corrupted(maximumBuffers: Int) async throws {
        let folder = DataFolder()
        defer { folder.remove() }
        let content = "the whole content"
        let path = folder.path + "/blobs/" + blobName(organization, SHA256.hash(of: content))
        func upload(to store: LocalBlobStore) async throws -> String {
            let spool = try store.spool(content)
            try await store.store(spool, organization: organization)
            try spool.discard()
            return try store.text(organization, SHA256.hash(of: content))
        }
        do {
            let store = try LocalBlobStore(directory: folder.path, maximumBuffers: maximumBuffers)
            #expect(try await upload(to: store) == content)
            try "THE WHOLE CONTENT".write(toFile: path, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1_000_000)], ofItemAtPath: path)
            #expect(try await upload(to: store) == content)
        }
        try "the whole CONTENT".write(toFile: path, atomically: false, encoding: .utf8)
        // Another process knows nothing of it.
        let store = try LocalBlobStore(directory: folder.path, maximumBuffers: maximumBuffers)
        #expect(try await upload(to: store) == content)
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: folder.path + "/node-id")
        #expect(try await upload(to: store) == content)
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let error = await #expect(throws: BlobStoreError.self) { _ = try await upload(to: store) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("is a directory, in the place of a content"))
    }

    @Test("The reserve takes its room once, gives it up once, and is taken again")
    func reserve() async throws {
        try await withStore { store, folder in
            #expect(!store.giveUpReserve())
            #expect(try store.takeReserve())
            #expect(try store.takeReserve())
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/reserve")
            #expect(attributes[.size] as? Int == 4 << 20)
            #expect(store.giveUpReserve() && !store.giveUpReserve())
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/reserve"))
            #expect(try store.takeReserve())
        }
    }

    @Test("Concurrent stores of one content and of many all succeed")
    func concurrent() async throws {
        try await withStore { store, folder in
            let organization = organization
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<60 {
                    group.addTask {
                        let spool = try store.spool("content \(index % 20)")
                        try await store.store(spool, organization: organization)
                        try spool.discard()
                    }
                }
                try await group.waitForAll()
            }
            #expect(folder.files("blobs").count == 20)
            #expect(folder.files("spool") == [])
        }
    }

    @Test("One process has a data directory; its node keeps its id")
    func lock() async throws {
        let folder = DataFolder()
        defer { folder.remove() }
        let nodeID: String
        do {
            let store = try LocalBlobStore(directory: folder.path)
            nodeID = store.nodeID
            #expect(throws: BlobStoreError.locked(folder.path)) { _ = try LocalBlobStore(directory: folder.path) }
            #expect(try store.freeBytes() > 0)
        }
        let process = try storageTestProcess("hold", folder.path)
        #expect(process.waitForLine(seconds: 30) { $0.first.map(String.init) } == nodeID)
        let error = #expect(throws: BlobStoreError.locked(folder.path)) {
            _ = try LocalBlobStore(directory: folder.path)
        }
        #expect(error?.description == "the data directory \(folder.path) is in use by another process")
        // The lock ends with the process, however that ends.
        process.send(SIGKILL)
        _ = try process.wait()
        #expect(try LocalBlobStore(directory: folder.path).nodeID == nodeID)
    }

    @Test("A node's id that cannot be read is told, and not replaced")
    func nodeID() async throws {
        let folder = DataFolder()
        defer { folder.remove() }
        do { _ = try LocalBlobStore(directory: folder.path) }
        try "nonsense\n".write(toFile: folder.path + "/node-id", atomically: false, encoding: .utf8)
        let error = #expect(throws: BlobStoreError.self) { _ = try LocalBlobStore(directory: folder.path) }
        guard case .damaged? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("A directory that cannot be made is told with its path and the system's number")
    func cannotMake() {
        let error = #expect(throws: BlobStoreError.self) { _ = try LocalBlobStore(directory: "/proc/nowhere") }
        #expect(error == .system(SystemCallError("mkdir(/proc/nowhere)", ENOENT)))
    }

    @Test("A file system without room is told as full, and the spool file goes", arguments: [0, 1])
    func full(maximumBuffers: Int) throws {
        let folder = DataFolder()
        defer { folder.remove() }
        let outcome = try storageTestProcess("spool", folder.path, "\(maximumBuffers)").wait()
        #expect(outcome.status == .exited(0))
        #expect(outcome.errorText == "the storage is full: write failed with error \(EFBIG)\n")
        #expect(folder.files("spool") == [])
    }
}
