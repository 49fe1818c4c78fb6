internal import Crypto
package import Domain
internal import Glibc
internal import SystemCalls

/// The files of a data directory as they are, for whoever only looks: nothing is locked, made or changed, so that it
/// works beside the service that owns the directory.
package struct BlobInspection: Sendable {
    package let directory: String
    private var blobs: String { directory + "/blobs" }
    private var spool: String { directory + "/spool" }
    private var staging: String { directory + "/staging" }

    package init(directory: String) { self.directory = directory }

    // MARK: Contents

    /// The size of a content's file; nil where there is none.
    package func size(_ organization: OrganizationID, _ sha256: ContentHash) throws(BlobStoreError) -> Int64? {
        try Self.size(of: try path(of: sha256, organization))
    }

    /// The hash of the bytes in a content's file, read in pieces; nil where there is none.
    package func hash(_ organization: OrganizationID, _ sha256: ContentHash) throws(BlobStoreError) -> ContentHash? {
        try Self.checkedHash(of: try path(of: sha256, organization))
    }

    /// The same for what has arrived of an announced upload.
    package func stagedSize(_ upload: UploadID) throws(BlobStoreError) -> Int64? {
        try Self.size(of: try path(ofStaged: upload))
    }

    package func stagedHash(_ upload: UploadID) throws(BlobStoreError) -> ContentHash? {
        try Self.checkedHash(of: try path(ofStaged: upload))
    }

    private static func size(of path: String) throws(BlobStoreError) -> Int64? {
        do throws(SystemCallError) {
            guard let status = try FileStatus.of(path) else { return nil }
            guard status.kind == .file else { throw SystemCallError("lstat(\(path))", EINVAL) }
            return status.size
        } catch {
            throw BlobStoreError(error)
        }
    }

    private static func checkedHash(of path: String) throws(BlobStoreError) -> ContentHash? {
        do { return try hash(of: path) } catch { throw BlobStoreError(error) }
    }

    /// The hash of a file's bytes, read in pieces; nil where there is none.
    static func hash(of path: String) throws(SystemCallError) -> ContentHash? {
        do {
            let file = try FileSystem.open(path, .read)
            var hasher = SHA256Hasher()
            var offset: Int64 = 0
            while true {
                let piece = try file.contents(at: offset, count: 1 << 20)
                if piece.isEmpty { return hasher.finalize() }
                hasher.update(piece)
                offset += Int64(piece.count)
            }
        } catch {
            if error.number == ENOENT { return nil }
            throw error
        }
    }

    package func path(ofStaged upload: UploadID) throws(BlobStoreError) -> String {
        "\(staging)/\(try BlobPath.spoolName(upload))"
    }

    package func path(of sha256: ContentHash, _ organization: OrganizationID) throws(BlobStoreError) -> String {
        blobs + (try BlobLocation(organization, sha256)).path
    }

    // MARK: What is there

    /// A name below `blobs`.
    package struct Found: Hashable, Sendable {
        /// From the data directory.
        package let path: String
        /// nil for a name that no content has, or in a place where it does not belong.
        package let content: Content?

        package struct Content: Hashable, Sendable {
            package let organization: OrganizationID
            package let sha256: ContentHash
        }
    }

    /// What one directory holds: `blobs` itself, an organization's, or one of two digits below that. Walking them one
    /// after the other takes memory for three of them.
    package struct Level: Sendable {
        package let path: String
        /// Directories of the usual layout in it.
        package fileprivate(set) var below: [Level.Place] = []
        /// Everything else in it.
        package fileprivate(set) var files: [Found] = []

        package struct Place: Hashable, Sendable {
            package let path: String
            fileprivate let depth: Int
        }

        package static let top = Place(path: "blobs", depth: 0)
    }

    package func level(_ place: Level.Place) throws(BlobStoreError) -> Level {
        var level = Level(path: place.path)
        do throws(SystemCallError) {
            for name in try Self.names(in: "\(directory)/\(place.path)") {
                let path = "\(place.path)/\(name)"
                // Gone since it was listed.
                guard let status = try FileStatus.of("\(directory)/\(path)") else { continue }
                if status.kind == .directory && place.depth < 2 {
                    level.below.append(.init(path: path, depth: place.depth + 1))
                } else {
                    let parts = path.split(separator: "/").map(String.init)
                    let isContent = status.kind == .file && parts.count == 4
                    level.files.append(
                        Found(path: path, content: isContent ? content(parts[1], parts[2], parts[3]) : nil))
                }
            }
        } catch {
            throw BlobStoreError(error)
        }
        return level
    }

    private static func names(in directory: String) throws(SystemCallError) -> [String] {
        do {
            return try FileSystem.names(in: directory).sorted()
        } catch {
            guard error.number == ENOENT else { throw error }
            return []
        }
    }

    private func content(_ organization: String, _ prefix: String, _ name: String) -> Found.Content? {
        guard let sha256 = ContentHash(rawValue: name), name.hasPrefix(prefix), prefix.utf8.count == 2,
            (try? BlobPath.directoryName(OrganizationID(rawValue: organization))) != nil
        else { return nil }
        return Found.Content(organization: OrganizationID(rawValue: organization), sha256: sha256)
    }

    /// A file in the spool.
    package struct Spooled: Hashable, Sendable {
        package let name: String
        /// nil for a name that no upload's body has.
        package let upload: UploadID?
        package let modifiedAt: Timestamp
    }

    package func spooled() throws(BlobStoreError) -> [Spooled] { try Self.bodies(in: spool) }

    /// Files of announced uploads, which have the names of plain spool files.
    package func staged() throws(BlobStoreError) -> [Spooled] { try Self.bodies(in: staging) }

    private static func bodies(in directory: String) throws(BlobStoreError) -> [Spooled] {
        do throws(SystemCallError) {
            var found: [Spooled] = []
            for name in try Self.names(in: directory) {
                // Gone since it was listed.
                guard let status = try FileStatus.of("\(directory)/\(name)") else { continue }
                found.append(
                    Spooled(
                        name: name, upload: status.kind == .file ? BlobPath.upload(ofSpoolName: name) : nil,
                        modifiedAt: Timestamp(milliseconds: status.modifiedSeconds * 1000)))
            }
            return found
        } catch {
            throw BlobStoreError(error)
        }
    }

    /// Whether an upload that is in flight stores this content.
    package func isBeingStored(
        _ organization: OrganizationID, _ sha256: ContentHash
    ) throws(BlobStoreError) -> Bool {
        let ending = ".\(organization.rawValue).\(sha256.rawValue)"
        do throws(SystemCallError) {
            return try Self.names(in: spool).contains { $0.hasSuffix(ending) || $0.hasSuffix(ending + ".replacement") }
        } catch {
            throw BlobStoreError(error)
        }
    }
}
