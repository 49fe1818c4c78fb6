internal import CCurl

/// The parts of an `http` or `https` URL, taken apart by the library that will use it, so that what is checked is what is
/// connected to.
package struct WebURL: Hashable, Sendable {
    package let scheme: String
    /// In lower case; an IPv6 address in brackets. However an IPv4 address was written, it is `a.b.c.d` here.
    package let host: String
    package let port: Int
    /// As the library writes it.
    package let text: String

    /// - Returns: nil for what is no such URL, one that carries credentials, or one with a fragment or control characters.
    package init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), let url = unsafe curl_url() else { return nil }
        defer { unsafe curl_url_cleanup(url) }
        guard unsafe curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK,
            unsafe Self.part(CURLUPART_USER, of: url) == nil, unsafe Self.part(CURLUPART_PASSWORD, of: url) == nil,
            unsafe Self.part(CURLUPART_FRAGMENT, of: url) == nil, unsafe Self.part(CURLUPART_ZONEID, of: url) == nil,
            let scheme = unsafe Self.part(CURLUPART_SCHEME, of: url)?.lowercased(), ["http", "https"].contains(scheme),
            let host = unsafe Self.part(CURLUPART_HOST, of: url)?.lowercased(), !host.isEmpty,
            let port = unsafe Self.part(CURLUPART_PORT, of: url, flags: CURLU_DEFAULT_PORT).flatMap({ Int($0) }),
            let whole = unsafe Self.part(CURLUPART_URL, of: url)
        else { return nil }
        self.scheme = scheme
        self.host = host
        self.port = port
        self.text = whole
    }

    private static func part(_ part: CURLUPart, of url: OpaquePointer, flags: Int32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard unsafe curl_url_get(url, part, &text, UInt32(flags)) == CURLUE_OK, let text = unsafe text else {
            return nil
        }
        // The text is ours, made by libcurl's allocator.
        defer { unsafe curl_free(text) }
        return unsafe String(cString: text)
    }
}
