import Domain
import HTTP
import JSON

/// The parts of an upload form: `file`, and optionally `bucket` and `metadata`.
struct MultipartFields: Sendable {
    enum Part: String, CaseIterable, Sendable {
        case file
        case bucket
        case metadata

        /// Most bytes of a part that is kept in memory.
        var maximumBytes: Int {
            switch self {
            case .file: 0
            case .bucket: 100
            case .metadata: 65_536
            }
        }
    }

    private(set) var current: Part?
    private var seen: Set<Part> = []
    private var filename = ""
    private var contentType = "application/octet-stream"
    private var text: [Part: [UInt8]] = [:]

    mutating func begin(_ part: MultipartPart) throws(Failure) {
        guard let known = Part(rawValue: part.name) else {
            throw Self.invalid(part.name, "unknown_field", "this part is unknown; expected file, bucket or metadata")
        }
        guard seen.insert(known).inserted else {
            throw Self.invalid(part.name, "duplicate", "this part is there twice")
        }
        current = known
        guard known == .file else { return }
        guard let name = part.filename else {
            throw Self.invalid("file", "missing", "the part has no filename parameter")
        }
        if let problem = NameRules.problem(inFileName: name) {
            throw Self.invalid("file.filename", "filename", problem)
        }
        filename = name
        if let type = part.contentType { contentType = UploadFields.bounded(contentType: type) }
    }

    mutating func append(_ bytes: RawSpan, to part: Part) throws(Failure) {
        var value = text[part] ?? []
        guard bytes.byteCount <= part.maximumBytes - value.count else {
            throw Self.invalid(part.rawValue, "too_large", "has more than \(part.maximumBytes) bytes")
        }
        unsafe bytes.withUnsafeBytes { unsafe value.append(contentsOf: $0) }
        text[part] = value
    }

    func uploadFields() throws(Failure) -> UploadFields {
        guard seen.contains(.file) else { throw Self.invalid("file", "missing", "the form has no part of this name") }
        return UploadFields(
            filename: filename, contentType: contentType, bucket: try bucket(), metadata: try metadata())
    }

    private func bucket() throws(Failure) -> String {
        guard seen.contains(.bucket) else { return NameRules.defaultBucket }
        let name = String(decoding: text[.bucket] ?? [], as: UTF8.self)
        if let problem = NameRules.problem(inBucket: name) { throw Self.invalid("bucket", "bucket", problem) }
        return name
    }

    private func metadata() throws(Failure) -> JSONObject {
        guard seen.contains(.metadata) else { return [:] }
        let value: JSONValue
        do { value = try JSONParser.parse(text[.metadata] ?? []) } catch {
            throw Self.invalid("metadata", "json", "is not valid JSON: \(error.message)")
        }
        guard let object = value.objectValue else {
            throw Self.invalid("metadata", "object_type", "is \(value.kindName); expected an object")
        }
        return object
    }

    private static func invalid(_ field: String, _ type: String, _ message: String) -> Failure {
        .validation([ValidationError(type, at: ["body", String(field.prefix(100))], message)])
    }
}

/// Leads the parts of a form to where they belong.
struct MultipartSink: MultipartReceiver {
    var fields: MultipartFields
    var destination: SpoolDestination

    mutating func partBegan(_ part: MultipartPart) throws(Failure) { try fields.begin(part) }

    mutating func partReceived(_ bytes: RawSpan) throws(Failure) {
        guard let part = fields.current else { return }
        if part == .file { try destination.append(bytes) } else { try fields.append(bytes, to: part) }
    }

    mutating func partEnded() throws(Failure) {}
}
