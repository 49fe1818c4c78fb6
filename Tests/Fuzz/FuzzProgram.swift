import CFuzzer
import Glibc
import ImageDecoding
import SystemCalls

/// Fuzz TARGET [options and corpora of libFuzzer]   in a build for it: scripts/fuzz makes one
/// Fuzz TARGET FILE...                              in any other: reads each file once
@main enum FuzzProgram {
    static func main() {
        guard let target = FuzzTarget.chosen else {
            fail("the first argument is one of \(FuzzTarget.all.map(\.name).joined(separator: " "))")
        }
        do { try ImageDecoder.prepare() } catch { fail("the decoders cannot be prepared: \(error.explanation)") }

        if cfuzzer_is_available() != 0 {
            // The target's name goes, the program's stays. libFuzzer keeps the pointers.
            let arguments = CommandLine.arguments.prefix(1) + CommandLine.arguments.dropFirst(2)
            let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>>.allocate(capacity: arguments.count)
            for (index, argument) in arguments.enumerated() {
                guard let copy = unsafe strdup(argument) else { fail("out of memory") }
                unsafe (pointers + index).initialize(to: copy)
            }
            exit(
                unsafe cfuzzer_run(CInt(arguments.count), pointers) { bytes, size in
                    // libFuzzer's buffer is valid during the call.
                    let input = unsafe UnsafeRawBufferPointer(start: bytes, count: size)
                    FuzzTarget.chosen?.run(unsafe input.bytes)
                    return 0
                })
        }
        for path in CommandLine.arguments.dropFirst(2) {
            do {
                let file = try MappedFile(FileSystem.open(path, .read), maximumBytes: 1 << 30)
                file.withBytes { target.run($0) }
            } catch {
                fail("\(path): \(error)")
            }
        }
    }

    private static func fail(_ text: String) -> Never {
        StandardError.write("Fuzz: \(text)\n")
        exit(64)
    }
}
