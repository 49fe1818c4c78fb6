/// The tricks that docs/evasion.md lists. A new trick is a new line here, and a fixture.
enum EvasionTable {
    struct Trick: Sendable {
        var description: String
        var fixture: String
        var filename: String?
        var contentType: String

        init(
            _ description: String, _ fixture: String, as filename: String? = nil,
            contentType: String = "application/octet-stream"
        ) {
            self.description = description
            self.fixture = fixture
            self.filename = filename
            self.contentType = contentType
        }

        var fixtureCell: String { "`\(fixture)`" + (filename.map { " as `\($0)`, `\(contentType)`" } ?? "") }
    }

    struct Section: Sendable {
        var title: String
        var tricks: [Trick]
        /// Whether all of them are refused; otherwise none is.
        var isDefended = true
    }

    static let introduction = """
        # Ways past the gate

        Each row is a file of `fixtures/` that was posted to the running service, with what came of it. The page is written by
        the test that posts them (`EvasionTests`), which fails when a row no longer holds; `PORTCULLIS_REWRITE_EVASION_TABLE=1
        make test SUITES=EvasionTests` writes it anew. The files carry an abstract pattern that the model takes for NSFW.

        """

    static let sections: [Section] = [
        Section(title: "Name and declared type", tricks: names),
        Section(title: "What a viewer shows of one picture", tricks: stills),
        Section(title: "Animations", tricks: animations),
        Section(title: "Bitmaps and icons", tricks: bitmaps),
        Section(title: "TIFF, AVIF, HEIC and JPEG XL", tricks: wholeFrames),
        Section(title: "SVG", tricks: drawings),
        Section(title: "SVG that only browsers draw", tricks: foreignDrawings),
        Section(title: "Files that are broken or made to cost much", tricks: hostile),
        Section(title: "Not defended", tricks: open, isDefended: false),
    ]

    private static let names = [
        Trick("a picture named and declared as text", "nsfw-pattern.jpg", as: "notes.txt", contentType: "text/plain"),
        Trick("a PNG declared as a JPEG", "nsfw-pattern.png", as: "holiday.jpg", contentType: "image/jpeg"),
        Trick("a GIF declared as a WebP", "nsfw-pattern.gif", as: "holiday.webp", contentType: "image/webp"),
        Trick("a WebP declared as an archive", "nsfw-pattern.webp", as: "backup.zip", contentType: "application/zip"),
        Trick("a BMP declared as a PNG", "nsfw-pattern-24.bmp", as: "holiday.png", contentType: "image/png"),
        Trick("an icon declared as a GIF", "nsfw-pattern-first.ico", as: "smile.gif", contentType: "image/gif"),
        Trick("harmless bytes after the picture's end", "nsfw-pattern-trailing.jpg"),
        Trick("another, harmless picture after the picture's end", "nsfw-pattern-trailing.png"),
        Trick("bytes after a bitmap's pixels", "nsfw-pattern-trailing.bmp"),
    ]

    private static let stills = [
        Trick("turned by EXIF data, which viewers turn back", "nsfw-pattern-orientation-6.jpg"),
        Trick("turned by the second EXIF data, which some viewers take", "nsfw-pattern-exif-twice.jpg"),
        Trick("a PNG turned by EXIF data, which some viewers apply", "nsfw-pattern-exif-after.png"),
        Trick("a PNG with EXIF data that would hide it, which some viewers ignore", "nsfw-pattern-exif-misleading.png"),
        Trick("a WebP turned by EXIF data, which some viewers apply", "nsfw-pattern-exif.webp"),
        Trick("wholly transparent: shown by viewers without alpha", "nsfw-pattern-alpha-0.png"),
        Trick("made by its alpha over black", "nsfw-pattern-over-black.png"),
        Trick("made by its alpha over white", "nsfw-pattern-over-white.png"),
        Trick("transparent only at its end", "nsfw-pattern-alpha-late.png"),
        Trick("a transparent palette", "nsfw-pattern-palette-trns.png"),
        Trick("a wholly transparent WebP", "nsfw-pattern-alpha-0.webp"),
        Trick("a lossy WebP with alpha", "nsfw-pattern-lossy-alpha.webp"),
        Trick("CMYK without Adobe's marker", "nsfw-pattern-cmyk-plain.jpg"),
        Trick("YCCK", "nsfw-pattern-ycck.jpg"),
        Trick("16 bits per channel", "nsfw-pattern-16.png"),
        Trick("made by a gamma chunk", "nsfw-pattern-gamma.png"),
        Trick("an interlaced GIF", "nsfw-pattern-interlaced.gif"),
        Trick("a GIF whose image is larger than its canvas", "nsfw-pattern-beyond-canvas.gif"),
        Trick(
            "a GIF whose image is in the corner of a canvas that some viewers do not show", "nsfw-pattern-far-away.gif"),
    ]

