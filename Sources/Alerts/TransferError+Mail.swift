package import Transfer

extension TransferError {
    /// Whether mail to this address never arrives. Whatever the server has against us, our credentials or the mail's
    /// content is the operator's trouble and not the address's.
    package var isRefusalOfAddress: Bool {
        kind == .refused && mail?.isRefusalOfAddress == true
    }

    /// Whether another mail may fare better: the server talked with us until it came to this mail's recipient.
    package var concernsOneMail: Bool {
        switch kind {
        case .refused, .timedOut, .brokenAnswer, .answerTooLarge, .failed: mail?.isAboutOneMail == true
        default: false
        }
    }

    /// Whether the server did not even answer what concerns one mail, or hung up.
    var isSilenceAboutOneMail: Bool { concernsOneMail && kind != .refused }
}
