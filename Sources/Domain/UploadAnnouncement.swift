/// What a client says of a file before it sends it.
package struct UploadAnnouncement: Hashable, Sendable {
    package var bucket: String
    package var filename: String
    package var contentType: String
    /// Bytes; nil where the client does not know.
    package var size: Int64?
    /// How long its URL is good for.
    package var expirationSeconds: Int64
    /// SHA-256 that the content must have.
    package var fileHash: ContentHash?
    package var skipDuplicates: Bool
    package var metadata: JSONObject
    /// Kept and given back; Portcullis has no objects besides the uploads.
    package var objectMetadata: JSONObject?
    package var createObjectOnConfirm: Bool
    package var blobProperty: String?
    package var blobType: String?
    /// The `X-Namespace` that came with it.
    package var namespace: String?

    package init(
        bucket: String, filename: String, contentType: String, size: Int64?, expirationSeconds: Int64,
        fileHash: ContentHash?, skipDuplicates: Bool, metadata: JSONObject, objectMetadata: JSONObject?,
        createObjectOnConfirm: Bool, blobProperty: String?, blobType: String?, namespace: String?
    ) {
        self.bucket = bucket
        self.filename = filename
        self.contentType = contentType
        self.size = size
        self.expirationSeconds = expirationSeconds
        self.fileHash = fileHash
        self.skipDuplicates = skipDuplicates
        self.metadata = metadata
        self.objectMetadata = objectMetadata
        self.createObjectOnConfirm = createObjectOnConfirm
        self.blobProperty = blobProperty
        self.blobType = blobType
        self.namespace = namespace
    }
}
