import Database
import Domain

/// An organization with what its presentation shows beside its settings, read in one snapshot.
struct OrganizationView: Sendable {
    let organization: Organization
    let account: AccountView
    let users: [User]

    var publicPresentation: JSONObject { organization.publicPresentation(account, users: users) }
    var privatePresentation: JSONObject { organization.privatePresentation(account, users: users) }

    /// Users beyond this many are seen through the users' own endpoint.
    static let maximumUsers = 100

    /// Whose records it shows.
    enum Audience: Sendable {
        /// Everybody's, for operators and administrators.
        case administrator
        /// The own one: who else there is, and what is kept about them, is no business of whoever may only read.
        case user(UserID)

        init(_ caller: Caller) { self = caller.key.allows(.admin) ? .administrator : .user(caller.key.user) }
    }

    static func read(
        _ internalID: InternalID, for audience: Audience = .administrator, in transaction: any Transaction,
        now: Timestamp
    ) throws(DatabaseError) -> OrganizationView? {
        guard let organization = try transaction.organizations.find(internalID),
            let balance = try transaction.credits.balance(of: internalID, now: now)
        else { return nil }
        let usage = try transaction.credits.usage(of: internalID, in: balance.period)
        let users: [User] =
            switch audience {
            case .administrator: try transaction.users.list(internalID, limit: maximumUsers).items
            case .user(let id): try transaction.users.find(internalID, id: id).map { [$0] } ?? []
            }
        return OrganizationView(
            organization: organization, account: AccountView(balance: balance, usage: usage.credits), users: users)
    }
}
