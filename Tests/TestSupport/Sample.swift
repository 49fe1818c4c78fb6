/// Files to post. Images come from fixtures/, with scores of the real model in fixtures/scores.json.
package enum Sample {
    package static let safeJPEG = "scene.jpg"
    package static let safePNG = "scene.png"
    /// An abstract pattern that the model scores above 0.99.
    package static let nsfwJPEG = "nsfw-pattern.jpg"
    package static let nsfwPNG = "nsfw-pattern.png"
    package static let truncatedJPEG = "truncated.jpg"

    /// A JPEG with spaces behind its end: other bytes, the same picture.
    package static func padded(_ fixture: String, by count: Int) throws -> [UInt8] {
        try Repository.fixture(fixture) + [UInt8](repeating: 0x20, count: count)
    }

    package static let text = Array("A note, which is not an image.\n".utf8)
    package static let pdf = Array(
        "%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n".utf8)

    /// A whole GIF of one white pixel.
    package static let gif: [UInt8] =
        Array("GIF89a".utf8) + [
            1, 0, 1, 0, 0x80, 0, 0, 0xff, 0xff, 0xff, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
        ]

    /// The beginnings of image files that no build decodes: Photoshop, JPEG 2000.
    package static let photoshop: [UInt8] = Array("8BPS".utf8) + [0, 1] + [UInt8](repeating: 0, count: 20)
    package static let jpeg2000: [UInt8] = [0xff, 0x4f, 0xff, 0x51] + [UInt8](repeating: 0, count: 20)

    /// `count` bytes that no sniffer takes for an image, different for every seed and at every position.
    package static func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        var bytes = Array("seed \(seed): ".utf8.prefix(count))
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            // xorshift64
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: state >> UInt64(shift)))
            }
        }
        return Array(bytes.prefix(count))
    }
}
