internal import CTIFF
internal import Glibc

/// A libtiff handle on one file in memory.
@safe final class TIFFReader {
    private let source: UnsafeMutablePointer<Source>
    private var tiff: OpaquePointer?

    /// What the library's callbacks work on. The library keeps its address.
    @unsafe private struct Source {
        var bytes: UnsafeRawBufferPointer
        var position = 0
        /// The first complaint by which part of a picture is lost.
        var complaint: String?
    }

    /// A page, as its directory describes it.
    struct Page {
        var directoryOffset: UInt64
        var width: Int
        var height: Int
        var orientation: Orientation
        var alpha: Alpha
        /// Bytes that its decoder allocates at once for a strip or a tile.
        var blockBytes: Int
    }

    enum Alpha {
        case none
        /// Colours are stored as they are.
        case unassociated
        /// Colours are stored multiplied with alpha; or what a further sample means is not said.
        case associated
    }

    /// Opens `bytes`, which must outlive the reader, at its first page.
    init(_ bytes: UnsafeRawBufferPointer, limits: DecodeLimits) throws(DecodingError) {
        // Safe: source and handle are this object's alone, and freed once in deinit, the handle first.
        unsafe source = .allocate(capacity: 1)
        unsafe source.initialize(to: Source(bytes: bytes))
        unsafe tiff = Self.open(source, maximumAllocation: max(1, limits.maximumWorkingBytes))
        guard unsafe tiff != nil else { throw .corrupt("TIFF: \(complaint)") }
    }

    deinit {
        if let tiff = unsafe tiff { unsafe TIFFClose(tiff) }
        unsafe source.deinitialize(count: 1)
        unsafe source.deallocate()
    }

    private var handle: OpaquePointer {
        get throws(DecodingError) {
            guard let tiff = unsafe tiff else { throw .corrupt("TIFF: no header") }
            return unsafe tiff
        }
    }

    private var complaint: String { unsafe source.pointee.complaint ?? "damaged" }

    /// The pages in the file's order, none of them decoded. A chain of directories that comes back to itself, or that ends
    /// in nothing, is refused.
    func pages(limits: DecodeLimits) throws(DecodingError) -> [Page] {
        var pages: [Page] = []
        repeat {
            guard pages.count < limits.maximumFrames else {
                throw .limitExceeded("more than \(limits.maximumFrames) pages; that many can be checked")
            }
            pages.append(try currentPage())
            guard unsafe isDirectoryWhole(at: TIFFCurrentDirOffset(try handle)) else {
                throw .corrupt("TIFF: its last directory is cut off")
            }
            unsafe source.pointee.complaint = nil
        } while unsafe TIFFReadDirectory(try handle) == 1
        guard unsafe TIFFLastDirectory(try handle) != 0, unsafe source.pointee.complaint == nil else {
            throw .corrupt("TIFF: its chain of pages never ends, or ends in nothing")
        }
        return pages
    }

    /// Whether the file holds the directory up to its link to the next one, the lack of which the library takes for the
    /// last page. Directories begin with the count of their entries (TIFF 6.0, section 2).
    private func isDirectoryWhole(at offset: UInt64) -> Bool {
        let bytes = unsafe source.pointee.bytes
        guard let start = Int(exactly: offset), start <= bytes.count else { return false }
        let isBigEndian = unsafe bytes.first == UInt8(ascii: "M")
        let isBig = unsafe bytes[isBigEndian ? 3 : 2] == 43
        let (countBytes, entryBytes, linkBytes) = isBig ? (8, 20, 8) : (2, 12, 4)
        guard countBytes <= bytes.count - start else { return false }
        let digits = unsafe Array(bytes[start..<start + countBytes])
        let count = (isBigEndian ? digits : digits.reversed()).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return count <= UInt64(max(0, bytes.count - start - countBytes - linkBytes) / entryBytes)
    }

