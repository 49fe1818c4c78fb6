import Foundation

/// Pictures of the size that phones make, written in a moment.
package enum LargePicture {
    /// A baseline JPEG of `columns` × 640 by `rows` × 16 pixels, of tens of megabytes: a fixture's rows of blocks, each of
    /// which stands for itself between two restart markers, side by side and again and again.
    package static func jpeg(columns: Int, rows: Int) throws -> [UInt8] {
        let source = try Repository.fixture("scene-restarts.jpg")
        var offset = 2
        var start = 0
        while start == 0 {
            let length = Int(source[offset + 2]) << 8 | Int(source[offset + 3])
            if source[offset + 1] == 0xda { start = offset + 2 + length }
            offset += 2 + length
        }
        var segments: [[UInt8]] = [[]]
        var index = start
        while index < source.count - 2 {
            if source[index] == 0xff, (0xd0...0xd7).contains(source[index + 1]) {
                segments.append([])
                index += 2
            } else {
                segments[segments.count - 1].append(source[index])
                index += 1
            }
        }
        var result = Array(source[..<start])
        for place in 0..<start where result[place] == 0xff && result[place + 1] == 0xc0 {
            let (height, width) = (rows * 16, columns * 640)
            result.replaceSubrange(
                place + 5..<place + 9,
                with: [UInt8(height >> 8), UInt8(height & 255), UInt8(width >> 8), UInt8(width & 255)])
            break
        }
        var count = 0
        for row in 0..<rows {
            for _ in 0..<columns {
                if count > 0 { result += [0xff, 0xd0 + UInt8((count - 1) % 8)] }
                result += segments[row % segments.count]
                count += 1
            }
        }
        return result + [0xff, 0xd9]
    }

    /// Writes a PNG that is not interlaced.
    package static func writePNG(width: Int, height: Int, to path: String) throws {
        let script = Repository.url("scripts/make-large-png").path
        let outcome = try ChildProcess.run("/usr/bin/python3", [script, path, "\(width)", "\(height)"])
        guard outcome.status == .exited(0) else { throw SupportError("make-large-png: \(outcome.errorText)") }
    }
}
