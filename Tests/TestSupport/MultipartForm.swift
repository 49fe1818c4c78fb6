/// A `multipart/form-data` body.
package struct MultipartForm: Sendable {
    package let boundary = "----portcullis-\(UInt64.random(in: .min ... .max))"
    private var bytes: [UInt8] = []

    package init() {}

    package func adding(_ name: String, _ content: [UInt8], filename: String? = nil, contentType: String? = nil) -> Self
    {
        var form = self
        var disposition = "form-data; name=\"\(name)\""
        if let filename { disposition += "; filename=\"\(filename)\"" }
        var part = "--\(boundary)\r\nContent-Disposition: \(disposition)\r\n"
        if let contentType { part += "Content-Type: \(contentType)\r\n" }
        form.bytes += Array((part + "\r\n").utf8) + content + Array("\r\n".utf8)
        return form
    }

    package func adding(_ name: String, _ text: String) -> Self { adding(name, Array(text.utf8)) }

    package var contentType: String { "multipart/form-data; boundary=\(boundary)" }
    package var encoded: [UInt8] { bytes + Array("--\(boundary)--\r\n".utf8) }

    package func request(_ target: String = "/v1/uploads") -> HTTPRequest {
        HTTPRequest("POST", target, headers: [("Content-Type", contentType)], body: .bytes(encoded))
    }
}
