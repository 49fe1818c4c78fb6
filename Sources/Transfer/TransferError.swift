/// Why a transfer failed.
package struct TransferError: Error, Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        /// The URL, or something else that was asked for, is no good.
        case invalidRequest = "invalid_request"
        /// The host's name has no address, or none now.
        case unknownHost = "unknown_host"
        /// Every address of the host is one that may not be connected to.
        case forbiddenAddress = "forbidden_address"
        case connectionFailed = "connection_failed"
        /// The other side's certificate, or the encryption, is no good.
        case tls = "tls_failed"
        case timedOut = "timed_out"
        /// The other side sent more than is read.
        case answerTooLarge = "answer_too_large"
        /// The connection broke, or what came was no answer.
        case brokenAnswer = "broken_answer"
        /// Credentials were refused.
        case authentication = "authentication_failed"
        /// The other side answered that it will not, with a status of its own.
        case refused
        /// The transfer was given up on our side.
        case cancelled
        /// Our own trouble: memory, the library.
        case failed
    }

    package let kind: Kind
    /// libcurl's own code.
    package let code: Int
    /// The protocol's last status, such as SMTP's 550; 0 without one.
    package let status: Int
    /// libcurl's words. They may name addresses, so they are for the operator.
    package let detail: String
    /// Where the dialogue with a mail server ended; nil for other protocols.
    package let mail: MailAnswer?

    package init(_ kind: Kind, code: Int = 0, status: Int = 0, detail: String, mail: MailAnswer? = nil) {
        self.kind = kind
        self.code = code
        self.status = status
        self.detail = detail
        self.mail = mail
    }

    /// What may be shown to whoever chose the target: nothing of what its name leads to.
    package var publicText: String {
        switch kind {
        case .invalidRequest: "the URL cannot be used"
        case .unknownHost: "the host's name leads to no address"
        case .forbiddenAddress: "the host's address is not one that events are sent to"
        case .connectionFailed: "no connection was made"
        case .tls: "the TLS connection failed: the certificate, or its name, is not trusted"
        case .timedOut: "no answer in time"
        case .answerTooLarge: "the answer is too long"
        case .brokenAnswer: "the connection broke, or the answer is none"
        case .authentication: "the credentials were refused"
        case .refused: "the other side refused"
        case .cancelled: "it was given up for now"
        case .failed: "the transfer failed"
        }
    }
}

extension TransferError: CustomStringConvertible {
    package var description: String { "\(kind.rawValue): \(detail)" }
}
