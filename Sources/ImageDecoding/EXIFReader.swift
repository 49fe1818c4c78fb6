/// Reads the orientation out of EXIF data: a TIFF header and a directory of tags (CIPA DC-008, section 4.6). Every
/// offset comes from the file, so every access is checked.
struct EXIFReader {
    private let bytes: [UInt8]
    private let isBigEndian: Bool

    /// The orientation that `bytes`, which begin with the TIFF header, ask for; nil where they ask for none that counts.
    static func orientation(in bytes: [UInt8]) -> Orientation? {
        EXIFReader(bytes)?.orientation
    }

    /// The ways of seeing a picture whose EXIF data some viewers apply and others do not: as it is stored first, then each
    /// that one of `data` asks for.
    static func orientations(someApply data: [[UInt8]]) -> [Orientation] {
        data.compactMap(orientation(in:)).reduce(into: [.upright]) { found, orientation in
            if !found.contains(orientation) { found.append(orientation) }
        }
    }

    private init?(_ bytes: [UInt8]) {
        guard bytes.count >= 8 else { return nil }
        switch (bytes[0], bytes[1]) {
        case (0x49, 0x49): isBigEndian = false
        case (0x4d, 0x4d): isBigEndian = true
        default: return nil
        }
        self.bytes = bytes
        guard unsigned16(at: 2) == 42 else { return nil }
    }

    private var orientation: Orientation? {
        let orientationTag = 0x0112
        let shortType = 3
        guard let directory = unsigned32(at: 4), let count = unsigned16(at: directory) else { return nil }
        for index in 0..<count {
            let entry = directory + 2 + index * 12
            guard let tag = unsigned16(at: entry) else { return nil }
            guard tag == orientationTag else { continue }
            // One that makes no sense is passed over: a second one may follow, and viewers take it.
            guard unsigned16(at: entry + 2) == shortType, unsigned32(at: entry + 4) == 1,
                let value = unsigned16(at: entry + 8), let byte = UInt8(exactly: value),
                let orientation = Orientation(rawValue: byte)
            else { continue }
            return orientation
        }
        return nil
    }

    private func unsigned16(at offset: Int) -> Int? {
        guard offset >= 0, offset <= bytes.count - 2 else { return nil }
        let (first, second) = (Int(bytes[offset]), Int(bytes[offset + 1]))
        return isBigEndian ? first << 8 | second : second << 8 | first
    }

    private func unsigned32(at offset: Int) -> Int? {
        guard let first = unsigned16(at: offset), let second = unsigned16(at: offset + 2) else { return nil }
        return isBigEndian ? first << 16 | second : second << 16 | first
    }
}
