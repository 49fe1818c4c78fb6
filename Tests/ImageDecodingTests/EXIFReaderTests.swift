import Testing

@testable import ImageDecoding

@Suite("EXIF data")
struct EXIFReaderTests {
    private func littleEndian(_ value: Int, bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    /// A directory of one entry.
    private func data(
        tag: Int = 0x0112, type: Int = 3, count: Int = 1, value: Int, directory: Int = 8, entries: Int = 1,
        bigEndian: Bool = false
    ) -> [UInt8] {
        func number(_ value: Int, _ bytes: Int) -> [UInt8] {
            let result = littleEndian(value, bytes: bytes)
            return bigEndian ? result.reversed() : result
        }
        return Array((bigEndian ? "MM" : "II").utf8) + number(42, 2) + number(directory, 4) + number(entries, 2)
            + number(tag, 2) + number(type, 2) + number(count, 4) + number(value, 2) + [0, 0] + number(0, 4)
    }

    @Test("Each orientation is read, in both byte orders")
    func orientations() {
        for orientation in Orientation.allCases {
            for bigEndian in [false, true] {
                let bytes = data(value: Int(orientation.rawValue), bigEndian: bigEndian)
                #expect(EXIFReader.orientation(in: bytes) == orientation)
            }
        }
    }

    @Test("An orientation that makes no sense does not hide the next one")
    func senselessBefore() {
        for first in [
            data(value: 9, entries: 2), data(type: 4, value: 3, entries: 2), data(count: 2, value: 3, entries: 2),
        ] {
            let bytes = Array(first.prefix(22)) + Array(data(value: 6)[10..<22]) + [0, 0, 0, 0]
            #expect(EXIFReader.orientation(in: bytes) == .turnedLeft)
        }
    }

    @Test("The orientation is found behind other tags")
    func otherTagsBefore() {
        let first = data(tag: 0x010f, value: 1, entries: 2)
        let second = data(value: 6)
        let bytes = Array(first.prefix(22)) + Array(second[10..<22]) + [0, 0, 0, 0]
        #expect(EXIFReader.orientation(in: bytes) == .turnedLeft)
    }

    @Test("An orientation of no known number, type or count does not count")
    func oddValues() {
        for value in [0, 9, 256, 65_535] { #expect(EXIFReader.orientation(in: data(value: value)) == nil) }
        #expect(EXIFReader.orientation(in: data(type: 4, value: 6)) == nil)
        #expect(EXIFReader.orientation(in: data(count: 2, value: 6)) == nil)
    }

    @Test("Offsets and counts that lie read nothing outside")
    func lies() {
        for directory in [0, 1, 0x7fff_ffff, 0xffff_ffff, 30] {
            #expect(EXIFReader.orientation(in: data(tag: 1, value: 6, directory: directory)) == nil)
        }
        #expect(EXIFReader.orientation(in: data(tag: 1, value: 6, entries: 65_535)) == nil)
    }

    @Test("Data cut off anywhere before the value give no orientation")
    func truncation() {
        let bytes = data(value: 6)
        for length in 0..<20 { #expect(EXIFReader.orientation(in: Array(bytes.prefix(length))) == nil) }
        #expect(EXIFReader.orientation(in: Array(bytes.prefix(20))) == .turnedLeft)
    }
}
