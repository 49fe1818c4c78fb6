import Domain
import TestSupport
import Testing

@testable import ImageDecoding

@Suite("SVG")
struct SVGTests {
    private static func svg(_ body: String, _ attributes: String = "width='64' height='64'", head: String = "")
        -> [UInt8]
    {
        Array("\(head)<svg xmlns='http://www.w3.org/2000/svg' \(attributes)>\(body)</svg>".utf8)
    }

    /// The pixel in the middle of the drawing, which is the last frame.
    private static func middle(_ bytes: [UInt8]) throws -> [UInt8] {
        let canvas = Canvas()
        try ImageDecoder.decode(bytes, type: .svg, on: canvas)
        let frame = try #require(canvas.frames.last)
        let offset = (frame.height / 2 * frame.width + frame.width / 2) * 4
        return Array(canvas.pixels[offset..<offset + 4])
    }

    private static let red: [UInt8] = [255, 0, 0, 255]
    private static let all = "width='64' height='64'"

    @Test("Colours and alpha come out as they were meant")
    func colours() throws {
        #expect(try Self.middle(Self.svg("<rect \(Self.all) fill='red'/>")) == Self.red)
        #expect(try Self.middle(Self.svg("")) == [0, 0, 0, 0])
        let half = try Self.middle(Self.svg("<rect \(Self.all) fill='#0080ff' fill-opacity='0.5'/>"))
        #expect(half[0] == 0 && abs(Int(half[1]) - 128) <= 1 && half[2] == 255 && abs(Int(half[3]) - 128) <= 1)
    }

