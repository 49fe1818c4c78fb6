import Database
import Domain

extension Verifier {
    /// A verdict answers for uploads to come: it must say what the receipts of the same scan say.
    func checkVerdicts(_ books: Reconciliation, _ run: inout Run) throws(DatabaseError) {
        try books.verdicts { place, verdict throws(DatabaseError) in
            let receipt = verdict.receipt
            guard receipt.scannedAt == verdict.scannedAt, let found = receipt.scan?.score, found != verdict.score else {
                return
            }
            let kept = verdict.score.map { "the score \($0)" } ?? "that it cannot be scanned"
            run.add(
                .verdict, "upload \(place.upload) of \(place.organization)",
                "its receipt has the score \(found); for the next upload of its bytes \(kept) is kept")
        }
    }
}
