package import Domain

// libmicrohttpd's parser is lenient: it lets pass two Content-Length fields, Content-Length beside Transfer-Encoding,
// two Hosts, NUL, bare CR and bare LF. A proxy in front may read any of these in another way, and then the two disagree
// where a request ends ("request smuggling"). So each is refused here, and the connection closed.
extension RequestHead {
    /// Checks `raw` against RFC 9112 and takes it apart.
    ///
    /// - Throws: 400 for what is malformed, 417 for an unknown expectation, 431 for too many or too long fields, 501 for
    ///   a method or a transfer coding that is not served.
    package init(
        checking raw: RawHead, id: String, remoteAddress: String, maximumBytes: Int, maximumFields: Int
    ) throws(Failure) {
        guard raw.isContiguous else {
            throw Failure(
                .badRequest, "The header section is malformed: a line does not end in CR LF, is folded, or holds a NUL."
            )
        }
        guard raw.byteCount <= maximumBytes else {
            throw Failure(.headersTooLarge, "The header section is larger than \(maximumBytes) bytes.")
        }
        guard raw.fields.count <= maximumFields else {
            throw Failure(.headersTooLarge, "The request has more than \(maximumFields) header fields.")
        }
        // With the spaces after the values, which libmicrohttpd keeps: what frames the message must read alike to both.
        let headers = try Self.headers(raw.fields)
        let isLatest = raw.version == Array("HTTP/1.1".utf8)
        try Self.checkHost(headers, isRequired: isLatest)
        let (contentLength, isChunked) = try Self.framing(headers, mayBeChunked: isLatest)
        let expectsContinue = try Self.expectation(headers)
        let method = try Self.method(raw.method)
        let (path, query) = try Self.target(raw.target, method)
        self.init(
            id: id, method: method, path: path, pathSegments: try Self.segments(path), query: try Self.items(query),
            headers: HeaderFields(headers.map { ($0.name, String(ASCII.trimmed($0.value))) }),
            contentLength: isChunked ? nil : contentLength ?? 0, isChunked: isChunked,
            // An HTTP/1.0 client cannot mean it (RFC 9110, section 10.1.1).
            expectsContinue: expectsContinue && isLatest, remoteAddress: remoteAddress)
    }

    private static func headers(_ fields: [RawHead.Field]) throws(Failure) -> HeaderFields {
        var headers = HeaderFields()
        for field in fields {
            guard ASCII.isToken(field.name) else {
                throw Failure(
                    .badRequest, "The header field name '\(printable(field.name))' is malformed; expected a token.")
            }
            let name = String(decoding: field.name, as: UTF8.self)
            guard field.value.allSatisfy(ASCII.isFieldValue) else {
                throw Failure(.badRequest, "The header field \(name) holds a control character.")
            }
            headers.append(name, String(decoding: field.value, as: UTF8.self))
        }
        return headers
    }

    private static func checkHost(_ headers: HeaderFields, isRequired: Bool) throws(Failure) {
        let hosts = headers.values("Host")
        guard hosts.count <= 1 else { throw Failure(.badRequest, "The request has more than one Host field.") }
        guard let host = hosts.first else {
            if isRequired { throw Failure(.badRequest, "The request has no Host field.") }
            return
        }
        guard ASCII.trimmed(host).utf8.allSatisfy(isAuthority) else {
            throw Failure(.badRequest, "The Host field is malformed; expected a host and an optional port.")
        }
    }

    /// `uri-host [":" port]`, by its characters (RFC 3986, section 3.2); user information has no place in it.
    private static func isAuthority(_ byte: UInt8) -> Bool {
        ASCII.isAlphanumeric(byte) || "-._~!$&'()*+,;=:%[]".utf8.contains(byte)
    }

