import Database
import Domain

/// Webhooks against their subscriptions and deliveries.
extension Verifier {
    func checkWebhooks(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        try books.subscriptionMismatches { webhook, organization, missing, stray throws(DatabaseError) in
            let (absent, superfluous) = (missing.map(\.rawValue).sorted(), stray.map(\.rawValue).sorted())
            run.add(
                .webhook, "webhook \(webhook) of \(organization)",
                "is not told of [\(absent.joined(separator: ", "))], and is told of "
                    + "[\(superfluous.joined(separator: ", "))] without having asked for it")
        }
        try books.stuckSubjects { webhook, subject throws(DatabaseError) in
            run.add(
                .webhook, "webhook \(webhook)", "what waits about \(subject) is never sent: none of it is the first")
        }
        try books.strayDeliveries { delivery throws(DatabaseError) in
            run.add(.webhook, "delivery \(delivery)", "its webhook or event is gone, or another organization's")
        }
    }
}
