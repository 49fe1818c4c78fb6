package import BlobStore
package import Domain

/// An upload whose body has arrived whole.
package struct SpooledUpload: Sendable {
    package let file: SpoolFile
    package let fields: UploadFields
    package let size: Int64
    package let sha256: ContentHash
    /// The file's first bytes, up to `MediaType.sniffLength`.
    package let prefix: [UInt8]

    package init(file: SpoolFile, fields: UploadFields, size: Int64, sha256: ContentHash, prefix: [UInt8]) {
        self.file = file
        self.fields = fields
        self.size = size
        self.sha256 = sha256
        self.prefix = prefix
    }
}
