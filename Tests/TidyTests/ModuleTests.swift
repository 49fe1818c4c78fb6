import TestSupport
import Testing

@Suite("Modules")
struct ModuleTests {
    private let sources: [SourceFile]

    init() throws {
        sources = try SourceFile.all.get().filter { $0.path.hasPrefix("Sources/") }
    }

    @Test("A module imports only what the table allows")
    func importsFollowTheTable() throws {
        for source in sources {
            let module = try #require(ModuleTable.module(of: source.path), "\(source.path) belongs to no module")
            let allowed = try #require(ModuleTable.arrows[module], "\(module) is not in the table")
            let forbidden = Set(source.imports).subtracting(allowed).subtracting(ModuleTable.toolchain)
            #expect(forbidden.isEmpty, "\(source.path) imports \(forbidden.sorted())")
        }
    }

    @Test("Package.swift declares the same arrows as the table")
    func packageMatchesTheTable() throws {
        let declared = try Self.declaredDependencies()
        for module in Set(declared.keys).union(ModuleTable.arrows.keys).sorted() {
            let arrows = ModuleTable.arrows[module]
            #expect(declared[module] == arrows, "\(module): Package.swift and the table differ")
        }
    }

    @Test("Every arrow of the table is used")
    func arrowsAreUsed() {
        var used: [String: Set<String>] = [:]
        for source in sources {
            if let module = ModuleTable.module(of: source.path) { used[module, default: []].formUnion(source.imports) }
        }
        for (module, arrows) in ModuleTable.arrows {
            let unused = arrows.subtracting(used[module] ?? [])
            #expect(unused.isEmpty, "\(module) may import \(unused.sorted()) but does not")
        }
    }

    @Test("No step imports another step")
    func stepsAreIndependent() {
        for step in ModuleTable.steps {
            let others = (ModuleTable.arrows[step] ?? []).intersection(ModuleTable.steps)
            #expect(others.isEmpty, "\(step) imports \(others.sorted())")
        }
    }

    @Test("A C target is imported by exactly one Swift target")
    func wrappersOwnTheirLibrary() throws {
        let libraries = Set(
            try Repository.files().filter { $0.hasPrefix("Sources/C/") }.compactMap(ModuleTable.module(of:)))
        #expect(!libraries.isEmpty)
        for library in libraries {
            let importers = ModuleTable.arrows.filter { $0.value.contains(library) }.keys
            #expect(importers.count == 1, "\(library) is imported by \(importers.sorted())")
        }
    }

    @Test("No type has the name of its module")
    func typesDoNotShadowModules() {
        let kinds = ["struct", "class", "enum", "actor", "protocol"]
        for source in sources {
            guard let module = ModuleTable.module(of: source.path) else { continue }
            for line in source.lines {
                let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init)
                let declares = zip(words, words.dropFirst()).contains { kinds.contains($0) && $1 == module }
                #expect(!declares, "\(source.path) declares \(module): \(line)")
            }
        }
    }

    @Test("Every module is explained in docs/architecture.md")
    func modulesAreDocumented() throws {
        let page = try Repository.text("docs/architecture.md")
        for module in ModuleTable.arrows.keys.sorted() {
            let isNamed = page.contains("`\(module)`") || page.contains("`Steps/\(module)`")
            #expect(isNamed, "docs/architecture.md does not name `\(module)`")
        }
    }

    /// Reads `module("Name", ["A", "B"])`, `step(…)` and `program(…)` from Package.swift.
    private static func declaredDependencies() throws -> [String: Set<String>] {
        let text = try Repository.text("Package.swift")
        let declaration = /\b(?:module|step|program)\(\s*"(\w+)"(?:,\s*\[([^\]]*)\])?/
        var declared: [String: Set<String>] = [:]
        for match in text.matches(of: declaration) {
            let names = (match.2 ?? "").matches(of: /"(\w+)"/).map { String($0.1) }
            declared[String(match.1)] = Set(names)
        }
        return declared
    }
}