    private func currentPage() throws(DecodingError) -> Page {
        let tiff = unsafe try handle
        let width: UInt32 = try field(TIFFTAG_IMAGEWIDTH, 0) ?? 0
        let height: UInt32 = try field(TIFFTAG_IMAGELENGTH, 0) ?? 0
        let orientation: UInt16 = try field(TIFFTAG_ORIENTATION, 0) ?? 1
        let blockBytes = unsafe TIFFIsTiled(tiff) != 0 ? TIFFTileSize64(tiff) : TIFFStripSize64(tiff)
        return Page(
            directoryOffset: unsafe TIFFCurrentDirOffset(tiff), width: Int(width), height: Int(height),
            orientation: UInt8(exactly: orientation).flatMap(Orientation.init(rawValue:)) ?? .upright,
            alpha: try alpha(), blockBytes: Int(clamping: blockBytes))
    }

    /// What libtiff's conversion takes for alpha.
    private func alpha() throws(DecodingError) -> Alpha {
        let samples: UInt16 = try field(TIFFTAG_SAMPLESPERPIXEL, 0) ?? 1
        var count: UInt16 = 0
        var kinds: UnsafeMutablePointer<UInt16>?
        let found = unsafe withUnsafeMutablePointer(to: &count) { count in
            unsafe withUnsafeMutablePointer(to: &kinds) { kinds in
                let arguments: [any CVarArg] = unsafe [count, kinds]
                return unsafe withVaList(arguments) { unsafe TIFFVGetField(tiff, UInt32(TIFFTAG_EXTRASAMPLES), $0) }
            }
        }
        // The array, of `count` elements, belongs to the handle.
        guard found == 1, count > 0, let first = unsafe kinds?.pointee else {
            let colours: UInt16 = try field(TIFFTAG_PHOTOMETRIC, 0) ?? 0
            return Int32(colours) == PHOTOMETRIC_RGB && samples == 4 ? .associated : .none
        }
        switch Int32(first) {
        case EXTRASAMPLE_UNASSALPHA: return .unassociated
        case EXTRASAMPLE_ASSOCALPHA: return .associated
        default: return samples > 3 ? .associated : .none
        }
    }

    /// A tag's value, which must be of the type that libtiff documents for it; nil where the page has none.
    private func field<Value: FixedWidthInteger>(_ tag: Int32, _ initial: Value) throws(DecodingError) -> Value? {
        let tiff = unsafe try handle
        var value = initial
        let found = unsafe withUnsafeMutablePointer(to: &value) { pointer in
            let arguments: [any CVarArg] = unsafe [pointer]
            return unsafe withVaList(arguments) { unsafe TIFFVGetField(tiff, UInt32(tag), $0) }
        }
        return found == 1 ? value : nil
    }

    /// Decodes a page into `pixels`, which has room for width × height × 4 bytes: RGB and alpha as they are stored, rows as
    /// they are stored too.
    func decode(_ page: Page, into pixels: UnsafeMutablePointer<UInt8>) throws(DecodingError) {
        let tiff = unsafe try handle
        unsafe source.pointee.complaint = nil
        guard unsafe TIFFSetSubDirectory(tiff, page.directoryOffset) == 1 else { throw .corrupt("TIFF: \(complaint)") }
        // The library multiplies colours with their alpha unless that was done already, and what hides at alpha 0 is lost
        // then: it is told that it was done.
        if case .unassociated = page.alpha {
            unsafe withUnsafePointer(to: UInt16(EXTRASAMPLE_ASSOCALPHA)) { kind in
                let arguments: [any CVarArg] = unsafe [1 as Int32, kind]
                _ = unsafe withVaList(arguments) { unsafe TIFFVSetField(tiff, UInt32(TIFFTAG_EXTRASAMPLES), $0) }
            }
        }
        var image = unsafe TIFFRGBAImage()
        let reason = UnsafeMutablePointer<CChar>.allocate(capacity: 1024)
        unsafe reason.initialize(repeating: 0, count: 1024)
        defer { unsafe reason.deallocate() }
        guard unsafe TIFFRGBAImageBegin(&image, tiff, 1, reason) == 1 else {
            throw .corrupt("TIFF: \(unsafe Self.brief(String(cString: reason)))")
        }
        defer { unsafe TIFFRGBAImageEnd(&image) }
        guard unsafe Int(image.width) == page.width, unsafe Int(image.height) == page.height else {
            throw .corrupt("TIFF: contradictory directories")
        }
        // No turning: whoever looks at the rows turns them.
        unsafe image.req_orientation = image.orientation
        // On a little-endian machine its 32-bit pixels are bytes of red, green, blue and alpha.
        let isRead = unsafe pixels.withMemoryRebound(to: UInt32.self, capacity: page.width * page.height) { raster in
            unsafe TIFFRGBAImageGet(&image, raster, UInt32(page.width), UInt32(page.height))
        }
        guard isRead == 1, unsafe source.pointee.complaint == nil else { throw .corrupt("TIFF: \(complaint)") }
    }

