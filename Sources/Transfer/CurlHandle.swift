internal import CCurl

/// A handle of libcurl: one at a time uses it, and each of its calls goes through `check`.
@safe struct CurlHandle: ~Copyable {
    // The handle is this value's alone, and freed once in deinit.
    private let handle: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>
    private var lists: [UnsafeMutablePointer<curl_slist>] = unsafe []

    /// Its own initialisation is not safe among threads, so that it happens once, and before any use.
    private static let isLibraryReady = portcullis_curl_global_init() == CURLE_OK

    init() throws(TransferError) {
        guard Self.isLibraryReady, let handle = unsafe curl_easy_init() else {
            throw TransferError(.failed, detail: "libcurl could not be initialised")
        }
        unsafe self.handle = handle
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        unsafe _ = portcullis_curl_set_error_buffer(handle, errorText)
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe errorText.deallocate()
        unsafe lists.forEach { unsafe curl_slist_free_all($0) }
    }

    func set(_ option: CURLoption, _ value: Int) throws(TransferError) {
        try check(unsafe portcullis_curl_set_number(handle, option, value))
    }

    func set(_ option: CURLoption, _ value: String?) throws(TransferError) {
        try check(unsafe portcullis_curl_set_text(handle, option, value))
    }

    /// - Parameter values: lines without their ends.
    mutating func set(_ option: CURLoption, _ values: [String]) throws(TransferError) {
        var list: UnsafeMutablePointer<curl_slist>?
        for value in values {
            guard let longer = unsafe curl_slist_append(list, value) else {
                unsafe curl_slist_free_all(list)
                throw TransferError(.failed, detail: "out of memory")
            }
            unsafe list = unsafe longer
        }
        if let list = unsafe list { unsafe lists.append(list) }
        try check(unsafe portcullis_curl_set_list(handle, option, list))
    }

    /// The text as a part of a URL.
    func percentEncoded(_ text: String) throws(TransferError) -> String {
        // A length of 0 would have it counted; an empty text stays one either way. What is returned is freed here.
        guard let encoded = unsafe curl_easy_escape(handle, text, 0) else {
            throw TransferError(.failed, detail: "out of memory")
        }
        defer { unsafe curl_free(encoded) }
        return unsafe String(cString: encoded)
    }

    func set(body: [UInt8]) throws(TransferError) {
        // A body without bytes still needs an address.
        let bytes = body.isEmpty ? [0] : body
        try check(unsafe portcullis_curl_set_body(handle, bytes, body.count))
    }

    /// Runs the transfer on the calling thread, which it blocks.
    func perform(_ run: TransferRun) throws(TransferError) {
        try connect(run)
        let code = unsafe curl_easy_perform(handle)
        // The callbacks use it until here.
        withExtendedLifetime(run) {}
        guard code != CURLE_OK else { return }
        if run.isForbidden, code == CURLE_COULDNT_CONNECT {
            throw TransferError(
                .forbiddenAddress, code: Int(code.rawValue), detail: "an address that is not public was refused")
        }
        if let reason = run.abortion {
            let detail =
                reason == .authentication
                ? "there are credentials, and the server takes none" : "given up: \(reason.rawValue)"
            throw TransferError(reason, code: Int(code.rawValue), detail: detail)
        }
        throw error(code)
    }

    /// The last status of the protocol: HTTP's, SMTP's. 0 without one.
    var status: Int {
        var status = 0
        let code = unsafe portcullis_curl_get_number(handle, CURLINFO_RESPONSE_CODE, &status)
        return code == CURLE_OK ? status : 0
    }

    /// Lets the run know which commands are sent, and what is answered.
    func traceCommands(_ run: TransferRun) throws(TransferError) {
        let context = unsafe Unmanaged.passUnretained(run).toOpaque()
        try check(
            unsafe portcullis_curl_on_trace(
                handle,
                { _, type, bytes, count, context in
                    if type == CURLINFO_HEADER_OUT { unsafe TransferRun.of(context)?.send(bytes, count) }
                    if type == CURLINFO_HEADER_IN { unsafe TransferRun.of(context)?.hear(bytes, count) }
                    return 0
                }, context))
    }

    private func connect(_ run: TransferRun) throws(TransferError) {
        let context = unsafe Unmanaged.passUnretained(run).toOpaque()
        try check(
            unsafe portcullis_curl_on_body(
                handle,
                { bytes, size, count, context in
                    unsafe TransferRun.of(context)?.receive(bytes, size * count) ?? 0
                }, context))
        try check(
            unsafe portcullis_curl_on_read(
                handle,
                { buffer, size, count, context in
                    unsafe TransferRun.of(context)?.supply(buffer, size * count) ?? 0
                }, context))
        try check(
            unsafe portcullis_curl_on_header(
                handle,
                { _, size, count, context in
                    unsafe TransferRun.of(context)?.receiveHeader(size * count) ?? 0
                }, context))
        try check(
            unsafe portcullis_curl_on_progress(
                handle,
                { context, _, _, _, _ in
                    unsafe TransferRun.of(context)?.mayContinue == true ? 0 : 1
                }, context))
        try check(
            unsafe portcullis_curl_on_socket(
                handle,
                { context, _, address in
                    guard let run = unsafe TransferRun.of(context), let address = unsafe address,
                        unsafe run.mayConnect(to: address)
                    else { return CURL_SOCKET_BAD }
                    return unsafe portcullis_curl_socket(address)
                }, context))
    }

    /// The one place where libcurl's codes become errors.
    private func check(_ code: CURLcode) throws(TransferError) {
        guard code != CURLE_OK else { return }
        throw error(code)
    }

    private func error(_ code: CURLcode) -> TransferError {
        let text = unsafe String(cString: errorText)
        let general = unsafe curl_easy_strerror(code).map { unsafe String(cString: $0) } ?? ""
        return TransferError(
            Self.kind(of: code), code: Int(code.rawValue), status: status, detail: text.isEmpty ? general : text)
    }

    private static func kind(of code: CURLcode) -> TransferError.Kind {
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_BAD_FUNCTION_ARGUMENT, CURLE_UNKNOWN_OPTION,
            CURLE_NOT_BUILT_IN:
            .invalidRequest
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .unknownHost
        case CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED: .connectionFailed
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED,
            CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            .tls
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_FILESIZE_EXCEEDED: .answerTooLarge
        // URLs were taken apart before: this is an answer in another protocol than the one that was spoken.
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_GOT_NOTHING, CURLE_RECV_ERROR,
            CURLE_SEND_ERROR, CURLE_PARTIAL_FILE,
            CURLE_BAD_CONTENT_ENCODING, CURLE_HTTP2, CURLE_CHUNK_FAILED:
            .brokenAnswer
        case CURLE_LOGIN_DENIED, CURLE_AUTH_ERROR: .authentication
        case CURLE_UPLOAD_FAILED, CURLE_REMOTE_ACCESS_DENIED: .refused
        case CURLE_ABORTED_BY_CALLBACK: .cancelled
        default: .failed
        }
    }
}
