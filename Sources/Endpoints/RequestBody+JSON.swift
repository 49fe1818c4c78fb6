package import Domain
package import HTTP
import JSON

extension Request {
    /// A JSON body's most bytes.
    private static let maximumJSONBytes = 1_048_576

    /// The same request with its JSON body read to the end, so that `jsonObject` waits for nothing any more.
    ///
    /// - Throws: `unsupported_media_type` or `payload_too_large`, or what else ends the reading.
    func readingJSON() async throws(Failure) -> Request {
        try requireJSON()
        var request = self
        request.body = try await body.collected(maximumBytes: Self.maximumJSONBytes)
        return request
    }

    /// Reads the body as a JSON object (RFC 8259) of at most 1 MiB and 32 levels.
    ///
    /// - Parameter emptyMeans: what an empty body stands for; nil refuses it.
    /// - Throws: `unsupported_media_type`, `payload_too_large` or `malformed_json` with line and column.
    package func jsonObject(emptyMeans: JSONObject? = nil) async throws(Failure) -> JSONObject {
        try requireJSON()
        let bytes = try await body.collect(maximumBytes: Self.maximumJSONBytes)
        if bytes.isEmpty {
            guard let emptyMeans else {
                throw Failure(.malformedJSON, "The body is empty; a JSON object is expected.")
            }
            return emptyMeans
        }
        let value: JSONValue
        do { value = try JSONParser.parse(bytes) } catch {
            throw Failure(.malformedJSON, "The body is not valid JSON: \(error.message).")
        }
        guard let object = value.objectValue else {
            throw Failure(.malformedJSON, "The body is \(value.kindName); a JSON object is expected.")
        }
        return object
    }

    private func requireJSON() throws(Failure) {
        guard let type = head.headers["content-type"] else { return }
        let field = ParameterizedField(type)
        guard let field, field.value == "application/json" || field.value.hasSuffix("+json") else {
            throw Failure(
                .unsupportedMediaType, "The content type is \(type.clipped(to: 100)); application/json is expected.")
        }
        // JSON is UTF-8 (RFC 8259, section 8.1). In UTF-7 and the like, the same bytes would say something else.
        let charset = field.parameters["charset"]?.lowercased() ?? "utf-8"
        guard charset == "utf-8" || charset == "utf8" else {
            throw Failure(
                .unsupportedMediaType, "The character set is \(charset.clipped(to: 100)); utf-8 is expected.")
        }
    }
}