    private static func brief(_ text: String) -> String {
        String(decoding: text.utf8.prefix(120), as: UTF8.self)
    }
}

// Callbacks of the library, all of them on the one thread that calls it. `handle` is the reader's source.
extension TIFFReader {
    private static func open(_ source: UnsafeMutablePointer<Source>, maximumAllocation: Int) -> OpaquePointer? {
        guard let options = unsafe TIFFOpenOptionsAlloc() else { return nil }
        defer { unsafe TIFFOpenOptionsFree(options) }
        unsafe TIFFOpenOptionsSetMaxSingleMemAlloc(options, tmsize_t(maximumAllocation))
        unsafe TIFFOpenOptionsSetErrorHandlerExtR(
            options,
            { _, source, _, format, arguments in
                unsafe TIFFReader.note(source, format, arguments)
                return 1
            }, source)
        unsafe TIFFOpenOptionsSetWarningHandlerExtR(
            options,
            { _, source, module, format, arguments in
                // Most warnings are about tags. Those of libjpeg mean that it made up pixels.
                if let module = unsafe module, unsafe strcmp(module, "JPEGLib") == 0 {
                    unsafe TIFFReader.note(source, format, arguments)
                }
                return 1
            }, source)
        return unsafe TIFFClientOpenExt(
            "file", "r", source, read, { _, _, _ in 0 }, seek, { _ in 0 }, size, map, { _, _, _ in }, options)
    }

    private static func note(
        _ source: UnsafeMutableRawPointer?, _ format: UnsafePointer<CChar>?, _ arguments: CVaListPointer?
    ) {
        guard let source = unsafe source?.assumingMemoryBound(to: Source.self), let format = unsafe format,
            let arguments = unsafe arguments, unsafe source.pointee.complaint == nil
        else { return }
        let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            // Ends with a zero whatever the length.
            guard let base = buffer.baseAddress, unsafe vsnprintf(base, buffer.count, format, arguments) >= 0 else {
                return "damaged"
            }
            return unsafe String(cString: base)
        }
        unsafe source.pointee.complaint = brief(text)
    }

    private static let read: TIFFReadWriteProc = { handle, buffer, count in
        guard let source = unsafe handle?.assumingMemoryBound(to: Source.self), let buffer = unsafe buffer else {
            return -1
        }
        let bytes = unsafe source.pointee.bytes
        let start = unsafe min(source.pointee.position, bytes.count)
        let length = min(Int(clamping: count), bytes.count - start)
        guard length > 0, let base = bytes.baseAddress else { return 0 }
        unsafe memcpy(buffer, base + start, length)
        unsafe source.pointee.position = start + length
        return tmsize_t(length)
    }

    private static let seek: TIFFSeekProc = { handle, offset, origin in
        guard let source = unsafe handle?.assumingMemoryBound(to: Source.self) else { return .max }
        // Offsets are unsigned, yet those from elsewhere than the start may be negative.
        let base =
            unsafe origin == SEEK_SET ? 0 : origin == SEEK_CUR ? source.pointee.position : source.pointee.bytes.count
        let (position, overflow) = base.addingReportingOverflow(Int(truncatingIfNeeded: offset))
        guard !overflow, position >= 0 else { return .max }
        unsafe source.pointee.position = position
        return UInt64(position)
    }

    private static let size: TIFFSizeProc = { handle in
        unsafe UInt64(handle?.assumingMemoryBound(to: Source.self).pointee.bytes.count ?? 0)
    }

    /// The whole file is in memory already: the library reads it there, within the size given.
    private static let map: TIFFMapFileProc = { handle, base, size in
        guard let source = unsafe handle?.assumingMemoryBound(to: Source.self) else { return 0 }
        let bytes = unsafe source.pointee.bytes
        unsafe base?.pointee = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        unsafe size?.pointee = UInt64(bytes.count)
        return 1
    }
}
