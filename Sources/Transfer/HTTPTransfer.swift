internal import CCurl

/// One HTTP request, sent as it is: no redirect is followed, no proxy used, no cookie kept, nothing of the environment read.
package struct HTTPTransfer: Sendable {
    package var url: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// For all of it, from the name's resolution to the answer's end.
    package var timeoutMilliseconds: Int
    /// Certificates that are trusted, a PEM file; nil for the system's.
    package var authoritiesFile: String?
    /// Whether `http` is good enough; otherwise only `https`.
    package var allowsPlainText = false
    /// An answer that is longer fails.
    package var maximumAnswerBytes = 65_536
    /// How much of the answer's body is kept.
    package var excerptBytes = 1_024

    package init(
        url: String, headers: [(name: String, value: String)], body: [UInt8], timeoutMilliseconds: Int,
        authoritiesFile: String? = nil, allowsPlainText: Bool = false
    ) {
        self.url = url
        self.headers = headers
        self.body = body
        self.timeoutMilliseconds = timeoutMilliseconds
        self.authoritiesFile = authoritiesFile
        self.allowsPlainText = allowsPlainText
    }

    package struct Answer: Sendable {
        package let status: Int
        /// The beginning of the body.
        package let excerpt: [UInt8]
    }

    /// Sends the request by POST on the calling thread, which it blocks until the answer is there.
    ///
    /// - Parameter mayConnect: asked for each address right before a connection to it.
    package func post(
        cancellation: TransferCancellation, mayConnect: @escaping (NetworkAddress) -> Bool
    ) throws(TransferError) -> Answer {
        var handle = try CurlHandle()
        let run = TransferRun(
            maximumBodyBytes: maximumAnswerBytes, excerptBytes: excerptBytes, cancellation: cancellation,
            mayConnect: mayConnect)
        try handle.set(CURLOPT_PROTOCOLS_STR, allowsPlainText ? "http,https" : "https")
        try handle.set(CURLOPT_URL, url)
        try handle.set(CURLOPT_HTTP_VERSION, 2)  // CURL_HTTP_VERSION_1_1, which Swift does not import as a number.
        try handle.set(CURLOPT_FOLLOWLOCATION, 0)
        try handle.set(CURLOPT_PROXY, "")
        try handle.set(CURLOPT_NOPROXY, "*")
        try handle.set(CURLOPT_NETRC, 0)
        try handle.set(CURLOPT_NOSIGNAL, 1)
        try handle.set(CURLOPT_TIMEOUT_MS, timeoutMilliseconds)
        try handle.set(CURLOPT_CONNECTTIMEOUT_MS, timeoutMilliseconds)
        try handle.set(CURLOPT_SSL_VERIFYPEER, 1)
        try handle.set(CURLOPT_SSL_VERIFYHOST, 2)
        if let authoritiesFile {
            try handle.set(CURLOPT_CAINFO, authoritiesFile)
            try handle.set(CURLOPT_CAPATH, nil as String?)
        }
        // Without this a longer body would wait for the other side's leave.
        try handle.set(CURLOPT_HTTPHEADER, headers.map { "\($0.name): \($0.value)" } + ["Expect:"])
        try handle.set(body: body)
        try handle.perform(run)
        return Answer(status: handle.status, excerpt: run.excerpt)
    }
}
