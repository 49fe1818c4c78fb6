import Endpoints
import Mail

extension FieldReader {
    /// An e-mail address that mail is sent to: of those that `email` reads, one of ASCII characters whose parts between
    /// dots are not empty, as SMTP carries it without an extension.
    mutating func mailbox(_ name: String) -> String? {
        guard let text = email(name) else { return nil }
        guard MailAddress(text) != nil else {
            reject(
                name, "email",
                "is not an address that mail is sent to: ASCII characters, and no empty part between dots, are expected"
            )
            return nil
        }
        return text
    }
}

extension Schema {
    private static let atom = "[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+"
    static let mailbox = matching(
        "^\(atom)(?:\\.\(atom))*@" + FieldReader.emailDomain, length: 3...254
    ).described("Of ASCII characters, at most 64 of them before the @")
}