    private static let animations = [
        Trick("the first of 200 frames", "nsfw-pattern-first-of-200.gif"),
        Trick("the last of 200 frames", "nsfw-pattern-last-of-200.gif"),
        Trick("one of 20 frames", "nsfw-pattern-10th-of-20.gif"),
        Trick("the last of 70 frames of a WebP", "nsfw-pattern-last-of-70.webp"),
        Trick("a frame without delay, taken back at once", "nsfw-pattern-short-delay.gif"),
        Trick("put together from tiles, each with its own palette", "nsfw-pattern-by-parts.gif"),
        Trick("put together by frames that are taken back in between", "nsfw-pattern-restored.gif"),
        Trick("put together by transparent frames", "nsfw-pattern-deltas.gif"),
        Trick("put together by transparent frames of an APNG", "nsfw-pattern-deltas.png"),
        Trick("shown and cleared", "nsfw-pattern-cleared.gif"),
        Trick("an APNG's second frame", "nsfw-pattern-second-frame.png"),
        Trick("an APNG's default picture, which only viewers without animation show", "nsfw-pattern-default-only.png"),
        Trick("an APNG's frame behind a harmless default picture", "nsfw-pattern-not-default.png"),
    ]

    private static let bitmaps = [
        Trick("stored from the top", "nsfw-pattern-top-down.bmp"),
        Trick("run lengths", "nsfw-pattern-run-lengths-8.bmp"),
        Trick("16 bits in odd places", "nsfw-pattern-565.bmp"),
        Trick("channels swapped by masks", "nsfw-pattern-swapped.bmp"),
        Trick("alpha that most viewers ignore", "nsfw-pattern-unofficial-alpha.bmp"),
        Trick("OS/2's header", "nsfw-pattern-os2.bmp"),
        Trick("pixels far behind the header", "nsfw-pattern-gap.bmp"),
        Trick("one of an icon's pictures", "nsfw-pattern-one-of-four.ico"),
        Trick("a cursor with a mask", "nsfw-pattern-masked.cur"),
    ]

    private static let wholeFrames = [
        Trick("a TIFF's third page", "nsfw-pattern-pages.tif"),
        Trick("tiles", "nsfw-pattern-tiles.tif"),
        Trick("inks, in TIFF", "nsfw-pattern-cmyk.tif"),
        Trick("a wholly transparent TIFF, whose library would drop its colours", "nsfw-pattern-alpha-0.tif"),
        Trick("colours that are multiplied with alpha, made by it over white", "nsfw-pattern-over-white.tif"),
        Trick("a TIFF turned by its tag", "nsfw-pattern-orientation-6.tif"),
        Trick("an AVIF turned and mirrored by its container", "nsfw-pattern-turned-mirrored-0.avif"),
        Trick("a middle that an AVIF's container cuts out, as some viewers do", "nsfw-pattern-cropped.avif"),
        Trick("a frame of an AVIF sequence beside a harmless still picture", "nsfw-pattern-sequence.avif"),
        Trick("a wholly transparent AVIF", "nsfw-pattern-alpha-0.avif"),
        Trick("AV1 that calls itself HEIF", "nsfw-pattern-av1.heic"),
        Trick("a HEIC's second picture", "nsfw-pattern-second.heic"),
        Trick("a HEIC put together from tiles", "nsfw-pattern-grid.heic"),
        Trick("a HEIC cut out and turned by its container", "nsfw-pattern-cropped.heic"),
        Trick("an image sequence in HEIC, which is not decoded", "sequence.heic"),
        Trick("a frame of a JPEG XL animation", "nsfw-pattern-animation.jxl"),
        Trick("a JPEG inside JPEG XL, turned by its EXIF data", "nsfw-pattern-recompressed.jxl"),
    ]

    private static let foreignDrawings = [
        Trick("drawn by HTML inside the SVG", "nsfw-pattern-html.svg"),
        Trick("drawn in colours of a newer CSS", "nsfw-pattern-modern-colours.svg"),
        Trick("drawn in units of a newer CSS", "nsfw-pattern-modern-units.svg"),
        Trick("under a drawing that a newer property moves away", "nsfw-pattern-uncovered.svg"),
        Trick("shown by an animation", "nsfw-pattern-animated.svg"),
        Trick("shown to whoever prefers dark colours", "nsfw-pattern-in-the-dark.svg"),
    ]

