import Domain
import Endpoints

extension KeyEndpoints {
    enum Descriptions {
        private static let tag = "API_key"
        private static let email = EndpointDescription.Parameter(
            "user_email", .email, "The e-mail address of the key's user.")
        private static let name = EndpointDescription.Parameter(
            "key_name", .text(KeyLimits.nameLength), "The key's name, or its identifier.")

        static let settings: [Schema.Property] = [
            ("name", .pathName(KeyLimits.nameLength)), ("description", .text(0...KeyLimits.descriptionLength)),
            (
                "permissions",
                .array(.choice(of: Permission.self), count: 1...Permission.allCases.count, unique: true)
            ),
            ("rate_limit_override", .integer(KeyLimits.rateLimit)),
            ("expires_at", Schema.expiry),
            ("scopes", Schema.array(.anything, count: 0...0).described("Not supported: keys are not scoped.")),
            (
                "allowed_origins",
                Schema.array(.anything, count: 0...0).described("Not supported: origins are not checked.")
            ),
        ]

        static let create = EndpointDescription(
            "create_key_organizations_users_email", tag: tag,
            "Create a key. Without permissions it may read, write and delete, as far as the user's role allows.",
            answer: .createdKey
        )
        .at(email).taking(.named("APIKeyCreateRequest", .request(settings, required: ["name"])))
        .failing(.alreadyExists, .conflict)

        static let list = EndpointDescription(
            "list_keys_organizations_users_email", tag: tag, "List a user's keys, newest first.",
            answer: .named(
                "APIKeyList", .answer([("results", .array(.key)), ("total", .integer(0...Int64.max))]))
        )
        .at(email)
        .filtered(by: [
            .init("include_revoked", .boolean, "Whether revoked keys are listed, too."),
            .init("include_session_keys", .boolean, "For the official SDK; there are no session keys."),
        ])

        static let update = EndpointDescription(
            "update_key_organizations_users_email_name", tag: tag,
            "Change a key. A null takes its expiry or its limit away; the status revoked is for good.", answer: .key
        )
        .at(email, name)
        .taking(
            .named("APIKeyUpdateRequest", .request(settings + [("status", .choice(of: KeyUpdate.Status.self))]))
        )
        .failing(.alreadyExists, .conflict)

        static let revoke = EndpointDescription(
            "delete_key_organizations_users_email_name", tag: tag, "Revoke a key, for good.", answer: .success
        )
        .at(email, name)
        .filtered(by: [.init("force", .boolean, "For the official SDK; nothing embeds keys here.")])
        .failing(.conflict)

        static let rotate = EndpointDescription(
            "rotate_key_organizations_users_email_name", tag: tag,
            "Give a key another secret; the old one is not good any more.", answer: .createdKey
        ).at(email, name).failing(.conflict)
    }
}

extension Schema {
    /// A moment to come, with its zone.
    static let expiry = matching(
        #"^2[1-9][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"#,
        length: 20...20)
}
