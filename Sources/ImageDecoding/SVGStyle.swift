/// Finds in CSS, and in attributes, what browsers heed and librsvg 2.54 passes over: drawn without it, a document looks
/// different from what people see.
enum SVGStyle {
    enum Finding {
        /// By which CSS may hide any word: nothing else can be told then.
        case escapes
        /// What was found first.
        case part(String)
    }

    /// What is in a style sheet; nil for nothing.
    static func finding(inSheet text: [UInt8]) -> Finding? {
        var reader = Reader(text, isSheet: true)
        return reader.finding()
    }

    /// The same for the declarations of a `style` attribute.
    ///
    /// - Parameter isOfRoot: the root's size changes nothing of the picture.
    static func finding(inDeclarations text: [UInt8], isOfRoot: Bool) -> Finding? {
        var reader = Reader(text, isSheet: false)
        reader.passed = isOfRoot ? ["width", "height"] : []
        return reader.finding()
    }

    /// The same for the value of another attribute.
    static func finding(inAttribute name: String, value: [UInt8]) -> Finding? {
        guard !freeText.contains(name), !name.hasPrefix("data-"), !name.hasPrefix("aria-") else { return nil }
        var reader = Reader(value, isSheet: false)
        reader.property = name
        return reader.finding()
    }

    /// Attributes that are no CSS, be it with parentheses.
    private static let freeText: Set<String> = [
        "id", "class", "d", "points", "href", "title", "name", "lang", "type", "version", "font-family", "values",
        "tableValues", "kernelMatrix", "result", "in", "in2", "begin", "by", "from", "to", "role", "style", "viewBox",
        "preserveAspectRatio", "requiredFeatures", "requiredExtensions",
    ]

    static let functions: Set<String> = [
        "rgb", "rgba", "hsl", "hsla", "url", "format", "local", "cubic-bezier", "steps", "matrix", "translate",
        "translatex", "translatey", "scale", "scalex", "scaley", "rotate", "skew", "skewx", "skewy", "blur",
        "drop-shadow", "brightness", "contrast", "grayscale", "hue-rotate", "invert", "opacity", "saturate", "sepia",
    ]
    static let selectors: Set<String> = [
        "not", "lang", "nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type",
    ]
    static let atRules: Set<String> = ["charset", "namespace", "font-face", "import"]
    static let units: Set<String> = [
        "px", "in", "cm", "mm", "pt", "pc", "em", "ex", "deg", "rad", "grad", "turn", "s", "ms",
    ]
    static let properties: Set<String> = [
        "translate", "rotate", "scale", "transform-origin", "transform-box", "transform-style", "perspective", "offset",
        "offset-path", "offset-distance", "offset-rotate", "offset-anchor", "offset-position", "zoom", "clip", "all",
        "content-visibility", "background", "background-image", "border-image", "mask-image", "mask-border",
        "backdrop-filter", "d", "x", "y", "cx", "cy", "r", "rx", "ry", "width", "height",
    ]
    /// Of those with a vendor's prefix, the ones that change no picture.
    static let harmlessPrefixed: Set<String> = [
        "-webkit-user-select", "-moz-user-select", "-webkit-tap-highlight-color", "-webkit-font-smoothing",
        "-moz-osx-font-smoothing", "-webkit-touch-callout", "-webkit-text-size-adjust", "-moz-text-size-adjust",
    ]
    static let colourProperties: Set<String> = [
        "fill", "stroke", "color", "stop-color", "flood-color", "lighting-color",
    ]
    static let systemColours: Set<String> = [
        "accentcolor", "accentcolortext", "activetext", "buttonborder", "buttonface", "buttontext", "canvas",
        "canvastext", "field", "fieldtext", "graytext", "highlight", "highlighttext", "linktext", "mark", "marktext",
        "selecteditem", "selecteditemtext", "visitedtext", "activeborder", "activecaption", "appworkspace",
        "background", "buttonhighlight", "buttonshadow", "captiontext", "inactiveborder", "inactivecaption",
        "inactivecaptiontext", "infobackground", "infotext", "menu", "menutext", "scrollbar", "threeddarkshadow",
        "threedface", "threedhighlight", "threedlightshadow", "threedshadow", "window", "windowframe", "windowtext",
        "context-fill", "context-stroke",
    ]
}

extension SVGStyle {
    /// Reads CSS token by token, as far as the question needs.
    private struct Reader {
        private let text: [UInt8]
        private let isSheet: Bool
        private var index = 0
        private var depth = 0
        /// Whose value comes; nil where a property or a selector does.
        var property: String?
        var passed: Set<String> = []

        init(_ text: [UInt8], isSheet: Bool) {
            self.text = text
            self.isSheet = isSheet
        }

        private var next: UInt8? { index < text.count ? text[index] : nil }

        mutating func finding() -> Finding? {
            var first: String?
            while let byte = next {
                switch step(byte) {
                // It counts for more than what comes before it.
                case .escapes: return .escapes
                case .part(let part): first = first ?? part
                case nil: break
                }
            }
            return first.map(Finding.part)
        }

