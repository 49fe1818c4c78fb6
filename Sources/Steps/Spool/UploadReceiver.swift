package import BlobStore
package import Domain
package import HTTP
import Synchronization

/// Step 4: takes a body to a file while it is hashed, in constant memory.
package struct UploadReceiver: Sendable {
    private let blobs: LocalBlobStore

    package init(blobs: LocalBlobStore) { self.blobs = blobs }

    /// Makes the spool file of an upload.
    ///
    /// - Parameters:
    ///   - maximumFileBytes: beyond it the body is refused as it arrives.
    ///   - isScanned: whether a worker is going to read it.
    package func begin(
        _ upload: UploadID, form: UploadForm, maximumFileBytes: Int64, isScanned: Bool
    ) throws(Failure) -> UploadReception {
        let file: SpoolFile
        do { file = try blobs.makeSpoolFile(upload, atMost: form.contentLength, isScanned: isScanned) } catch {
            throw Failure(storage: error)
        }
        return UploadReception(form: form, file: file, maximumFileBytes: maximumFileBytes)
    }
}

/// One body on its way into its spool file. The file is removed with the last reference to it, unless it was stored.
package final class UploadReception: BodySink {
    private enum Format: Sendable {
        case raw(UploadFields)
        case multipart(MultipartParser, MultipartFields)
    }

    private struct State: Sendable {
        var format: Format
        var destination: SpoolDestination
        /// Bytes that the credits held so far pay for.
        var coveredBytes: Int64 = 0
        var hasEnded = false
    }

    private let state: Mutex<State>

    init(form: UploadForm, file: SpoolFile, maximumFileBytes: Int64) {
        let format: Format =
            switch form.encoding {
            case .raw(let fields): .raw(fields)
            case .multipart(let parser): .multipart(parser, MultipartFields())
            }
        state = Mutex(
            State(format: format, destination: SpoolDestination(file: file, maximumBytes: maximumFileBytes)))
    }

    /// Receives until the body has ended or is no longer paid for.
    ///
    /// - Returns: nil at the end; before it, the bytes that must be paid for before the next call.
    package func receive(_ body: RequestBody, coveredBytes: Int64) async throws(Failure) -> Int64? {
        state.withLock { $0.coveredBytes = coveredBytes }
        while true {
            let progress = try await body.read(into: self)
            let (destination, isUncovered) = state.withLock { state in
                if progress == .ended { state.hasEnded = true }
                return (state.destination, state.destination.size > state.coveredBytes)
            }
            // Here and not on the connection's thread, which must not wait for the disk.
            try destination.flush()
            if isUncovered { return destination.size }
            if progress == .ended { return nil }
        }
    }

    package func receive(_ bytes: RawSpan) throws(Failure) -> BodyDemand {
        // The lock is never contended: a body is read by one task at a time. It makes the state safe to hand over
        // between the connection's thread and that task.
        try withState { state throws(Failure) in
            switch state.format {
            case .raw: try state.destination.append(bytes)
            case .multipart(var parser, let fields):
                // Taken out while it is fed, so that neither the parser nor the fields are copied.
                var sink = MultipartSink(fields: fields, destination: state.destination)
                try parser.feed(bytes, into: &sink)
                state.destination = sink.destination
                state.format = .multipart(parser, sink.fields)
            }
            let destination = state.destination
            return destination.size > state.coveredBytes || destination.needsFlush ? .pause : .more
        }
    }

    /// The whole upload, once `receive` has returned nil.
    package func finish() throws(Failure) -> SpooledUpload {
        try withState { state throws(Failure) in
            guard state.hasEnded else { throw Failure(.internal, privateDetail: "the body has not ended") }
            let fields: UploadFields
            switch state.format {
            case .raw(let raw): fields = raw
            case .multipart(var parser, let multipart):
                try parser.finish()
                fields = try multipart.uploadFields()
            }
            guard state.destination.size > 0 else { throw UploadForm.emptyFile }
            return try state.destination.finish(fields: fields)
        }
    }

    private func withState<T: Sendable>(
        _ body: (inout sending State) throws(Failure) -> sending T
    ) throws(Failure) -> sending T {
        try state.withLock(body)
    }
}
