internal import CXML
internal import Glibc

/// An SVG document as a tree, made ready to be drawn in the sandbox.
@safe final class SVGDocument {
    private let document: xmlDocPtr
    /// Elements that were taken out of the tree.
    private var removed: Set<xmlNodePtr> = unsafe []
    /// The attributes that refer to something outside the document, or to data written out in them.
    private var references: [Reference] = unsafe []
    /// What data URIs anywhere in the document hold, each once.
    private(set) var embedded: [[UInt8]] = []
    private var known: Set<[UInt8]> = []
    /// What browsers draw of it and librsvg does not, named for whoever sent it; nil for nothing of that.
    private(set) var foreignPart: String?
    /// Whether style is written so that words in it cannot be told.
    private(set) var hasEscapes = false

    @unsafe private struct Reference {
        var element: xmlNodePtr
        var attribute: xmlAttrPtr
        /// The data that are written out in it.
        var content: [UInt8]?
    }

    /// A picture to be drawn for the data that it was made of.
    struct Replacement {
        /// A data URI.
        var link: [UInt8]
        var width: Int
        var height: Int
    }

    /// Parses `bytes`. Entities are put in their places, within libxml2's limits of their growth; what lies outside the
    /// document is never fetched.
    init(_ bytes: UnsafeRawBufferPointer) throws(DecodingError) {
        guard let parser = unsafe xmlNewParserCtxt() else { throw .limitExceeded("out of memory") }
        defer { unsafe xmlFreeParserCtxt(parser) }
        // What lies outside is empty. Refusing to load it would be too late: libxml2 looks whether the file is there.
        unsafe parser.pointee.sax.pointee.entityDecl = { parser, name, kind, publicID, systemID, content in
            switch kind {
            case CInt(XML_INTERNAL_GENERAL_ENTITY.rawValue), CInt(XML_INTERNAL_PARAMETER_ENTITY.rawValue):
                unsafe xmlSAX2EntityDecl(parser, name, kind, publicID, systemID, content)
            case CInt(XML_EXTERNAL_PARAMETER_ENTITY.rawValue):
                unsafe SVGDocument.declareEmpty(parser, name, XML_INTERNAL_PARAMETER_ENTITY)
            default: unsafe SVGDocument.declareEmpty(parser, name, XML_INTERNAL_GENERAL_ENTITY)
            }
        }
        let options =
            XML_PARSE_NOENT.rawValue | XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue
            | XML_PARSE_NOWARNING.rawValue
        let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
        guard let count = CInt(exactly: bytes.count),
            let document = unsafe xmlCtxtReadMemory(parser, base, count, nil, nil, CInt(bitPattern: options))
        else { throw .corrupt("SVG: not well-formed, or its entities grow too large") }
        // Safe: the document is this object's alone, and freed once in deinit, after what was taken out of it.
        unsafe self.document = document
        if let subset = unsafe xmlGetIntSubset(document) {
            unsafe xmlUnlinkNode(UnsafeMutableRawPointer(subset).assumingMemoryBound(to: xmlNode.self))
            unsafe xmlFreeDtd(subset)
        }
        guard let root = unsafe xmlDocGetRootElement(document) else { throw .corrupt("SVG: empty") }
        guard unsafe Self.name(root.pointee.name) == "svg" else { throw .unsupported("a text that is no SVG") }
        visitInstructions()
        unsafe visit(root)
        unsafe removed.forEach { unsafe xmlUnlinkNode($0) }
    }

    private static func declareEmpty(
        _ parser: UnsafeMutableRawPointer?, _ name: UnsafePointer<xmlChar>?, _ kind: xmlEntityType
    ) {
        var nothing: xmlChar = 0
        unsafe xmlSAX2EntityDecl(parser, name, CInt(kind.rawValue), nil, nil, &nothing)
    }

    deinit {
        unsafe removed.forEach { unsafe xmlFreeNode($0) }
        unsafe xmlFreeDoc(document)
    }

    /// The document with its pictures replaced. What refers to anything else outside of it refers to nothing then.
    func text(replacing replacements: [[UInt8]: Replacement]) -> [UInt8] {
        for index in unsafe references.indices {
            let (element, attribute) = unsafe (references[index].element, references[index].attribute)
            guard let replacement = unsafe references[index].content.flatMap({ replacements[$0] }) else {
                unsafe xmlRemoveProp(attribute)
                continue
            }
            unsafe Self.set(attribute, replacement.link)
            // The picture is smaller than what it stands for, which would show where the document does not say a size.
            if unsafe xmlHasProp(element, "width") == nil, unsafe xmlHasProp(element, "height") == nil {
                unsafe xmlSetProp(element, "width", "\(replacement.width)")
                unsafe xmlSetProp(element, "height", "\(replacement.height)")
            }
        }
        unsafe references = []
        var memory: UnsafeMutablePointer<xmlChar>?
        var count: CInt = 0
        unsafe xmlDocDumpMemoryEnc(document, &memory, &count, "UTF-8")
        defer { unsafe free(memory) }
        return unsafe Array(UnsafeBufferPointer(start: memory, count: Int(count)))
    }

