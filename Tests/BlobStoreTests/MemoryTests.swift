import Crypto
import Domain
import Foundation
import SystemCalls
import Testing

@testable import BlobStore

private let organization = OrganizationID(rawValue: "org_memory")

/// Bodies that are held in memory until they have to be stored.
@Suite("Bodies in memory") struct MemoryTests {
    private func body(_ store: LocalBlobStore, _ content: [UInt8], atMost: Int64? = nil) throws -> SpoolFile {
        let spool = try store.makeSpoolFile(RandomID.uploadID(), atMost: atMost ?? Int64(content.count))
        for start in stride(from: 0, to: content.count, by: 60_000) {
            try spool.append(Array(content[start..<min(start + 60_000, content.count)]))
            if spool.needsFlush { try spool.flush() }
        }
        return spool
    }

    private func version(_ path: String) throws -> FileStatus.Version? { try FileStatus.of(path)?.version }

    private static func noise(_ count: Int) -> [UInt8] {
        var word: UInt64 = 42
        return (0..<count).map { _ in
            word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: word >> 33)
        }
    }

    @Test(
        "A body gets a file where it is too large, or of unknown length",
        arguments: [
            (BodyBuffer.capacity, BodyBuffer.capacity, false), (BodyBuffer.capacity + 1, BodyBuffer.capacity + 1, true),
            (BodyBuffer.capacity + 1, 500_000, true), (300_000, 1_000_000, false), (500, nil, true), (100, nil, false),
            (100, 5_000, false), (500, 100, false),
        ] as [(Int, Int?, Bool)])
    func boundaries(count: Int, announced: Int?, hasFile: Bool) async throws {
        let folder = DataFolder()
        defer { folder.remove() }
        let store = try LocalBlobStore(directory: folder.path, maximumBytesInDatabase: 100, maximumBuffers: 1)
        let content = Self.noise(count)
        let spool = try store.makeSpoolFile(RandomID.uploadID(), atMost: announced.map { Int64($0) })
        for start in stride(from: 0, to: count, by: 10_007) {
            try spool.append(Array(content[start..<min(start + 10_007, count)]))
        }
        #expect(spool.isInMemory == !hasFile)
        #expect(folder.files("spool") == (hasFile ? [spool.upload.rawValue] : []))
        let sha256 = spool.finish()
        #expect(sha256 == SHA256.hash(of: content))
        #expect((spool.bytesForDatabase == content) == (count <= 100))
        #expect(try spool.prefix(5) == Array(content.prefix(5)))
        let descriptor = try spool.openForReading()
        #expect(try descriptor.contents(at: 0, count: count + 1) == content)
        #expect(try OwnedDescriptor.isReadOnly(descriptor.rawValue))
        try await store.store(spool, organization: organization)
        try store.ensureLinked(spool, organization: organization)
        #expect(folder.files("blobs") == (count <= 100 ? [] : [blobName(organization, sha256)]))
        if count > 100 { #expect(try contents(folder, sha256) == content) }
        try spool.discard()
        #expect(folder.files("spool") == [])
        #expect(store.buffers.availableCount == 1)
    }

    private func contents(_ folder: DataFolder, _ sha256: ContentHash) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/blobs/" + blobName(organization, sha256))))
    }

    @Test("Buffers are given back by each body once, and where none is left a body gets a file")
    func pool() async throws {
        try await withStore(maximumBuffers: 4) { store, folder in
            var bodies: [SpoolFile] = []
            for number in 0..<4 { bodies.append(try body(store, [UInt8](repeating: UInt8(number), count: 1_000))) }
            #expect(store.buffers.availableCount == 0 && folder.files("spool") == [])
            let late = try body(store, [UInt8](repeating: 99, count: 1_000))
            #expect(!late.isInMemory && folder.files("spool") == [late.upload.rawValue])
            // Of one that was announced and does not come, nothing is kept.
            _ = try store.makeSpoolFile(RandomID.uploadID(), atMost: 1_000)
            for _ in 0..<2 { try bodies[0].discard() }
            #expect(store.buffers.availableCount == 1)
            _ = bodies[1].finish()
            try await store.store(bodies[1], organization: organization)
            #expect(!bodies[1].isInMemory && store.buffers.availableCount == 2)
            bodies = []
            #expect(store.buffers.availableCount == 4)
            // What the one before left there is nobody else's.
            let next = try body(store, Self.noise(2_000))
            _ = next.finish()
            #expect(try next.openForReading().contents(at: 0, count: 5_000) == Self.noise(2_000))
            try late.discard()
            #expect(throws: BlobStoreError.self) { _ = try late.openForReading() }
        }
    }

    @Test(
        "A very large body goes to its file by blocks, whole, whether it is flushed or not, on any file system",
        arguments: [(17_825_792, true), (16_777_217, true), (3_000_001, false), (2_097_152, true), (5, false)],
        ["/tmp", "/dev/shm"])
    func large(_ body: (count: Int, isScanned: Bool), place: String) async throws {
        let count = body.count
        // What is announced; less may come.
        let announced: Int64 = body.isScanned ? 18_000_000 : 3_100_000
        let folder = DataFolder(in: place)
        defer { folder.remove() }
        let store = try LocalBlobStore(directory: folder.path, maximumBuffers: 1)
        let content = Self.noise(count)
        for isFlushed in [true, false] {
            let spool = try store.makeSpoolFile(RandomID.uploadID(), atMost: announced, isScanned: body.isScanned)
            var flushes = 0
            for start in stride(from: 0, to: count, by: 65_536) {
                try spool.append(Array(content[start..<min(start + 65_536, count)]))
                guard isFlushed, spool.needsFlush else { continue }
                try spool.flush()
                #expect(!spool.needsFlush)
                flushes += 1
            }
            #expect(!isFlushed || flushes == count / BodyBuffer.blockBytes)
            #expect(spool.size == Int64(count))
            #expect(spool.finish() == SHA256.hash(of: content))
            #expect(try spool.prefix(3) == Array(content.prefix(3)))
            #expect(try spool.openForReading().contents(at: 0, count: count + 1) == content)
            #expect(store.buffers.availableCount == 1, "what is whole needs no buffer")
            try await store.store(spool, organization: organization)
            #expect(try store.open(organization, spool.finish()).size == Int64(count))
            try spool.discard()
            #expect(try store.remove(organization, spool.finish()))
        }
        do {
            let broken = try store.makeSpoolFile(RandomID.uploadID(), atMost: 18_000_000)
            try broken.append(Array(content.prefix(60_000)))
            #expect(store.buffers.availableCount == 0)
        }
        #expect(store.buffers.availableCount == 1)
        #expect(folder.files("spool") == [])
    }

    @Test("Of a content that is there already nothing is written; the worker's copy and the stored file are whole")
    func again() async throws {
        try await withStore(maximumBuffers: 4) { store, folder in
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
            #expect(store.buffers.availableCount == 4)
        }
    }

    @Test("A content that is removed, or damaged, between the look and the commit is stored by the commit")
    func removedBetween() async throws {
        try await withStore(maximumBuffers: 4) { store, folder in
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
        try await withStore(maximumBuffers: 4) { store, folder in
            let directory = try version(folder.path + "/spool")
            let discarded = try body(store, [UInt8](repeating: 1, count: 800))
            _ = discarded.finish()
            try discarded.discard()
            do {
                let forgotten = try body(store, [UInt8](repeating: 2, count: 800))
                #expect(forgotten.isInMemory)
            }
            #expect(try version(folder.path + "/spool") == directory)
            #expect(store.buffers.availableCount == 4)
        }
    }
}
