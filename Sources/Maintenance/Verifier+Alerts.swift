import Database
import Domain

/// Alerts against the plan of the mails that tell them.
extension Verifier {
    func checkAlerts(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        try books.strayAlerts { organization, kind, count throws(DatabaseError) in
            run.add(.alert, "\(kind) of \(organization)", "no mail will tell \(count) alerts")
        }
    }
}
