import Crypto
import Domain
import Foundation
import SystemCalls
import Testing

@testable import BlobStore

private let organization = OrganizationID(rawValue: "org_memory")

/// Bodies that are held in memory until they have to be stored.
@Suite("Bodies in memory") struct MemoryTests {
    /// A sixteenth for each body.
    private static let memoryBytes = 16_000

    private func body(_ store: LocalBlobStore, _ content: [UInt8], atMost: Int64? = nil) throws -> SpoolFile {
        let spool = try store.makeSpoolFile(RandomID.uploadID(), atMost: atMost ?? Int64(content.count))
        for start in stride(from: 0, to: content.count, by: 300) {
            try spool.append(Array(content[start..<min(start + 300, content.count)]))
        }
        return spool
    }

    private func version(_ path: String) throws -> FileStatus.Version? { try FileStatus.of(path)?.version }

    @Test(
        "A body gets a file where it is too large, longer than was announced, or of unknown length",
        arguments: [
            (1_000, 1_000, false), (1_001, 1_001, true), (900, 1_000, false), (1_000, 900, true), (500, nil, true),
            (100, nil, false), (100, 5_000, false),
        ] as [(Int, Int?, Bool)])
    func boundaries(count: Int, announced: Int?, hasFile: Bool) async throws {
        let folder = DataFolder()
        defer { folder.remove() }
        let store = try LocalBlobStore(
            directory: folder.path, maximumBytesInDatabase: 100, memoryBytes: Self.memoryBytes)
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let spool = try store.makeSpoolFile(RandomID.uploadID(), atMost: announced.map { Int64($0) })
        for byte in content { try spool.append([byte]) }
        #expect(spool.isInMemory == !hasFile)
        #expect(folder.files("spool") == (hasFile ? [spool.upload.rawValue] : []))
        let sha256 = spool.finish()
        #expect(sha256 == SHA256.hash(of: content))
        #expect((spool.bytesForDatabase == content) == (count <= 100))
        #expect(try spool.prefix(5) == Array(content.prefix(5)))
        let descriptor = try spool.openForReading()
        #expect(try descriptor.contents(at: 0, count: 2_000) == content)
        #expect(try OwnedDescriptor.isReadOnly(descriptor.rawValue))
        try await store.store(spool, organization: organization)
        try store.ensureLinked(spool, organization: organization)
        #expect(folder.files("blobs") == (count <= 100 ? [] : [blobName(organization, sha256)]))
        try spool.discard()
        #expect(folder.files("spool") == [])
        #expect(store.memory.freeBytes == Self.memoryBytes)
    }

    @Test(
        "Memory is taken for the bodies that come, given back by each once, and where none is left a body gets a file")
    func budget() async throws {
        try await withStore(memoryBytes: Self.memoryBytes) { store, folder in
            var bodies: [SpoolFile] = []
            for number in 0..<16 { bodies.append(try body(store, [UInt8](repeating: UInt8(number), count: 1_000))) }
            #expect(store.memory.freeBytes == 0 && folder.files("spool") == [])
            let late = try body(store, [UInt8](repeating: 99, count: 1_000))
            #expect(!late.isInMemory && folder.files("spool") == [late.upload.rawValue])
            // Of one that was announced and does not come, nothing is kept.
            _ = try store.makeSpoolFile(RandomID.uploadID(), atMost: 1_000)
            for spool in bodies.prefix(5) { try spool.discard() }
            for spool in bodies.prefix(5) { try spool.discard() }
            #expect(store.memory.freeBytes == 5_000)
            for spool in bodies[5..<8] {
                _ = spool.finish()
                try await store.store(spool, organization: organization)
                #expect(!spool.isInMemory)
            }
            #expect(store.memory.freeBytes == 8_000)
            bodies = []
            #expect(store.memory.freeBytes == Self.memoryBytes)
            #expect(throws: BlobStoreError.self) {
                try late.discard(); _ = try late.openForReading()
            }
        }
    }

    @Test("Of a content that is there already nothing is written; the worker's copy and the stored file are whole")
    func again() async throws {
        try await withStore(memoryBytes: Self.memoryBytes) { store, folder in
            let content = (0..<900).map { UInt8(truncatingIfNeeded: $0 &* 13) }
            let path = folder.path + "/blobs/" + blobName(organization, SHA256.hash(of: content))
            let first = try body(store, content)
            _ = first.finish()
            try await store.store(first, organization: organization)
            #expect(folder.files("spool").count == 1, "until it is committed, its name tells what it becomes")
            try store.ensureLinked(first, organization: organization)
            try first.discard()
            let stored = try version(path)
            let directory = try version(folder.path + "/spool")
            for _ in 0..<3 {
                let second = try body(store, content)
                _ = second.finish()
                try await store.store(second, organization: organization)
                try store.ensureLinked(second, organization: organization)
                #expect(second.isInMemory)
                #expect(try second.openForReading().contents(at: 0, count: 1_000) == content)
                try second.discard()
            }
            #expect(try version(path) == stored && version(folder.path + "/spool") == directory)
            // Another organization has none of it.
            let other = try body(store, content)
            _ = other.finish()
            try await store.store(other, organization: OrganizationID(rawValue: "org_other"))
            #expect(!other.isInMemory && folder.files("blobs").count == 2)
            try other.discard()
            #expect(store.memory.freeBytes == Self.memoryBytes)
        }
    }

    @Test("A content that is removed, or damaged, between the look and the commit is stored by the commit")
    func removedBetween() async throws {
        try await withStore(memoryBytes: Self.memoryBytes) { store, folder in
            let content = [UInt8](repeating: 3, count: 700)
            let sha256 = SHA256.hash(of: content)
            let path = folder.path + "/blobs/" + blobName(organization, sha256)
            let first = try body(store, content)
            _ = first.finish()
            try await store.store(first, organization: organization)
            try first.discard()
            for isDamaged in [false, true, false] {
                let second = try body(store, content)
                _ = second.finish()
                try await store.store(second, organization: organization)
                #expect(second.isInMemory)
                if isDamaged {
                    try Data([UInt8](repeating: 4, count: 700)).write(to: URL(fileURLWithPath: path))
                } else {
                    #expect(try store.remove(organization, sha256))
                }
                try store.ensureLinked(second, organization: organization)
                #expect(try Array(Data(contentsOf: URL(fileURLWithPath: path))) == content)
                #expect(folder.files("spool").count == 1)
                try second.discard()
                #expect(folder.files("spool") == [])
            }
        }
    }

    @Test("A body that is discarded, or forgotten, before it was stored never had a file")
    func rejected() async throws {
        try await withStore(memoryBytes: Self.memoryBytes) { store, folder in
            let directory = try version(folder.path + "/spool")
            let discarded = try body(store, [UInt8](repeating: 1, count: 800))
            _ = discarded.finish()
            try discarded.discard()
            do {
                let forgotten = try body(store, [UInt8](repeating: 2, count: 800))
                #expect(forgotten.isInMemory)
            }
            #expect(try version(folder.path + "/spool") == directory)
            #expect(store.memory.freeBytes == Self.memoryBytes)
        }
    }
}
