package struct HTTPResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// Bytes of the request's body that had been handed to the kernel when the answer was complete.
    package var bodyBytesSent: Int64 = 0
    /// Interim `100 Continue` answers seen before this one.
    package var continues = 0

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The first value of a header, whatever its case.
    package subscript(header: String) -> String? {
        headers.first { $0.name.lowercased() == header.lowercased() }?.value
    }

    package var json: JSON {
        get throws {
            do {
                return try JSON(parsing: body)
            } catch {
                throw SupportError("the answer \(status) is not JSON (\(error)): \(text.prefix(500))")
            }
        }
    }

    /// `error.code` of the envelope, or what was answered instead.
    package var errorCode: String {
        (try? json["error"]["code"].string) ?? "no error code in \(status) \(text.prefix(200))"
    }

    /// Status, and for an error its code: what most tests ask for.
    package var summary: String { status < 400 ? "\(status)" : "\(status) \(errorCode)" }
}
