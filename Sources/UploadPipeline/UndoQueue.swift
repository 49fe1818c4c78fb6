import Domain
import Synchronization
package import Telemetry

/// What has to be undone of an upload that failed, and could not be at once because database or disk failed too: held
/// credits, registered idempotency keys, stored content. It is tried again until it succeeds; after a restart the
/// recovery does it.
package final class UndoQueue: Sendable {
    struct Item: Sendable {
        let upload: UploadID
        let what: String
        let undo: @Sendable () async throws(Failure) -> Void
    }

    private let items = Mutex<[Item]>([])
    private let log: Logger
    /// What is beyond it waits for the next start, or for its expiry.
    private static let maximumItems = 65_536

    package init(log: Logger) { self.log = log }

    func append(_ item: Item) {
        items.withLock { items in
            if items.count < Self.maximumItems { items.append(item) }
        }
    }

    /// Runs until its task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            await retry()
        }
    }

    private func retry() async {
        var waiting = items.withLock { items in
            defer { items = [] }
            return items
        }
        var failed: [Item] = []
        while let item = waiting.first, !Task.isCancelled {
            waiting.removeFirst()
            do throws(Failure) {
                try await item.undo()
                log.info(
                    "upload.undone", ["upload_id": .string(item.upload.rawValue), "what": .string(item.what)])
            } catch {
                failed.append(item)
                // A database that somebody keeps locked lets each of them wait for seconds. Whatever else fails one of
                // them need not fail the next.
                if error.code == .overloaded { break }
            }
        }
        let left = failed + waiting
        items.withLock { $0 = left + $0 }
    }
}
