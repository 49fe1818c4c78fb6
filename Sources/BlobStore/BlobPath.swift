internal import Domain

/// The names of files below the data directory. Every part is checked here, whoever made it, so that nothing that comes
/// from outside can lead anywhere else.
enum BlobPath {
    static func spoolName(_ upload: UploadID) throws(BlobStoreError) -> String {
        guard isIdentifier(upload.rawValue, prefix: "upl_") else { throw .invalidName(upload.rawValue) }
        return upload.rawValue
    }

    static func directoryName(_ organization: OrganizationID) throws(BlobStoreError) -> String {
        guard isIdentifier(organization.rawValue, prefix: "org_") else { throw .invalidName(organization.rawValue) }
        return organization.rawValue
    }

    /// The name of a spool file whose content is being stored: `<upload>.<organization>.<hash>`.
    static func storingName(
        _ upload: UploadID, _ organization: OrganizationID, _ sha256: ContentHash
    ) throws(BlobStoreError) -> String {
        "\(try spoolName(upload)).\(try directoryName(organization)).\(sha256.rawValue)"
    }

    /// What the name of a left-over spool file tells; nil for a plain one.
    static func content(ofSpoolName name: String) -> (organization: OrganizationID, sha256: ContentHash)? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, isIdentifier(parts[0], prefix: "upl_"), isIdentifier(parts[1], prefix: "org_"),
            let sha256 = ContentHash(rawValue: parts[2])
        else { return nil }
        return (OrganizationID(rawValue: parts[1]), sha256)
    }

    /// The upload whose body a spool file holds, be it plain, being stored, or taking a damaged content's place.
    static func upload(ofSpoolName name: String) -> UploadID? {
        var name = name
        if name.hasSuffix(".replacement") { name.removeLast(".replacement".count) }
        guard isIdentifier(name, prefix: "upl_") || content(ofSpoolName: name) != nil else { return nil }
        return UploadID(rawValue: String(name.prefix { $0 != "." }))
    }

    static func isNodeID(_ text: String) -> Bool { isIdentifier(text, prefix: "node_") }

    /// The prefix, then 1...64 letters and digits of ASCII.
    private static func isIdentifier(_ text: String, prefix: String) -> Bool {
        let rest = text.utf8.dropFirst(prefix.utf8.count)
        return text.hasPrefix(prefix) && (1...64).contains(rest.count)
            && rest.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
            }
    }
}

/// Where a content is, below `blobs`.
struct BlobLocation {
    /// `/<organization>`
    let organization: String
    /// `/<organization>/<the hash's first two digits>`
    let parent: String
    /// `/<organization>/<two digits>/<hash>`
    let path: String

    init(_ organization: OrganizationID, _ sha256: ContentHash) throws(BlobStoreError) {
        self.organization = "/" + (try BlobPath.directoryName(organization))
        parent = "\(self.organization)/\(sha256.rawValue.prefix(2))"
        path = "\(parent)/\(sha256.rawValue)"
    }
}