    @Test("The longer side is drawn with 1024 pixels, whatever the document says of itself")
    func sizes() throws {
        for (attributes, width, height) in [
            ("width='10' height='5'", 1024, 512), ("width='5e5' height='1e6'", 512, 1024), ("", 1024, 1024),
            ("viewBox='0 0 30 10'", 1024, 341), ("width='100%' height='100%' viewBox='0 0 10 20'", 512, 1024),
            ("width='1in' height='96'", 1024, 1024), ("width='100000' height='1'", 1024, 1),
        ] {
            let canvas = Canvas()
            try ImageDecoder.decode(Self.svg("<rect \(Self.all)/>", attributes), type: .svg, on: canvas)
            #expect(canvas.frames.map(\.width) == [width] && canvas.frames.map(\.height) == [height], "\(attributes)")
        }
        for attributes in ["width='0' height='5'", "width='1e30' height='1'"] {
            #expect(throws: DecodingError.self, "\(attributes)") {
                try ImageDecoder.decode(Self.svg("", attributes), type: .svg, on: Canvas())
            }
        }
    }

    /// Each of these shows a red square in browsers, or none where librsvg draws one.
    private static let differentInBrowsers: [String] = [
        "<foreignObject \(all)><div xmlns='http://www.w3.org/1999/xhtml' style='background:red'/></foreignObject>",
        "<h:div xmlns:h='http://www.w3.org/1999/xhtml'/>",
        "<script>document.documentElement.innerHTML = ''</script>", "<rect \(all) onload='show()'/>",
        "<rect \(all) opacity='0'><animate attributeName='opacity' to='1' fill='freeze'/></rect>",
        "<rect \(all)><set attributeName='fill' to='red'/></rect>",
        "<rect \(all) fill='none'/><style>@keyframes a { to { fill: red } } rect { animation: a 1s }</style>",
        "<style>@media (color) { rect { fill: red } }</style><rect \(all)/>",
        "<style media='(color)'>rect { fill: red }</style><rect \(all)/>",
        "<style>@supports (fill: red) { rect { fill: red } }</style><rect \(all)/>",
        "<style>@layer a { rect { fill: red } }</style><rect \(all)/>",
        "<style>@import url(data:text/css,rect%7Bfill:red%7D)</style><rect \(all)/>",
        "<style>g { rect { fill: red } }</style><g><rect \(all)/></g>",
        "<style>g { &amp; rect { fill: red } }</style><g><rect \(all)/></g>",
        "<style>svg:has(rect) rect { fill: red }</style><rect \(all)/>",
        "<style>rect { fi<![CDATA[ll: ok]]><!-- -->lch(0.6 0.2 29) }</style><rect \(all)/>",
        "<rect \(all) style='--a: red; fill: var(--a)'/>", "<rect \(all) fill='color(srgb 1 0 0)'/>",
        "<rect \(all) fill='OKLCH(0.6 0.2 29)'/>", "<rect \(all) fill='color-mix(in srgb, red, red)'/>",
        "<rect \(all) fill='Mark'/>", "<rect \(all) style='fill:LinkText'/>",
        "<rect width='99vw' height='99vh' fill='red'/>", "<rect \(all) style='width: 4rem; fill: red'/>",
        "<rect width='calc(32px * 2)' height='64' fill='red'/>",
        "<rect \(all) fill='red'/><rect \(all) style='translate: 64px 0'/>",
        "<rect \(all) fill='red'/><rect \(all) transform='rotate(180)' transform-origin='64 0'/>",
        "<rect \(all) fill='red'/><rect \(all) style='-webkit-transform: scale(0)'/>",
        "<path style='d: path(\"M0 0h64v64h-64z\")' fill='red'/>",
        "<path d='M0 0' fill='red'/><rect \(all) clip-path='polygon(0 0, 0 0)'/>",
        "<switch><rect \(all) systemLanguage='en' fill='red'/><rect \(all)/></switch>",
        "<switch><rect \(all) requiredExtensions=''/><rect \(all) fill='red'/></switch>",
        "<style>rect:is(rect) { fill: red }</style><rect \(all)/>",
        "<rect \(all) fill='red'/><rect class='c' \(all)/><style>.c { x: 64px }</style>",
    ]

    @Test(
        "A drawing of which browsers draw something else is unscannable, and told what that is",
        arguments: differentInBrowsers)
    func browsersOnly(_ body: String) throws {
        let error = #expect(throws: DecodingError.self) { try Self.middle(Self.svg(body)) }
        guard case .corrupt(let text)? = error else { throw SupportError("\(String(describing: error))") }
        #expect(text.hasSuffix("is drawn by browsers only"), "\(text)")
    }

    // An escape can hide any word, that of a filter which starts a thread among them: the worker died of that.
    @Test("Style with escapes is unscannable; those in strings are of no account")
    func escapes() throws {
        for body in [
            "<style>rect { f\\69ll: red }</style><rect \(Self.all)/>",
            "<rect \(Self.all) style='filter: bl\\75r(3px)'/>",
            "<rect \(Self.all) fill='r\\65 d'/>", "<rect \(Self.all) style='background: url(\\64 ata:,)'/>",
        ] {
            #expect(throws: DecodingError.corrupt("SVG: escapes in style"), "\(body)") {
                try Self.middle(Self.svg(body))
            }
        }
        let quoted = "<style>text { content: '\\201C'; font-family: \"a\\20 b\" }</style><rect \(Self.all) fill='red'/>"
        #expect(try Self.middle(Self.svg(quoted)) == Self.red)
    }

    // Browsers and librsvg read what stands on both sides of a comment as one word; a filter that starts a thread, or a
    // property that only browsers know, could be hidden by dividing it.
    @Test("Style that comments, sections and elements divide is read as what it says together")
    func dividedStyle() throws {
        let blurred = "<style>rect { filter: bl<!-- -->u<![CDATA[r(9]]>px) }</style><rect \(Self.all) fill='red'/>"
        #expect(try Self.middle(Self.svg(blurred)) == Self.red)
        for sheet in ["rect { tran<!-- -->slate: 9px }", "rect { tran<g>x</g>slate: 9px }"] {
            let error = DecodingError.corrupt("SVG: translate in a style sheet is drawn by browsers only")
            #expect(throws: error, "\(sheet)") {
                try Self.middle(Self.svg("<style>\(sheet)</style><rect \(Self.all)/>"))
            }
        }
    }

    @Test("A convolution that librsvg would die of leaves its picture as it is")
    func convolution() throws {
        for order in ["100", "3 100", "99999999999999999999"] {
            let filter = "<filter id='f'><feConvolveMatrix order='\(order)' kernelMatrix='1 1'/></filter>"
            let body = "\(filter)<rect \(Self.all) fill='red' filter='url(#f)'/>"
            #expect(try Self.middle(Self.svg(body)) == Self.red, "\(order)")
        }
    }

    @Test("The same for style that stands before the root")
    func styleSheetInstruction() throws {
        let head = "<?xml-stylesheet href='data:text/css,rect%7Bfill:red%7D'?>"
        #expect(
            throws: DecodingError.corrupt(
                "SVG: a style sheet of its own (xml-stylesheet) is drawn by browsers only")
        ) {
            try Self.middle(Self.svg("<rect \(Self.all)/>", head: head))
        }
    }

    // What editors and optimisers write. A gate that takes them for something strange would keep out what people draw.
    @Test(
        "Ordinary drawings are drawn, whatever programs write into them",
        arguments: [
            "<rect \(all) style='fill:#ff0000;fill-rule:evenodd;-inkscape-font-specification:\"Sans, Normal\"'/>",
            "<style type='text/css'>\n/* { @media } */ .st0{fill:#F00;stroke:rgba(0,0,0,.5);}\n</style><rect class='st0' \(all)/>",
            "<style><![CDATA[ rect:not(:first-child), rect:nth-child(2n+1) { fill: rgb(255 0 0) } ]]></style><rect \(all)/>",
            "<style>@font-face { font-family: 'A b'; src: url(data:font/woff;base64,AAAA) format('woff') }</style>"
                + "<rect \(all) fill='red'/>",
            "<g transform='translate(-1.5e1,1e-3) scale(.5 -.5) matrix(1 0 0 1 0 0)'/><rect \(all) fill='hsl(0,100%,50%)'/>",
            "<rect width='100%' height='1.5in' x='-0.5' style='fill:red;background:#fff;enable-background:new 0 0 9 9'/>",
            "<g font-size='12.5px' stroke-dasharray='5, 3.5e0' data-name='f(x) 3rem'/><rect \(all) fill='red' id='a(b)'/>",
            "<path d='M0 0h64v64h-64z' fill='red' style='mix-blend-mode:normal;-webkit-font-smoothing:auto'/>",
            "<rect \(all) fill='red'/><text style='font: 12px/1.5 sans-serif'>@media { fill: var(--a) } 3rem</text>",
            "<title>calc(1vw)</title><desc>@media</desc><metadata>onload</metadata><rect \(all) fill='red'/>",
        ])
    func ordinary(_ body: String) throws {
        #expect(try Self.middle(Self.svg(body)) == Self.red)
    }

    @Test("Letters are not drawn, and what they would cut out is not hidden by that")
    func text() throws {
        #expect(try Self.middle(Self.svg("<text x='0' y='60' font-size='90'>█</text>")) == [0, 0, 0, 0])
        for clip in ["clipPath", "mask"] {
            let property = clip == "mask" ? "mask" : "clip-path"
            let body =
                "<\(clip) id='c'><g><text>a</text></g></\(clip)><rect \(Self.all) fill='red' \(property)='url(#c)'/>"
            #expect(try Self.middle(Self.svg(body)) == Self.red, "\(clip)")
        }
    }

    @Test("Filters that start threads leave their picture as it is; the others are drawn")
    func filters() throws {
        for filter in [
            "<feGaussianBlur stdDeviation='40'/>", "<feDropShadow stdDeviation='9'/>",
            "<feTurbulence result='n'/><feDisplacementMap in='SourceGraphic' in2='n' scale='9'/>",
        ] {
            let body = "<filter id='f'>\(filter)</filter><rect \(Self.all) fill='red' filter='url(#f)'/>"
            #expect(try Self.middle(Self.svg(body)) == Self.red, "\(filter)")
        }
        for style in ["blur(9px)", "BLUR(9px)", "drop-shadow(1px 1px 9px black)"] {
            #expect(try Self.middle(Self.svg("<rect \(Self.all) fill='red' style='filter: \(style)'/>")) == Self.red)
            let sheet = "<style>rect { filter: \(style) }</style><rect \(Self.all) fill='red'/>"
            #expect(try Self.middle(Self.svg(sheet)) == Self.red, "\(style)")
        }
        let matrix = "<feColorMatrix values='0 0 0 0 1  0 0 0 0 0  0 0 0 0 0  0 0 0 1 0'/>"
        let body = "<filter id='f'>\(matrix)</filter><rect \(Self.all) fill='blue' filter='url(#f)'/>"
        #expect(try Self.middle(Self.svg(body)) == Self.red)
    }

    @Test("Nothing outside the file is read, and what refers to it draws nothing")
    func outside() throws {
        let directory = try TemporaryDirectory()
        let secret = try directory.write(Array("<rect width='64' height='64' fill='blue'/>".utf8), to: "secret.svg")
        let picture = Repository.path("fixtures/gradient.png")
        for body in [
            "&secret;", "<image \(Self.all) href='file://\(picture)'/>", "<image \(Self.all) href='\(picture)'/>",
            "<use href='file://\(secret)#a'/>",
            "<include xmlns='http://www.w3.org/2001/XInclude' href='\(secret)'/>",
            "<style>@import url('file://\(secret)');</style>",
        ] {
            let head = "<!DOCTYPE svg [<!ENTITY secret SYSTEM 'file://\(secret)'>]>"
            #expect(
                try Self.middle(Self.svg("<rect \(Self.all) fill='red'/>\(body)", head: head)) == Self.red, "\(body)")
        }
    }

    @Test("Embedded pictures are drawn in their places, each decoded once however often it is there")
    func embedded() throws {
        let picture = "data:image/png;base64,\(Self.grey)"
        let canvas = Canvas()
        let images = String(repeating: "<image \(Self.all) href='\(picture)'/>", count: 5)
        try ImageDecoder.decode(Self.svg(images), type: .svg, on: canvas)
        #expect(canvas.frames.map(\.width) == [1, 1024])
        #expect(canvas.frames.map(\.index) == [0, 1] && canvas.frames.map(\.framesTotal) == [2, 2])
        #expect(try Self.middle(Self.svg(images)) == [0x3a, 0x3a, 0x3a, 255])
        // Without a size of its own, the picture has that of its pixels.
        #expect(
            try Self.middle(Self.svg("<image href='\(picture)'/>", "width='1' height='1'")) == [0x3a, 0x3a, 0x3a, 255])
    }

    @Test("A visitor that has seen enough of an embedded picture is shown nothing more")
    func ending() throws {
        let canvas = Canvas()
        canvas.maximumFrames = 1
        try ImageDecoder.decode(try Repository.fixture("nsfw-pattern-embedded-tiles.svg"), type: .svg, on: canvas)
        #expect(canvas.frames.count == 1)
    }

    @Test("A text that only begins as an SVG might is unsupported, not unscannable, and embedded it is nothing")
    func noSVG() throws {
        let comment = "<!-- " + String(repeating: "x", count: 5000) + " -->"
        for text in ["\(comment)<html><p>Text</html>", "<?xml version='1.0'?>\(comment)<project/>"] {
            let bytes = Array(text.utf8)
            #expect(MediaType(sniffing: Array(bytes.prefix(MediaType.sniffLength))) == .svg)
            let error = #expect(throws: DecodingError.self) { try ImageDecoder.decode(bytes, on: Canvas()) }
            #expect(error == .unsupported("a text that is no SVG"))
            let link =
                "data:text/plain,"
                + text.replacing("%", with: "%25").replacing("<", with: "&lt;").replacing("'", with: "&apos;")
            #expect(
                try Self.middle(Self.svg("<rect \(Self.all) fill='red'/><image \(Self.all) href='\(link)'/>"))
                    == Self.red)
        }
        let long = Array(
            "\(comment)<svg xmlns='http://www.w3.org/2000/svg'><rect width='9999' height='9999' fill='red'/></svg>".utf8
        )
        #expect(try Self.middle(long) == Self.red)
    }

    @Test("Too many embedded pictures are refused")
    func embeddedLimit() throws {
        let images = (0..<300).map { index in
            let inner = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(index + 1)\" height=\"1\"/>"
            return "<image href='data:image/svg+xml,\(inner.replacing("<", with: "&lt;"))'/>"
        }
        let error = #expect(throws: DecodingError.self) {
            try ImageDecoder.decode(Self.svg(images.joined()), type: .svg, on: Canvas())
        }
        #expect(error == .limitExceeded("more than 256 embedded pictures"))
    }

    /// A PNG of one grey pixel.
    private static let grey =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOwAgAAPAA7Rl0XFwAAAABJRU5ErkJggg=="
}

