import Domain
import Endpoints

extension UserEndpoints {
    enum Descriptions {
        private static let tag = "User"
        private static let email = EndpointDescription.Parameter(
            "user_email", .email, "The user's e-mail address.")

        private static let changes: [Schema.Property] = [
            ("user_name", .displayName(UserLimits.nameLength)), ("avatar_url", .webURL),
            ("role", .choice(of: UserRole.self)),
            ("status", .choice(of: UserStatus.self)), ("metadata", .jsonObject),
        ]

        static let create = EndpointDescription(
            "create_user_organizations", tag: tag, "Add a user.", answer: .user
        )
        .taking(
            .named(
                "UserCreateRequest",
                .request([("email", .email)] + changes, required: ["email", "user_name"]))
        )
        .failing(.alreadyExists, .conflict)

        static let list = EndpointDescription(
            "list_users_organizations", tag: tag, "List the users, newest first.", answer: .list("UserList", of: .user)
        )
        .filtered(by: [
            .skip, .limit, .init("role", .choice(of: UserRole.self), "Only users of this role."),
            .init("status", .choice(of: UserStatus.self), "Only users of this status."),
        ])

        static let get = EndpointDescription(
            "get_user_organizations_email", tag: tag, "Read a user; without the permission admin, only the key's own.",
            answer: .user
        ).at(email)

        static let update = EndpointDescription(
            "update_user_organizations_email", tag: tag,
            "Change a user. Any status but active revokes the user's keys, for good.", answer: .user
        )
        .at(email).taking(.named("UserUpdateRequest", .request(changes))).failing(.conflict)

        static let delete = EndpointDescription(
            "delete_user_organizations_email", tag: tag, "Delete a user and the user's keys.", answer: .success
        ).at(email).failing(.conflict)
    }
}
