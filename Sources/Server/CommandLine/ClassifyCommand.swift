import Domain
import Policy
import Settings
import Telemetry
import WorkerPool

/// `portcullis classify FILE…`: scores local files through the same sandboxed workers as uploads.
enum ClassifyCommand {
    static func run(_ words: [String]) throws -> Int32 {
        let files = try Arguments(words).operands
        guard !files.isEmpty else { throw UsageError("classify needs at least one FILE") }
        let settings = try Configuration.load().classifier
        let setup = ClassifierSetup(settings, log: Logger(minimumLevel: .error), metrics: MetricsRegistry())
        if let problem = setup.manifestProblem { throw ConfigurationError("PORTCULLIS_MODEL: \(problem)") }
        setup.pool.start()
        let reports = try runBlocking {
            _ = await setup.pool.statusOnceStarted()
            let reports = await classify(files, setup, atOnce: setup.pool.status.configured)
            await setup.pool.shutDown()
            return reports
        }
        if reports.contains(where: \.isTrouble) { return 2 }
        return reports.contains { $0.finding == .nsfw } ? 1 : 0
    }

    private struct Report: Sendable {
        var file: String
        var finding: Finding?
        var scan: ScanScore?
        var explanation: String?
        var elapsedMilliseconds: Double

        var isTrouble: Bool { finding != .clean && finding != .nsfw && finding != .notAnImage }

        var line: String {
            var object: JSONObject = [
                "file": .string(file), "reason": .string(finding?.rawValue ?? "failed"),
                "score": JSONValue(scan?.score), "frames_total": JSONValue(scan?.framesTotal),
                "frames_scanned": JSONValue(scan?.framesScanned), "pass": JSONValue(scan?.pass.rawValue),
                "elapsed_ms": .number(elapsedMilliseconds),
            ]
            if let explanation { object["explanation"] = .string(explanation) }
            return JSONValue.object(object).encoded
        }
    }

    /// Keeps as many files under way as there are workers; lines come in the order of the files.
    private static func classify(_ files: [String], _ setup: ClassifierSetup, atOnce width: Int) async -> [Report] {
        await withTaskGroup(of: (Int, Report).self) { group in
            var reports: [Int: Report] = [:]
            var (started, printed) = (0, 0)
            while printed < files.count {
                while started < files.count && started - printed < max(1, width) * 2 {
                    let (index, file) = (started, files[started])
                    group.addTask { (index, await report(on: file, setup)) }
                    started += 1
                }
                guard let (index, report) = await group.next() else { break }
                reports[index] = report
                while let next = reports[printed] {
                    if Console.hasTerminal { Console.progress("") }
                    Console.print(next.line)
                    printed += 1
                }
                if Console.hasTerminal && printed < files.count { Console.progress("\(printed)/\(files.count)") }
            }
            return reports.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    private static func report(on file: String, _ setup: ClassifierSetup) async -> Report {
        let start = SystemTime.monotonicSeconds()
        var report = await scan(file, setup)
        report.elapsedMilliseconds = ((SystemTime.monotonicSeconds() - start) * 1_000_000).rounded() / 1000
        return report
    }

    private static func scan(_ file: String, _ setup: ClassifierSetup) async -> Report {
        var report = Report(file: file, elapsedMilliseconds: 0)
        let opened: LocalFile
        do throws(ConfigurationError) {
            opened = try LocalFile(file)
        } catch {
            report.explanation = error.description
            return report
        }
        let type = opened.mediaType
        guard type.isImage else {
            report.finding = .notAnImage
            return report
        }
        guard MediaType.decodable.contains(type) else {
            report.finding = .unsupported
            report.explanation = "\(type.rawValue) cannot be decoded by this build"
            return report
        }
        let outcome = await setup.pool.scan(
            ScanJob(
                descriptor: opened.descriptor, mediaType: type, organization: OrganizationID(rawValue: "command_line"),
                threshold: setup.threshold()))
        switch outcome {
        case .scored(let scan, _):
            report.scan = scan
            report.finding = GateRules.finding(score: scan.score, threshold: setup.threshold())
        case .unscannable(let explanation), .gaveUp(_, let explanation):
            (report.finding, report.explanation) = (.unscannable, explanation)
        case .unsupported(let explanation): (report.finding, report.explanation) = (.unsupported, explanation)
        case .unavailable(let reason, _):
            (report.finding, report.explanation) = (.classifierUnavailable, reason.rawValue)
        }
        return report
    }
}
