import Domain
import Glibc
import Settings
import SystemCalls
import Telemetry
import WorkerPool
import WorkerProtocol

/// `portcullis model --drift DIRECTORY`: scores every image under it with both passes, in the sandboxed workers, and says how
/// far they are apart. Exit status 0: no decision would differ, 1: some would, 2: something could not be scored.
enum DriftCommand {
    static func run(_ directory: String, _ settings: ClassifierSettings) throws -> Int32 {
        var settings = settings
        // What is set off for the service is measured all the same.
        settings.usesScreen = true
        var (files, problems) = ([String](), [String]())
        collect(directory, depth: 0, &files, &problems)
        let setup = ClassifierSetup(settings, log: Logger(minimumLevel: .error), metrics: MetricsRegistry())
        if let problem = setup.manifestProblem { throw ConfigurationError("PORTCULLIS_MODEL: \(problem)") }
        let threshold = setup.threshold()
        let margin = ScreenMargin(settings.screenMargin).value(forThreshold: threshold)
        setup.pool.start()
        let found = files
        var report = try runBlocking {
            let status = await setup.pool.statusOnceStarted()
            let report: DriftReport?
            if case .ready = status.screen { report = await measure(found, setup) } else { report = nil }
            await setup.pool.shutDown()
            guard let report else {
                throw ConfigurationError(
                    "there is no screen to measure: \(status.unavailableReason?.rawValue ?? "\(status.screen)")")
            }
            return report
        }
        for problem in problems { Console.error(problem) }
        report.failures += problems.count
        Console.print(report.json(threshold: threshold, margin: margin).encoded)
        if report.failures > 0 { return 2 }
        return report.differences(threshold: threshold, margin: margin) > 0 ? 1 : 0
    }

    private static let maximumDepth = 64

    /// All files below, in the order of their names; links to directories are not followed.
    private static func collect(_ path: String, depth: Int, _ files: inout [String], _ problems: inout [String]) {
        var status = stat()
        guard unsafe (depth == 0 ? stat(path, &status) : lstat(path, &status)) == 0 else {
            problems.append("\(path): \(unsafe String(cString: strerror(errno)))")
            return
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            files.append(path)
            return
        }
        guard depth < maximumDepth else {
            problems.append("\(path): more than \(maximumDepth) directories deep")
            return
        }
        do {
            for name in try FileSystem.names(in: path).sorted() {
                collect("\(path)/\(name)", depth: depth + 1, &files, &problems)
            }
        } catch { problems.append("\(path): \(error)") }
    }

    private enum Result: Sendable {
        case pair(DriftReport.Pair)
        case notAnImage
        case failed(String)
    }

    private static func measure(_ files: [String], _ setup: ClassifierSetup) async -> DriftReport {
        let width = setup.pool.status.configured + 1
        var report = DriftReport()
        await withTaskGroup(of: (String, Result).self) { group in
            for (index, file) in files.enumerated() {
                if index >= width, let next = await group.next() { add(next, to: &report, of: files.count) }
                group.addTask { (file, await scores(of: file, setup)) }
            }
            while let next = await group.next() { add(next, to: &report, of: files.count) }
        }
        if Console.hasTerminal { Console.progress("") }
        return report
    }

    private static func add(_ next: (file: String, result: Result), to report: inout DriftReport, of total: Int) {
        switch next.result {
        case .pair(let pair): report.pairs.append(pair)
        case .notAnImage: report.notImages += 1
        case .failed(let text):
            report.failures += 1
            if Console.hasTerminal { Console.progress("") }
            Console.error("\(next.file): \(text)")
        }
        guard Console.hasTerminal else { return }
        Console.progress("\(report.pairs.count + report.notImages + report.failures)/\(total)")
    }

    private static func scores(of path: String, _ setup: ClassifierSetup) async -> Result {
        let file: LocalFile
        do throws(ConfigurationError) { file = try LocalFile(path) } catch { return .failed(error.description) }
        guard file.mediaType.isImage else { return .notAnImage }
        var scores: [Double] = []
        for mode in [ScanMode.exact, .screenOnly] {
            // A threshold of 1 has every frame looked at, by both passes.
            let outcome = await setup.pool.scan(
                ScanJob(
                    descriptor: file.descriptor, mediaType: file.mediaType,
                    organization: OrganizationID(rawValue: "command_line"), threshold: 1, mode: mode))
            switch outcome {
            case .scored(let scan, _): scores.append(scan.score)
            case .unscannable(let text), .gaveUp(_, let text), .unsupported(let text): return .failed(text)
            case .unavailable(let reason, _): return .failed("not scored: \(reason.rawValue)")
            }
        }
        return .pair(DriftReport.Pair(exact: scores[0], screen: scores[1]))
    }
}
