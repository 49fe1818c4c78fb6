package import BlobStore
package import Domain
package import HTTP
import Synchronization

/// The body of an announced upload on its way into its staged file, which keeps what has arrived when the connection
/// breaks.
package final class StagedReception: BodySink {
    private let file: StagedFile
    private let maximumBytes: Int64
    private let overflow: Failure
    /// Bytes that the credits held so far pay for.
    private let coveredBytes = Mutex<Int64>(0)

    /// - Parameters:
    ///   - maximumBytes: the most that the file may have; beyond it the body is refused as it arrives.
    ///   - overflow: what it is refused with.
    package init(file: StagedFile, maximumBytes: Int64, overflow: Failure) {
        self.file = file
        self.maximumBytes = maximumBytes
        self.overflow = overflow
    }

    /// Receives until the body has ended or is no longer paid for.
    ///
    /// - Returns: nil at the end; before it, the bytes that must be paid for before the next call.
    package func receive(_ body: RequestBody, coveredBytes covered: Int64) async throws(Failure) -> Int64? {
        coveredBytes.withLock { $0 = covered }
        let progress = try await body.read(into: self)
        return progress == .paused || file.size > covered ? file.size : nil
    }

    package func receive(_ bytes: RawSpan) throws(Failure) -> BodyDemand {
        guard Int64(bytes.byteCount) <= maximumBytes - file.size else {
            throw overflow
        }
        do { try file.append(bytes) } catch { throw Failure(storage: error) }
        return file.size > coveredBytes.withLock { $0 } ? .pause : .more
    }
}
