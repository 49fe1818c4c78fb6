import Crypto
import Domain
import Endpoints

/// A user to be added.
struct UserDraft: Sendable {
    let email: String
    let name: String
    let role: UserRole
    let status: UserStatus
    let avatarURL: String?
    let metadata: JSONObject

    /// nil where a required field is missing or wrong, which `fields` has then noted.
    ///
    /// - Parameter needsName: whether the field `user_name` is required; else the e-mail address stands in for it.
    init?(reading fields: inout FieldReader, needsName: Bool) {
        let email = fields.email("email")
        fields.require("email")
        let name = fields.displayName("user_name", length: UserLimits.nameLength)
        if needsName { fields.require("user_name") }
        role = fields.choice("role", of: UserRole.self) ?? .member
        status = fields.choice("status", of: UserStatus.self) ?? .active
        avatarURL = fields.webURL("avatar_url")
        metadata = fields.object("metadata", maximumBytes: UserLimits.metadataBytes) ?? [:]
        guard let email else { return nil }
        self.email = email
        self.name = name ?? String(email.prefix { $0 != "@" })
    }

    func user(of organization: InternalID, now: Timestamp) -> User {
        User(
            id: RandomID.userID(), organization: organization, email: email, name: name, role: role, status: status,
            avatarURL: avatarURL, metadata: metadata, createdAt: now, updatedAt: now)
    }
}

/// The changes of a user. nil leaves a field as it is.
struct UserUpdate: Sendable {
    private let name: String?
    private let role: UserRole?
    private let status: UserStatus?
    private let avatarURL: String?
    private let metadata: JSONObject?

    init(reading fields: inout FieldReader) {
        name = fields.displayName("user_name", length: UserLimits.nameLength)
        role = fields.choice("role", of: UserRole.self)
        status = fields.choice("status", of: UserStatus.self)
        avatarURL = fields.webURL("avatar_url")
        metadata = fields.object("metadata", maximumBytes: UserLimits.metadataBytes)
    }

    func apply(to user: inout User) {
        if let name { user.name = name }
        if let role { user.role = role }
        if let status { user.status = status }
        if let avatarURL { user.avatarURL = avatarURL }
        if let metadata { user.metadata = metadata }
    }

    /// Whether an administrator would be none any more.
    func endsAdministration(of user: User) -> Bool {
        var after = user
        apply(to: &after)
        return user.isAdministrator && !after.isAdministrator
    }
}

extension User {
    fileprivate var isAdministrator: Bool { role == .admin && status == .active }
}

enum UserLimits {
    static let nameLength = 2...100
    static let metadataBytes = 65_536
    static let users = 10_000
}
