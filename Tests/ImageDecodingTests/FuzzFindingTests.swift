import Foundation
import TestSupport
import Testing

/// Inputs that libFuzzer found (`make fuzz`), each named after its target and its mechanism, read in a process of their own:
///
/// - `heic-box-beyond-its-parent`: a reference box says that it is longer than the box around it. libheif reads it all the
///   same, and finds pictures that are made of each other, which it follows until its stack ends; our own look at the
///   references had passed over the box.
@Suite("What fuzzing found")
struct FuzzFindingTests {
    @Test("A finding is read to its end, or refused")
    func findings() throws {
        let directory = Repository.url("Tests/Fuzz/Findings")
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        #expect(names.contains("heic-box-beyond-its-parent"))
        for name in names {
            let target = String(name.prefix { $0 != "-" })
            let run = try ChildProcess.run(
                Products.path("Fuzz"), [target, directory.appending(path: name).path], seconds: 60)
            #expect(run.status == .exited(0), "\(name): \(run.errorText.suffix(2_000))")
        }
    }
}