    private static let drawings = [
        Trick("drawn", "nsfw-pattern.svg"),
        Trick("embedded as data", "nsfw-pattern-embedded-jpeg.svg"),
        Trick("embedded under another type", "nsfw-pattern-embedded-wrong-type.svg"),
        Trick("embedded in forty pieces", "nsfw-pattern-embedded-tiles.svg"),
        Trick("embedded and turned by EXIF data", "nsfw-pattern-embedded-turned.svg"),
        Trick("embedded, invisible until something changes that", "nsfw-pattern-embedded-transparent.svg"),
        Trick("embedded among definitions", "nsfw-pattern-embedded-defs.svg"),
        Trick("embedded in a style sheet", "nsfw-pattern-embedded-css.svg"),
        Trick("embedded in HTML inside the SVG", "nsfw-pattern-embedded-foreign.svg"),
        Trick("embedded in a script", "nsfw-pattern-embedded-script.svg"),
        Trick("embedded by an entity", "nsfw-pattern-embedded-entity.svg"),
        Trick("drawn in an SVG inside an SVG", "nsfw-pattern-embedded-svg.svg"),
        Trick("cut out by letters, which are not drawn", "nsfw-pattern-clipped.svg"),
    ]

    private static let hostile = [
        Trick("a JPEG cut off", "truncated.jpg"),
        Trick("a JPEG cut off, with an end marker glued on", "truncated-glued.jpg"),
        Trick("a PNG without its end", "truncated-end.png"),
        Trick("a GIF without its trailer, which browsers show", "truncated-end.gif"),
        Trick("a GIF whose last frame is cut off", "truncated-last-frame.gif"),
        Trick("a WebP cut off, its sizes adjusted", "truncated-glued.webp"),
        Trick("an APNG with frames out of order", "out-of-order.png"),
        Trick("a colour that the palette does not have", "outside-palette.gif"),
        Trick("a GIF of 65,535² pixels", "huge-canvas.gif"),
        Trick("a WebP of 16,383² pixels", "huge-header.webp"),
        Trick("a JPEG of 65,500² pixels", "huge-header.jpg"),
        Trick("a JPEG of 200 scans", "many-scans.jpg"),
        Trick("70 frames of 49 megapixels that change one pixel", "large-frames.gif"),
        Trick("13 APNG frames of 49 megapixels in some bytes", "large-frames.png"),
        Trick("20 icons of 49 megapixels in the same place", "shared-picture.ico"),
        Trick("65 icons in one file", "too-many.ico"),
        Trick("an icon inside an icon", "nested.ico"),
        Trick("a text chunk that inflates to 64 MiB, on an NSFW picture", "nsfw-pattern-text-bomb.png"),
        Trick("a JPEG inside a bitmap", "jpeg-inside.bmp"),
        Trick("a TIFF whose pages come back to the first", "loop.tif"),
        Trick("30 TIFF pages of 49 megapixels each", "many-pages.tif"),
        Trick("a JPEG inside TIFF that ends early", "corrupt-jpeg.tif"),
        Trick("a HEIC grid of 400 megapixels from one small tile", "huge-grid.heic"),
        Trick("HEIC grids that are made of each other", "loop.heic"),
        Trick("an HEVC stream that ends early", "short-stream.heic"),
        Trick("a JPEG XL of a billion pixels a side", "huge-header.jxl"),
        Trick("an SVG's entities of a billion letters", "entity-bomb.svg"),
        Trick("300 elements in each other", "deep.svg"),
        Trick("SVGs inside SVGs", "nested.svg"),
        Trick("a picture of 10 gigapixels inside an SVG", "embedded-bomb.svg"),
        Trick("a Photoshop document inside an SVG", "embedded-unknown.svg"),
    ]

    private static let open = [
        Trick(
            "a frame between those that are looked at, of more than 64", "unseen-second-of-200.gif"),
        Trick("coarse dithering that the model does not see through", "pattern-1.bmp"),
    ]

    static let undefended = """
        Nor are these, for which there is no fixture:

        - A picture that is turned or mirrored in its own pixels, without EXIF data: the model knows upright pictures.
        - A small picture in the middle, or at the edge, of a large one: the model sees 224 × 224 pixels of all of it, without
          the outermost sixteenth on each side.
        - Noise or patches that were computed against the models, which are public: the exact one, or both it and the screen.
        - What the model has no name for: drawings, text, violence.
        - Pictures inside other files: archives, PDF, video, office documents, and data after an image's end.
        - Formats without a decoder, for an organization that fails open: they are admitted unscanned, and say so.
        - Colour profiles (ICC): pixels are taken as sRGB. A PNG that says by other chunks that its primaries or its curve are far
          from those of sRGB is `unscannable`.
        - What an SVG's letters show, what lies far outside its view, and what it fetches from elsewhere. Blur, light and noise
          are left out, so that a picture made by them alone is not seen.
        - Pictures beside the one that is shown: TIFF thumbnails outside the chain of pages, further pictures of an AVIF collection,
          EXIF thumbnails, and thumbnails and gain maps in JPEG, HEIC and AVIF, by which some displays show other brightness.

        """
}