        private mutating func step(_ byte: UInt8) -> Finding? {
            switch byte {
            case UInt8(ascii: "/") where text[index...].starts(with: "/*".utf8): skipComment()
            case UInt8(ascii: "\""), UInt8(ascii: "'"): skipString(byte)
            case UInt8(ascii: "\\"):
                index += 1
                return .escapes
            case UInt8(ascii: "{"):
                depth += 1
                property = nil
                index += 1
                if depth > 1 { return .part("nested rules") }
            case UInt8(ascii: "}"), UInt8(ascii: ";"):
                if byte == UInt8(ascii: "}") { depth = max(0, depth - 1) }
                property = nil
                index += 1
            case UInt8(ascii: "&"):
                index += 1
                return .part("nested rules")
            case UInt8(ascii: "@"):
                index += 1
                return atRule(word())
            case UInt8(ascii: "#"):
                // A colour or an identifier.
                index += 1
                _ = word()
            case 0x30...0x39: return number()
            case UInt8(ascii: "-") where index + 1 < text.count && Self.beginsNumber(text[index + 1]): index += 1
            default:
                guard Self.isWord(byte) else {
                    index += 1
                    break
                }
                return word(word())
            }
            return nil
        }

        private mutating func skipComment() {
            index += 2
            while index < text.count, !text[index...].starts(with: "*/".utf8) { index += 1 }
            index = min(text.count, index + 2)
        }

        private mutating func skipString(_ quote: UInt8) {
            index += 1
            while let byte = next, byte != quote { index += byte == UInt8(ascii: "\\") ? 2 : 1 }
            index = min(text.count, index + 1)
        }

        private static func isWord(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"), 0x80...: true
            default: false
            }
        }

        private static func beginsNumber(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || byte == UInt8(ascii: ".")
        }

        private mutating func word() -> String {
            let start = index
            while let byte = next, Self.isWord(byte) { index += 1 }
            return String(decoding: text[start..<index], as: UTF8.self).lowercased()
        }

        private mutating func number() -> Finding? {
            while let byte = next, (0x30...0x39).contains(byte) || byte == UInt8(ascii: ".") { index += 1 }
            let start = index
            var unit = word()
            // An exponent, whose sign is part of a word.
            if unit.first == "e", unit.dropFirst().drop(while: { $0 == "-" }).first?.isNumber == true {
                let exponent = unit.dropFirst().drop { $0 == "-" }.prefix { $0.isNumber }
                unit = String(unit[exponent.endIndex...])
            }
            guard property != nil, !unit.isEmpty, index > start, !SVGStyle.units.contains(unit) else { return nil }
            return .part("the unit \(unit.prefix(20))")
        }

        private mutating func atRule(_ name: String) -> Finding? {
            guard SVGStyle.atRules.contains(name) else { return .part("@\(name.prefix(20))") }
            guard name == "import" else { return nil }
            let rest = text[index...].prefix { $0 != UInt8(ascii: ";") }
            let isInside = String(decoding: rest, as: UTF8.self).lowercased().contains("data:")
            index += rest.count
            if rest.contains(UInt8(ascii: "\\")) { return .escapes }
            return isInside ? .part("@import") : nil
        }

        private mutating func word(_ word: String) -> Finding? {
            if next == UInt8(ascii: "(") {
                index += 1
                return function(word)
            }
            if let property {
                let isColour = SVGStyle.colourProperties.contains(property)
                return isColour && SVGStyle.systemColours.contains(word) ? .part("the colour \(word)") : nil
            }
            // In a sheet, a colon outside of the braces belongs to a selector.
            guard depth > 0 || !isSheet, isFollowedByColon() else { return nil }
            property = word
            let isPrefixed = word.hasPrefix("-webkit-") || word.hasPrefix("-moz-") || word.hasPrefix("-epub-")
            let isForeign = isPrefixed ? !SVGStyle.harmlessPrefixed.contains(word) : isHeeded(word)
            return isForeign ? .part(word) : nil
        }

        /// A plain colour behind everything is no picture.
        private func isHeeded(_ word: String) -> Bool {
            guard SVGStyle.properties.contains(word), !passed.contains(word) else { return false }
            guard word == "background" || word == "background-image" else { return true }
            let value = text[index...].prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "}") }
            let plain = value.drop { $0 == 0x20 || $0 == UInt8(ascii: ":") }
            return plain.contains(UInt8(ascii: "(")) && !plain.starts(with: "rgb".utf8)
        }

        private mutating func isFollowedByColon() -> Bool {
            var place = index
            while place < text.count, [0x09, 0x0a, 0x0c, 0x0d, 0x20].contains(text[place]) { place += 1 }
            guard place < text.count, text[place] == UInt8(ascii: ":") else { return false }
            index = place + 1
            return true
        }

        private mutating func function(_ name: String) -> Finding? {
            let isSelector = isSheet && depth == 0
            let known = isSelector ? SVGStyle.selectors : SVGStyle.functions
            guard known.contains(name) else { return .part("\(name.prefix(20))()") }
            // What an address consists of is no CSS, but escapes in it could hide what it is.
            if name == "url" {
                while let byte = next, byte != UInt8(ascii: ")") {
                    index += 1
                    if byte == UInt8(ascii: "\\") { return .escapes }
                }
            }
            return nil
        }
    }
}