@Suite("Data URIs")
struct DataURITests {
    private func contents(_ text: String) -> [String] {
        DataURI.contents(in: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("What browsers take out of a link, or read differently, hides nothing")
    func disguised() {
        #expect(contents("da\tta:,abc") == ["abc"] && contents("data\n:,abc") == ["abc"])
        #expect(contents("data:" + String(repeating: "x", count: 3_000) + ",abc") == ["abc"])
        // Only the last parameter makes it Base 64.
        #expect(contents("data:;x=base64y,abc").contains("abc"))
        #expect(contents("data:;base64;x,abc").contains("abc"))
        #expect(contents("data:; base64 ,YWJj") == ["abc"])
    }

    @Test("Base 64 is decoded however it is written")
    func base64() {
        for text in [
            "data:text/plain;base64,SGVsbG8=", "DATA:;BASE64,SGVsbG8", "data:image/png;charset=x;base64,SGVs\n bG8=",
            "url(\"data:;base64,SGVsbG8=\") 7", "data:;base64,SGVs%62G8%3D", "  data:;base64,SGVsbG8='x'",
        ] { #expect(contents(text) == ["Hello"], "\(text)") }
        #expect(DataURI.contents(in: Array("data:;base64,-_8=".utf8)) == [[0xfb, 0xff]])
    }

    @Test("Plain data reach to the text's end, or to where a style sheet's link ends")
    func plain() {
        #expect(contents("data:image/svg+xml,<svg a='b'>%20)</svg>") == ["<svg a='b'> )</svg>"])
        #expect(contents("fill: url(data:,abc) red") == ["abc"])
        #expect(contents("url('data:,a%zzb')") == ["a%zzb"])
    }

    @Test("Several are found, and what is none is not")
    func several() {
        #expect(contents("url(data:,one) url(data:;base64,dHdv)") == ["one", "two"])
        for text in ["", "data", "data:", "metadata: none", "data:,", "data:image/png;base64"] {
            #expect(contents(text).isEmpty, "\(text)")
        }
    }
}