    /// Style sheets and transformations that stand before the root.
    private func visitInstructions() {
        var node = unsafe document.pointee.children
        while let current = unsafe node {
            unsafe node = current.pointee.next
            if unsafe current.pointee.type == XML_PI_NODE, unsafe Self.name(current.pointee.name) == "xml-stylesheet" {
                note("a style sheet of its own (xml-stylesheet)")
            }
        }
    }

    private func note(_ part: String?) { foreignPart = foreignPart ?? part }

    private func note(_ finding: SVGStyle.Finding?, in place: some StringProtocol) {
        switch finding {
        case .escapes: hasEscapes = true
        case .part(let part): note("\(part) in \(place)")
        case nil: break
        }
    }

    /// Brings the texts of an element, which comments and sections may divide, together in the first of them: that is how
    /// they are read.
    private func joinTexts(of element: xmlNodePtr) -> [UInt8] {
        var texts: [xmlNodePtr] = unsafe []
        var child = unsafe element.pointee.children
        while let current = unsafe child {
            unsafe child = current.pointee.next
            if unsafe [XML_TEXT_NODE, XML_CDATA_SECTION_NODE].contains(current.pointee.type) {
                unsafe texts.append(current)
            }
        }
        let joined = unsafe texts.flatMap { unsafe Self.bytes($0.pointee.content) ?? [] }
        if unsafe texts.count > 1 {
            for index in unsafe texts.indices {
                unsafe xmlNodeSetContent(texts[index], (index == 0 ? joined : []) + [0])
            }
        }
        return joined
    }

    /// libxml2 limits the depth of elements to 256.
    private func visit(_ element: xmlNodePtr) {
        let name = unsafe Self.name(element.pointee.name)
        unsafe note(Self.foreignPart(element, name))
        if name == "style" || name == "script" {
            let text = unsafe joinTexts(of: element)
            if name == "style" { note(SVGStyle.finding(inSheet: text), in: "a style sheet") }
        }
        var attribute = unsafe element.pointee.properties
        while let current = unsafe attribute {
            unsafe attribute = current.pointee.next
            unsafe visit(current, of: element)
        }
        unsafe neutralise(element, name)
        if unsafe Self.undrawn.contains(name) || Self.isInclusion(element) {
            unsafe removed.insert(Self.outermostClip(around: element) ?? element)
        }
        var child = unsafe element.pointee.children
        while let current = unsafe child {
            unsafe child = current.pointee.next
            switch unsafe current.pointee.type {
            case XML_ELEMENT_NODE: unsafe visit(current)
            case XML_TEXT_NODE, XML_CDATA_SECTION_NODE:
                guard let content = unsafe Self.bytes(current.pointee.content) else { continue }
                for data in DataURI.contents(in: content) { embed(data) }
                if let calm = Self.withoutFilterFunctions(content) { unsafe xmlNodeSetContent(current, calm + [0]) }
            default: break
            }
        }
    }

    private func visit(_ attribute: xmlAttrPtr, of element: xmlNodePtr) {
        let value = unsafe xmlNodeListGetString(document, attribute.pointee.children, 1)
        defer { unsafe free(value) }
        guard let content = unsafe Self.bytes(value) else { return }
        if unsafe attribute.pointee.ns == nil {
            let isOfRoot = unsafe element.pointee.parent?.pointee.type == XML_DOCUMENT_NODE
            noteAttribute(unsafe Self.name(attribute.pointee.name), content, isOfRoot: isOfRoot)
        }
        let found = DataURI.contents(in: content)
        for data in found { embed(data) }
        if unsafe Self.name(attribute.pointee.name) == "href" {
            let isInside = content.first { $0 > 0x20 } == UInt8(ascii: "#")
            if !isInside {
                unsafe references.append(Reference(element: element, attribute: attribute, content: found.first))
            }
        } else if let calm = Self.withoutFilterFunctions(content) {
            unsafe Self.set(attribute, calm)
        }
    }

    private func embed(_ data: [UInt8]) {
        if known.insert(data).inserted { embedded.append(data) }
    }
}

// What is not drawn, and what is drawn otherwise.
extension SVGDocument {
    /// Letters would need fonts, which the sandbox cannot open. Of the others librsvg draws nothing.
    private static let undrawn: Set<String> = ["text", "script", "foreignObject"]

    /// A clip or a mask that is made of letters would hide everything without them, and so it has to go as a whole.
    private static func outermostClip(around element: xmlNodePtr) -> xmlNodePtr? {
        var outermost: xmlNodePtr?
        var ancestor = unsafe element.pointee.parent
        while let current = unsafe ancestor, unsafe current.pointee.type == XML_ELEMENT_NODE {
            if unsafe ["clipPath", "mask"].contains(name(current.pointee.name)) { unsafe outermost = current }
            unsafe ancestor = current.pointee.parent
        }
        return unsafe outermost
    }

