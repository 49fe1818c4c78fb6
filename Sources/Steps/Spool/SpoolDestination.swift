import BlobStore
import Domain

/// Where the file's bytes go, and how many may come.
struct SpoolDestination: Sendable {
    let file: SpoolFile
    private let maximumBytes: Int64

    init(file: SpoolFile, maximumBytes: Int64) {
        self.file = file
        self.maximumBytes = maximumBytes
    }

    var size: Int64 { file.size }

    /// Whether `flush` is to be called before more is taken.
    var needsFlush: Bool { file.needsFlush }

    /// May wait for the disk.
    func flush() throws(Failure) {
        do { try file.flush() } catch { throw Failure(storage: error) }
    }

    func append(_ bytes: RawSpan) throws(Failure) {
        guard Int64(bytes.byteCount) <= maximumBytes - file.size else {
            throw UploadForm.tooLarge(limit: maximumBytes, size: file.size + Int64(bytes.byteCount))
        }
        do { try file.append(bytes) } catch { throw Failure(storage: error) }
    }

    func finish(fields: UploadFields) throws(Failure) -> SpooledUpload {
        let sha256 = file.finish()
        let prefix: [UInt8]
        do { prefix = try file.prefix(MediaType.sniffLength) } catch { throw Failure(storage: error) }
        return SpooledUpload(file: file, fields: fields, size: file.size, sha256: sha256, prefix: prefix)
    }
}
