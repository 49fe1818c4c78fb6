import Testing

@Suite("Reading source text")
struct SourceFileTests {
    private func source(_ text: String) -> SourceFile { SourceFile(path: "Example.swift", text: text) }

    @Test("Comments and strings are not code")
    func blanking() {
        let file = source(
            ##"""
            let a = 1 // try! one
            /* as! /* nested */ try! */ let b = 2
            let c = "try! \(d["as!"]) end" + e
            let f = """
                try!
                """ + g
            let h = #"try! " \#(i) "# + j
            """##)
        let code = file.lines.map { $0.split(separator: " ").joined(separator: " ") }
        #expect(code == ["let a = 1", "let b = 2", "let c = + e", "let f =", "", "+ g", "let h = + j"])
    }

    @Test("Imports are found whatever their access level")
    func imports() {
        let file = source("package import A\nimport B\n@testable import C\nimport struct D.E\n// import F\n")
        #expect(file.imports == ["A", "B", "C", "D"])
    }

    @Test("A function's length is counted from its keyword to its closing brace")
    func functionLengths() {
        let file = source(
            """
            protocol P {
                func requirement(_ body: () -> Void)
                var value: Int { get }
            }
            struct S: P {
                package init(
                    _ a: Int = { 1 }()
                ) {
                    self.init()
                }
                @inline(never) private static func long() async -> [Int] {
                    if true {
                        return [1]
                    }
                    return []
                }
                deinit { close() }
            }
            """)
        #expect(
            file.functions == [
                .init(line: 6, lines: 5), .init(line: 11, lines: 6), .init(line: 17, lines: 1),
            ])
    }
}