    private static func isInclusion(_ element: xmlNodePtr) -> Bool {
        guard let space = unsafe element.pointee.ns else { return false }
        return unsafe name(space.pointee.href) == "http://www.w3.org/2001/XInclude"
    }

    /// Some filters of librsvg start threads, which the sandbox forbids. Nothing is hidden by leaving them out: blurred is
    /// drawn sharp, lit from everywhere in white, and noise is even grey, which displaces nothing.
    private func neutralise(_ element: xmlNodePtr, _ name: String) {
        switch name {
        case "feGaussianBlur": unsafe xmlSetProp(element, "stdDeviation", "0")
        case "feDropShadow":
            // librsvg 2.54 draws nothing at all for it.
            unsafe pass(element)
        case "feConvolveMatrix" where unsafe Self.isLarge(element): unsafe pass(element)
        case "feTurbulence": unsafe flood(element, "#808080", opacity: "1")
        case "feDiffuseLighting": unsafe flood(element, "#ffffff", opacity: "1")
        case "feSpecularLighting": unsafe flood(element, "#000000", opacity: "0")
        default: break
        }
    }

    /// librsvg gives up at an `order` that takes much memory.
    private static func isLarge(_ element: xmlNodePtr) -> Bool {
        let order = unsafe xmlGetNoNsProp(element, "order")
        defer { unsafe free(order) }
        return unsafe name(order).split { !$0.isNumber }.contains { (Int($0) ?? .max) > 15 }
    }

    /// Makes a filter give what it gets.
    private func pass(_ element: xmlNodePtr) {
        unsafe xmlNodeSetName(element, "feOffset")
        unsafe xmlSetProp(element, "dx", "0")
        unsafe xmlSetProp(element, "dy", "0")
    }

    private func flood(_ element: xmlNodePtr, _ colour: String, opacity: String) {
        unsafe xmlNodeSetName(element, "feFlood")
        unsafe xmlSetProp(element, "flood-color", colour)
        unsafe xmlSetProp(element, "flood-opacity", opacity)
    }

    /// The same filters as CSS writes them, made unknown functions; nil where there are none.
    private static func withoutFilterFunctions(_ text: [UInt8]) -> [UInt8]? {
        var result = text
        var isChanged = false
        for function in ["blur(", "drop-shadow("] {
            let word = Array(function.utf8)
            guard result.count >= word.count else { continue }
            for start in 0...(result.count - word.count)
            where zip(result[start...], word).allSatisfy({ $0 == $1 || $0 | 0x20 == $1 }) {
                result[start] = UInt8(ascii: "x")
                isChanged = true
            }
        }
        return isChanged ? result : nil
    }
}

// libxml2's texts are bytes of UTF-8 that end with a zero.
extension SVGDocument {
    private static func name(_ text: UnsafePointer<xmlChar>?) -> String {
        unsafe text.map { unsafe String(cString: $0) } ?? ""
    }

    private static func bytes(_ text: UnsafePointer<xmlChar>?) -> [UInt8]? {
        guard let text = unsafe text else { return nil }
        return unsafe Array(UnsafeBufferPointer(start: text, count: Int(xmlStrlen(text))))
    }

    private static func set(_ attribute: xmlAttrPtr, _ value: [UInt8]) {
        guard let element = unsafe attribute.pointee.parent else { return }
        let name = unsafe Self.name(attribute.pointee.name)
        _ = unsafe (value + [0]).withUnsafeBufferPointer { value in
            unsafe xmlSetNsProp(element, attribute.pointee.ns, name, value.baseAddress)
        }
    }
}

// What only browsers draw.
extension SVGDocument {
    private static let animations: Set<String> = [
        "animate", "set", "animateColor", "animateTransform", "animateMotion",
    ]

    private static func foreignPart(_ element: xmlNodePtr, _ name: String) -> String? {
        let space = unsafe element.pointee.ns.map { unsafe Self.name($0.pointee.href) }
        switch name {
        case _ where space == "http://www.w3.org/1999/xhtml", "foreignObject": return "HTML (\(name.prefix(20)))"
        case "script": return "a script"
        case _ where animations.contains(name): return "an animation (\(name))"
        case "style":
            let media = unsafe xmlGetNoNsProp(element, "media")
            defer { unsafe free(media) }
            return unsafe ["", "all", "screen"].contains(Self.name(media)) ? nil : "a style sheet for some media"
        default: return nil
        }
    }

    private func noteAttribute(_ name: String, _ value: [UInt8], isOfRoot: Bool) {
        switch name {
        case _ where name.hasPrefix("on"): note("a script (\(name.prefix(20)))")
        case "systemLanguage", "requiredExtensions", "requiredFeatures": note("a choice (\(name))")
        case "transform-origin": note(name)
        case "style": note(SVGStyle.finding(inDeclarations: value, isOfRoot: isOfRoot), in: "a style")
        default: note(SVGStyle.finding(inAttribute: name, value: value), in: name.prefix(40))
        }
    }
}
