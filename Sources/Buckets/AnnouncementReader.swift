import Database
import Domain
import Endpoints
import HTTP

/// Reads what a client says of a file before it sends it (the SDK's `CreateUploadRequest`).
struct AnnouncementReader {
    static let expirationSeconds: ClosedRange<Int64> = 60...86_400
    static let defaultExpirationSeconds: Int64 = 3_600
    static let maximumMetadataBytes = 65_536
    static let maximumContentTypeLength = 255
    /// The SDK's `BucketSchemaFieldType`, as far as a file can be one.
    static let blobTypes = ["TEXT", "IMAGE", "AUDIO", "VIDEO", "PDF", "EXCEL", "DOCUMENT"]

    /// Metadata that every upload of a batch gets; an upload's own wins.
    var sharedMetadata: JSONObject = [:]
    var sharedObjectMetadata: JSONObject?
    let bucket: String
    let namespace: String?

    init(bucket: String, _ head: RequestHead) throws(Failure) {
        if let problem = NameRules.problem(inBucket: bucket) {
            throw .validation([ValidationError("bucket", at: ["path", "bucket_identifier"], problem)])
        }
        self.bucket = bucket
        namespace = head.headers["X-Namespace"].map { String($0.prefix(100)) }
    }

    /// nil where the reader has noted what is wrong.
    func announcement(_ fields: inout FieldReader) -> UploadAnnouncement? {
        let filename = Self.filename(&fields)
        let contentType = Self.contentType(&fields)
        let size = fields.integer("file_size_bytes", 1...Int64.max)
        let expiration = fields.integer("presigned_url_expiration", Self.expirationSeconds)
        let metadata = fields.object("metadata", maximumBytes: Self.maximumMetadataBytes)
        let count = MetadataLeaf.count(of: Self.merged(sharedMetadata, metadata ?? [:]))
        if count > MetadataLeaf.maximumCount {
            fields.reject(
                "metadata", "too_many", "has \(count) values; at most \(MetadataLeaf.maximumCount) are accepted")
        }
        let objectMetadata = fields.object("object_metadata", maximumBytes: Self.maximumMetadataBytes)
        let createsObject = fields.bool("create_object_on_confirm")
        let property = Self.blobProperty(&fields)
        let type = Self.blobType(&fields)
        let hash = Self.fileHash(&fields)
        let skipsDuplicates = fields.bool("skip_duplicates")
        guard let filename, let contentType else { return nil }
        return UploadAnnouncement(
            bucket: bucket, filename: filename, contentType: contentType, size: size,
            expirationSeconds: expiration ?? Self.defaultExpirationSeconds, fileHash: hash,
            skipDuplicates: skipsDuplicates ?? true, metadata: Self.merged(sharedMetadata, metadata ?? [:]),
            objectMetadata: sharedObjectMetadata.map { Self.merged($0, objectMetadata ?? [:]) } ?? objectMetadata,
            createObjectOnConfirm: createsObject ?? true, blobProperty: property ?? Self.stem(of: filename),
            blobType: type ?? Self.blobType(of: contentType), namespace: namespace)
    }

    private static func filename(_ fields: inout FieldReader) -> String? {
        fields.require("filename")
        guard let name = fields.anyText("filename", length: 1...NameRules.maximumFileNameBytes) else { return nil }
        guard let problem = NameRules.problem(inFileName: name) else { return name }
        fields.reject("filename", "filename", problem)
        return nil
    }

    private static func contentType(_ fields: inout FieldReader) -> String? {
        fields.require("content_type")
        guard let type = fields.string("content_type", length: 3...maximumContentTypeLength) else { return nil }
        guard isMediaType(type) else {
            fields.reject("content_type", "media_type", "is not a media type such as image/jpeg")
            return nil
        }
        return type
    }

    /// `type/subtype`, both tokens (RFC 9110, section 8.3.1), then anything printable as parameters.
    static func isMediaType(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else { return false }
        let parts = text.prefix { $0 != ";" }.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return false }
        return parts.allSatisfy { part in
            !part.isEmpty
                && part.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                        || "!#$&-^_.+".utf8.contains(byte)
                }
        }
    }

    private static func blobProperty(_ fields: inout FieldReader) -> String? {
        guard let name = fields.string("blob_property", length: 1...255) else { return nil }
        guard isPropertyName(name) else {
            fields.reject("blob_property", "string_pattern_mismatch", "has something else than letters, digits and '_'")
            return nil
        }
        return name
    }

    private static func isPropertyName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                    || byte == UInt8(ascii: "_")
            }
    }

    private static func blobType(_ fields: inout FieldReader) -> String? {
        guard let type = fields.string("blob_type", length: 1...32) else { return nil }
        guard blobTypes.contains(type.uppercased()) else {
            fields.reject("blob_type", "enum", "is not one of \(blobTypes.joined(separator: ", "))")
            return nil
        }
        return type.uppercased()
    }

    private static func fileHash(_ fields: inout FieldReader) -> ContentHash? {
        guard let text = fields.string("file_hash", length: 64...64) else { return nil }
        let hash = ContentHash(rawValue: text)
        if hash == nil {
            fields.reject(
                "file_hash", "string_pattern_mismatch", "is not a SHA-256 in 64 lower-case hexadecimal digits")
        }
        return hash
    }

    /// The name without its extension, where that can name a property.
    private static func stem(of filename: String) -> String? {
        let stem = filename.lastIndex(of: ".").map { String(filename[..<$0]) } ?? filename
        return isPropertyName(stem) ? stem : nil
    }

    private static func blobType(of contentType: String) -> String? {
        let essence = contentType.prefix { $0 != ";" }.lowercased()
        if essence.hasPrefix("application/pdf") { return "PDF" }
        let kind = essence.prefix { $0 != "/" }.uppercased()
        return blobTypes.contains(kind) ? kind : nil
    }

    private static func merged(_ shared: JSONObject, _ own: JSONObject) -> JSONObject {
        var merged = shared
        for (name, value) in own { merged[name] = value }
        return merged
    }
}
