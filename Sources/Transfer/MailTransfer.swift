internal import CCurl

/// Mails over one connection to a mail server (SMTP), which stays open between them. Nothing of the environment is read.
package struct MailTransfer: ~Copyable {
    private var handle: CurlHandle
    private let requiresLogin: Bool
    /// Whether credentials were sent on the connection that is open.
    private var hasLogin = false

    package init(_ server: MailServer) throws(TransferError) {
        let handle = try CurlHandle()
        try handle.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        // What follows the host is the name that libcurl says in EHLO.
        try handle.set(CURLOPT_URL, server.url + "/" + handle.percentEncoded(server.clientName ?? ""))
        // CURLUSESSL_ALL and CURLUSESSL_NONE, which Swift does not import as numbers.
        try handle.set(CURLOPT_USE_SSL, server.requiresEncryption ? 3 : 0)
        try handle.set(CURLOPT_PROXY, "")
        try handle.set(CURLOPT_NOPROXY, "*")
        try handle.set(CURLOPT_NETRC, 0)
        try handle.set(CURLOPT_NOSIGNAL, 1)
        try handle.set(CURLOPT_TIMEOUT_MS, server.timeoutMilliseconds)
        try handle.set(CURLOPT_CONNECTTIMEOUT_MS, server.timeoutMilliseconds)
        try handle.set(CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, server.timeoutMilliseconds / 1_000))
        try handle.set(CURLOPT_SSL_VERIFYPEER, 1)
        try handle.set(CURLOPT_SSL_VERIFYHOST, 2)
        if let authoritiesFile = server.authoritiesFile {
            try handle.set(CURLOPT_CAINFO, authoritiesFile)
            try handle.set(CURLOPT_CAPATH, nil as String?)
        }
        if let user = server.user {
            try handle.set(CURLOPT_USERNAME, user)
            try handle.set(CURLOPT_PASSWORD, server.password ?? "")
        }
        try handle.set(CURLOPT_UPLOAD, 1)
        self.handle = handle
        requiresLogin = server.user != nil
    }

    /// Sends one mail on the calling thread, which it blocks until the server took it.
    ///
    /// - Parameters:
    ///   - sender, recipient: addresses of the envelope, ASCII without brackets.
    ///   - message: header and body with CR LF line ends; dots at the beginning of lines are libcurl's business.
    /// - Returns: the server's last status, such as 250.
    /// - Throws: `refused` with the server's status, where it refused this mail; `authentication` where there are
    ///   credentials, and the server takes none. With the dialogue's end in every case.
    package mutating func send(
        _ message: [UInt8], from sender: String, to recipient: String, cancellation: TransferCancellation
    ) throws(TransferError) -> Int {
        let run = TransferRun(
            maximumBodyBytes: 65_536, excerptBytes: 0, cancellation: cancellation, upload: message,
            requiresLogin: requiresLogin, hasLogin: hasLogin, mayConnect: { _ in true })
        try handle.set(CURLOPT_MAIL_FROM, "<\(sender)>")
        try handle.set(CURLOPT_MAIL_RCPT, ["<\(recipient)>"])
        // A long on 64-bit machines holds any size.
        try handle.set(CURLOPT_INFILESIZE, message.count)
        try handle.traceCommands(run)
        do throws(TransferError) {
            defer { hasLogin = run.hasLogin }
            try handle.perform(run)
        } catch {
            let answer = run.mailAnswer
            let isRefusal = answer.isRefusal && error.kind != .cancelled
            throw TransferError(
                isRefusal ? .refused : error.kind, code: error.code, status: isRefusal ? answer.status : error.status,
                detail: error.detail, mail: answer)
        }
        return handle.status
    }
}
