package import Mail
package import Transfer

/// A connection to the mail server that is made when the first mail is sent.
package struct MailConnection: ~Copyable {
    private let server: MailServer?
    private var transfer: MailTransfer?

    package init(_ server: MailServer?) { self.server = server }

    /// Sends one mail on the calling thread, which it blocks.
    /// - Returns: the server's last status.
    @discardableResult
    package mutating func send(
        _ message: MailMessage, cancellation: TransferCancellation
    ) throws(TransferError) -> Int {
        guard let server else { throw TransferError(.invalidRequest, detail: "there is no mail server") }
        if transfer == nil { transfer = try MailTransfer(server) }
        guard
            let status = try transfer?.send(
                message.encoded, from: message.sender.text, to: message.recipient.text, cancellation: cancellation)
        else { throw TransferError(.failed, detail: "there is no connection") }
        return status
    }
}
