/// Writes GIFs whose images are of one colour, for tests that need odd or many of them.
struct GIFFile {
    var bytes: [UInt8]

    init(width: Int, height: Int, version: String = "89a") {
        // A common palette of four colours: black, red, green, blue.
        bytes =
            Array("GIF\(version)".utf8) + Self.number(width) + Self.number(height) + [0x81, 0, 0]
            + [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]
    }

    static func number(_ value: Int) -> [UInt8] {
        [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
    }

    /// Adds an image, each pixel of which is `colour`.
    mutating func add(
        _ colour: Int, left: Int = 0, top: Int = 0, width: Int, height: Int, disposal: Int = 0, transparent: Int? = nil
    ) {
        bytes += [0x21, 0xf9, 4, UInt8(disposal << 2 | (transparent == nil ? 0 : 1)), 0, 0]
        bytes += [UInt8(transparent ?? 0), 0, 0x2c] + Self.number(left) + Self.number(top)
        bytes += Self.number(width) + Self.number(height) + [0]
        bytes += Self.data(Array(repeating: colour, count: width * height))
    }

    mutating func end() { bytes.append(0x3b) }

    /// Codes of three bits, with a clear code (4) before each two indices so that they never grow; the end is 5.
    static func data(_ indices: [Int]) -> [UInt8] {
        var codes: [Int] = []
        for (position, index) in indices.enumerated() { codes += position % 2 == 0 ? [4, index] : [index] }
        codes.append(5)
        var (packed, buffer, filled): ([UInt8], Int, Int) = ([], 0, 0)
        for code in codes {
            buffer |= code << filled
            filled += 3
            if filled >= 8 {
                packed.append(UInt8(truncatingIfNeeded: buffer))
                buffer >>= 8
                filled -= 8
            }
        }
        if filled > 0 { packed.append(UInt8(truncatingIfNeeded: buffer)) }
        var blocks: [UInt8] = [2]
        while !packed.isEmpty {
            let block = packed.prefix(255)
            blocks += [UInt8(block.count)] + block
            packed.removeFirst(block.count)
        }
        return blocks + [0]
    }
}
