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

    static func read(
        _ internalID: InternalID, in transaction: any Transaction, now: Timestamp
    ) throws(DatabaseError) -> OrganizationView? {
        guard let organization = try transaction.organizations.find(internalID),
            let balance = try transaction.credits.balance(of: internalID, now: now)
        else { return nil }
        let usage = try transaction.credits.usage(of: internalID, in: balance.period)
        let users = try transaction.users.list(internalID, limit: maximumUsers).items
        return OrganizationView(
            organization: organization, account: AccountView(balance: balance, usage: usage.credits), users: users)
    }
}
