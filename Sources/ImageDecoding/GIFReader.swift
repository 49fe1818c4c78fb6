internal import CGIF

/// One image of a GIF, as the blocks before its data describe it (GIF89a specification, sections 20 and 23).
struct GIFImage {
    /// In pixels of the logical screen, which it may exceed.
    var rectangle: CanvasRectangle
    var isInterlaced: Bool
    var disposal: AnimationCanvas.Disposal
    /// The palette index that draws nothing.
    var transparentIndex: Int?
    /// RGB, its own or the common one.
    var palette: [UInt8]
}

/// A GIF's blocks and compressed data, by giflib, from the beginning to the end; never used for another file.
@safe struct GIFReader: ~Copyable {
    /// Where the library is in the file.
    @unsafe private struct Source {
        var bytes: UnsafeRawBufferPointer
        var offset = 0
    }

    private let source: UnsafeMutablePointer<Source>
    private let file: UnsafeMutablePointer<GifFileType>

    /// Reads the header; `bytes` must outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer) throws(DecodingError) {
        // Safe: both are this value's alone, and freed once in deinit.
        let source = UnsafeMutablePointer<Source>.allocate(capacity: 1)
        unsafe source.initialize(to: Source(bytes: bytes))
        var code: Int32 = 0
        let file = unsafe DGifOpen(
            source,
            { file, target, count in
                guard let file = unsafe file, let target = unsafe target, count >= 0,
                    let source = unsafe file.pointee.UserData?.assumingMemoryBound(to: Source.self)
                else { return 0 }
                let available = unsafe min(Int(count), source.pointee.bytes.count - source.pointee.offset)
                guard available > 0, let base = unsafe source.pointee.bytes.baseAddress else { return 0 }
                unsafe UnsafeMutableRawPointer(target).copyMemory(
                    from: base + source.pointee.offset, byteCount: available)
                unsafe source.pointee.offset += available
                return Int32(available)
            }, &code)
        guard let file = unsafe file else {
            unsafe source.deallocate()
            throw Self.error(code)
        }
        unsafe self.source = source
        unsafe self.file = file
    }

    deinit {
        // Nothing is written, so that closing can fail only where there is nothing to close.
        _ = unsafe DGifCloseFile(file, nil)
        unsafe source.deallocate()
    }

    var screenWidth: Int { unsafe Int(file.pointee.SWidth) }
    var screenHeight: Int { unsafe Int(file.pointee.SHeight) }

    /// The colour that viewers without transparency show where nothing was drawn: RGB.
    var background: [UInt8] {
        let colours = unsafe Self.colours(file.pointee.SColorMap)
        let index = unsafe Int(file.pointee.SBackGroundColor)
        return index >= 0 && index * 3 + 3 <= colours.count ? Array(colours[index * 3..<index * 3 + 3]) : [0, 0, 0]
    }

    /// The next image, whose data are to be read or skipped before the one after it; nil at the trailer.
    func nextImage() throws(DecodingError) -> GIFImage? {
        var control = GraphicsControlBlock(
            DisposalMode: DISPOSAL_UNSPECIFIED, UserInputFlag: false, DelayTime: 0,
            TransparentColor: NO_TRANSPARENT_COLOR)
        while true {
            var type = UNDEFINED_RECORD_TYPE
            try unsafe check(DGifGetRecordType(file, &type))
            switch type {
            case IMAGE_DESC_RECORD_TYPE:
                // Not DGifGetImageDesc, which keeps a record of every image.
                try unsafe check(DGifGetImageHeader(file))
                return try image(control)
            case EXTENSION_RECORD_TYPE: try readExtension(&control)
            case TERMINATE_RECORD_TYPE: return nil
            default: throw .corrupt("GIF: a block of an unknown kind")
            }
        }
    }

    private func readExtension(_ control: inout GraphicsControlBlock) throws(DecodingError) {
        var function: Int32 = 0
        var block: UnsafeMutablePointer<UInt8>?
        try unsafe check(DGifGetExtension(file, &function, &block))
        // The first byte is the block's length; the library keeps room for 255 more.
        if function == GRAPHICS_EXT_FUNC_CODE, let block = unsafe block, unsafe block[0] >= 4 {
            try unsafe check(DGifExtensionToGCB(4, block + 1, &control))
        }
        while unsafe block != nil { try unsafe check(DGifGetExtensionNext(file, &block)) }
    }

    private func image(_ control: GraphicsControlBlock) throws(DecodingError) -> GIFImage {
        let header = unsafe file.pointee.Image
        let palette = unsafe Self.colours(header.ColorMap ?? file.pointee.SColorMap)
        // Viewers make up a palette each of its own.
        guard !palette.isEmpty else { throw .corrupt("GIF: an image without a palette") }
        let disposal: AnimationCanvas.Disposal =
            switch control.DisposalMode {
            case DISPOSE_BACKGROUND: .clear
            // Some encoders write 4 for "previous", and browsers take it so.
            case DISPOSE_PREVIOUS, 4: .restore
            default: .keep
            }
        return unsafe GIFImage(
            rectangle: CanvasRectangle(
                left: Int(header.Left), top: Int(header.Top), width: Int(header.Width), height: Int(header.Height)),
            isInterlaced: header.Interlace, disposal: disposal,
            transparentIndex: control.TransparentColor == NO_TRANSPARENT_COLOR ? nil : Int(control.TransparentColor),
            palette: palette)
    }

    private static func colours(_ map: UnsafeMutablePointer<ColorMapObject>?) -> [UInt8] {
        guard let map = unsafe map, let colours = unsafe map.pointee.Colors else { return [] }
        return unsafe (0..<Int(map.pointee.ColorCount)).flatMap { index in
            unsafe [colours[index].Red, colours[index].Green, colours[index].Blue]
        }
    }

    /// Passes over the data of the image whose header was read last.
    func skipData() throws(DecodingError) {
        var block: UnsafeMutablePointer<UInt8>?
        repeat { try unsafe check(DGifGetCodeNext(file, &block)) } while unsafe block != nil
    }

    /// Decodes the next stored row of the image whose header was read last, as palette indices, of its whole width.
    func readRow(into row: UnsafeMutablePointer<UInt8>, count: Int) throws(DecodingError) {
        precondition(unsafe count == Int(file.pointee.Image.Width))
        try unsafe check(DGifGetLine(file, row, Int32(count)))
    }

    /// The one place where the library's codes become our errors.
    private func check(_ result: Int32) throws(DecodingError) {
        guard result != GIF_OK else { return }
        throw unsafe Self.error(file.pointee.Error)
    }

    private static func error(_ code: Int32) -> DecodingError {
        switch code {
        case D_GIF_ERR_NOT_ENOUGH_MEM: .limitExceeded("decoding the GIF needs too much memory")
        case D_GIF_ERR_READ_FAILED, D_GIF_ERR_EOF_TOO_SOON: .corrupt("GIF: the file or one of its images is truncated")
        case D_GIF_ERR_NOT_GIF_FILE: .corrupt("GIF: no header")
        case D_GIF_ERR_NO_SCRN_DSCR: .corrupt("GIF: no logical screen")
        default: .corrupt("GIF: damaged data (code \(code))")
        }
    }
}
