/// An account's tier: monthly credits, rate limits and the largest file.
package enum Tier: String, CaseIterable, Sendable {
    case free
    case pro
    case team
    case enterprise

    /// Credits per month. The enterprise allowance is set by the operator; until then it is unlimited.
    package var monthlyAllowance: MonthlyAllowance {
        switch self {
        case .free: .limited(1_000)
        case .pro: .limited(100_000)
        case .team: .limited(1_000_000)
        case .enterprise: .unlimited
        }
    }

    /// The largest file, in bytes.
    package var maximumFileBytes: Int64 {
        switch self {
        case .free: 100 * 1_048_576
        case .pro, .team: 5 * 1_073_741_824
        case .enterprise: 50 * 1_073_741_824
        }
    }

    package var rateLimits: RateLimits {
        switch self {
        case .free: RateLimits(metadata: 20, data: 10, search: 10, upload: 5, compute: 5)
        case .pro: RateLimits(metadata: 100, data: 60, search: 60, upload: 30, compute: 30)
        case .team: RateLimits(metadata: 200, data: 100, search: 100, upload: 50, compute: 50)
        case .enterprise: RateLimits(metadata: 1_000, data: 500, search: 500, upload: 250, compute: 250)
        }
    }

    /// The balances at which a FREE organization is raised.
    package static let proBalance: Int64 = 100_000
    package static let teamBalance: Int64 = 1_000_000

    /// The tier that a FREE organization is raised to once its balance reaches `balance`, if any.
    package static func upgrade(from tier: Tier, balance: Int64) -> Tier? {
        guard tier == .free else { return nil }
        return balance >= teamBalance ? .team : balance >= proBalance ? .pro : nil
    }
}
