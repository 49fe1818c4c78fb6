import Database
import Domain

/// One account's ledger, played again from its first row.
struct LedgerReplay {
    private(set) var sums = LedgerSums(allowanceUsed: 0, purchased: 0, held: 0)
    /// nil before the first row.
    private(set) var periodStart: Timestamp?
    private(set) var rows = 0

    /// Far beyond what is granted or spent in one row, and far from where sums of rows overflow.
    private static let largestMove: UInt64 = 1 << 62

    /// Takes the next row.
    /// - Returns: what is wrong with it, nil where it follows from those before.
    mutating func apply(_ row: Reconciliation.Movement) -> String? {
        rows += 1
        // A number that no row of the service has can be as large as the column holds.
        let moves = [row.allowance, row.purchased, row.held]
        guard moves.allSatisfy({ $0.magnitude <= Self.largestMove }) else {
            return "moves allowance \(row.allowance), purchased \(row.purchased), held \(row.held), which is more than "
                + "there are credits; it is left out of the sums"
        }
        let problem = order(row) ?? shape(row)
        let (used, usedOverflow) = sums.allowanceUsed.addingReportingOverflow(row.allowance)
        let (purchased, purchasedOverflow) = sums.purchased.addingReportingOverflow(row.purchased)
        let (held, heldOverflow) = sums.held.addingReportingOverflow(row.held)
        periodStart = row.periodStart
        guard !usedOverflow, !purchasedOverflow, !heldOverflow else {
            return "with it a sum is beyond 64 bits; it is left out of the sums"
        }
        (sums.allowanceUsed, sums.purchased, sums.held) = (used, purchased, held)
        if let problem { return problem }
        guard sums.allowanceUsed >= 0, sums.purchased >= 0, sums.held >= 0 else {
            return "after it a counter is below zero (used \(sums.allowanceUsed), purchased \(sums.purchased), "
                + "held \(sums.held))"
        }
        return nil
    }

    private func order(_ row: Reconciliation.Movement) -> String? {
        guard let periodStart else {
            return row.kind == .period && row.allowance != 0 ? "the first period took back \(-row.allowance)" : nil
        }
        if row.kind != .period {
            return row.periodStart == periodStart
                ? nil
                : "is of the period from \(row.periodStart.iso8601), within the one from \(periodStart.iso8601)"
        }
        if row.periodStart <= periodStart {
            return "begins a period at \(row.periodStart.iso8601), not after \(periodStart.iso8601)"
        }
        return row.allowance == -sums.allowanceUsed
            ? nil : "takes back \(-row.allowance) of the period before, which used \(sums.allowanceUsed)"
    }

    /// Which of its numbers a row of its kind may change, and in which direction.
    private func shape(_ row: Reconciliation.Movement) -> String? {
        let isRight: Bool
        switch row.kind {
        case .period: isRight = row.purchased == 0 && row.held == 0
        case .grant: isRight = row.allowance == 0 && row.purchased > 0 && row.held == 0
        case .hold, .grow: isRight = row.allowance == 0 && row.purchased == 0 && row.held > 0 && row.hold != nil
        case .release, .expire: isRight = row.allowance == 0 && row.purchased == 0 && row.held < 0 && row.hold != nil
        case .capture:
            let spent = row.allowance - row.purchased
            // What was paid for without having been held takes nothing from what is held.
            let isCovered = row.hold == nil ? row.held == 0 : spent <= -row.held
            isRight = row.allowance >= 0 && row.purchased <= 0 && spent > 0 && isCovered && row.upload != nil
        }
        return isRight
            ? nil
            : "moves allowance \(row.allowance), purchased \(row.purchased), held \(row.held), as no \(row.kind.rawValue) does"
    }
}
