import CMicrohttpd
import Domain

extension Response {
    /// Fields that the server itself answers for.
    private static let reserved = ["Connection", "Content-Length", "Date", "Transfer-Encoding", RequestID.headerName]

    /// The header fields to send beside those that the server adds by itself, and the names of those that cannot be
    /// sent because their name or value would break the header section, or because the server answers for them.
    func wireFields(requestID: String, closes: Bool) -> (fields: [HeaderFields.Field], refused: [String]) {
        var fields: [HeaderFields.Field] = [(RequestID.headerName, requestID)]
        var refused: [String] = []
        for field in headers {
            if ASCII.isToken(field.name.utf8), field.value.utf8.allSatisfy(ASCII.isFieldValue),
                !Self.reserved.contains(where: { ASCII.equalsIgnoringCase($0, field.name) })
            {
                fields.append(field)
            } else {
                refused.append(field.name)
            }
        }
        if closes { fields.append(("Connection", "close")) }
        return (fields, refused)
    }

    /// Bytes of the body that go over the wire.
    func sentLength(to method: HTTPMethod?) -> Int64 {
        if case .omitted = body { return 0 }
        return method == .head || status == 204 || status == 304 ? 0 : body.length
    }

    /// Status line and header section, for the answers that libmicrohttpd cannot give.
    func serializedHead(fields: [HeaderFields.Field], now: Timestamp) -> String {
        let reason = unsafe MHD_get_reason_phrase_for(UInt32(status)).map { unsafe String(cString: $0) } ?? ""
        var text = "HTTP/1.1 \(status) \(reason)\r\nDate: \(HTTPDate.text(now))\r\n"
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        if status != 204 { text += "Content-Length: \(body.length)\r\n" }
        return text + "\r\n"
    }
}