    private static func framing(
        _ headers: HeaderFields, mayBeChunked: Bool
    ) throws(Failure) -> (length: Int64?, isChunked: Bool) {
        let codings = headers.values("Transfer-Encoding")
        let lengths = headers.values("Content-Length")
        guard codings.isEmpty || lengths.isEmpty else {
            throw Failure(.badRequest, "The request has both Content-Length and Transfer-Encoding.")
        }
        guard codings.count <= 1, lengths.count <= 1 else {
            throw Failure(
                .badRequest,
                "The request has more than one \(lengths.isEmpty ? "Transfer-Encoding" : "Content-Length") field.")
        }
        if let coding = codings.first {
            guard mayBeChunked else { throw Failure(.badRequest, "Transfer-Encoding has no place in HTTP/1.0.") }
            // Exactly what libmicrohttpd compares with; anything else it would read until the connection closes.
            guard ASCII.equalsIgnoringCase(coding, "chunked") else {
                throw Failure(.notImplemented, "The only transfer coding supported is 'chunked'.")
            }
            return (nil, true)
        }
        guard let text = lengths.first else { return (nil, false) }
        guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isDigit) else {
            throw Failure(.badRequest, "The Content-Length is malformed; expected decimal digits.")
        }
        guard let length = Int64(text) else { throw Failure(.payloadTooLarge, "The Content-Length is too large.") }
        return (length, false)
    }

    private static func expectation(_ headers: HeaderFields) throws(Failure) -> Bool {
        let expectations = headers.values("Expect")
        guard let expectation = expectations.first else { return false }
        guard expectations.count == 1, ASCII.equalsIgnoringCase(expectation, "100-continue") else {
            throw Failure(.expectationFailed)
        }
        return true
    }

    private static func method(_ bytes: [UInt8]) throws(Failure) -> HTTPMethod {
        guard ASCII.isToken(bytes) else { throw Failure(.badRequest, "The method is malformed; expected a token.") }
        guard let method = HTTPMethod(rawValue: String(decoding: bytes, as: UTF8.self)) else {
            throw Failure(.notImplemented, "The method \(printable(bytes)) is not supported.")
        }
        return method
    }

    /// Origin form, absolute form (whose authority is passed over: every host is answered alike), or `*` for OPTIONS.
    private static func target(_ bytes: [UInt8], _ method: HTTPMethod) throws(Failure) -> (path: String, query: String)
    {
        // Browsers leave more unencoded than RFC 3986 allows, but a fragment is never sent.
        guard bytes.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw Failure(.badRequest, "The request target holds a character that must be percent-encoded.")
        }
        var target = String(decoding: bytes, as: UTF8.self)[...]
        if target == "*" && method == .options { return ("*", "") }
        if !target.hasPrefix("/") {
            let scheme = ["http://", "https://"].first { ASCII.equalsIgnoringCase(target.prefix($0.utf8.count), $0) }
            guard let scheme else {
                throw Failure(.badRequest, "The request target is malformed; expected a path that begins with '/'.")
            }
            let rest = target.dropFirst(scheme.utf8.count)
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            guard end > rest.startIndex, rest[..<end].utf8.allSatisfy(isAuthority) else {
                throw Failure(.badRequest, "The host in the request target is malformed.")
            }
            target = rest[end...].hasPrefix("/") ? rest[end...] : "/" + rest[end...]
        }
        guard let mark = target.firstIndex(of: "?") else { return (String(target), "") }
        return (String(target[..<mark]), String(target[target.index(after: mark)...]))
    }

    private static func segments(_ path: String) throws(Failure) -> [String] {
        guard path != "*" else { return [] }
        var segments: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = PercentEncoding.decode(part.utf8) else {
                throw Failure(.badRequest, "The path is malformed: '\(part)' is not percent-encoded UTF-8.")
            }
            segments.append(segment)
        }
        return segments
    }

    private static func items(_ query: String) throws(Failure) -> QueryItems {
        var items: [QueryItems.Item] = []
        for part in query.split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(halves[0].utf8, plusIsSpace: true),
                let value = halves.count > 1 ? PercentEncoding.decode(halves[1].utf8, plusIsSpace: true) : ""
            else { throw Failure(.badRequest, "The query is malformed: '\(part)' is not percent-encoded UTF-8.") }
            items.append((name, value))
        }
        return QueryItems(items)
    }

    /// At most 40 bytes of what a client sent, for a message; what is not printable shows as `?`.
    static func printable(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.prefix(40).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
