import Domain
import Execution
import Glibc
import Settings
import Telemetry

/// `portcullis serve`.
enum ServeCommand {
    static func run(_ words: [String]) throws -> Int32 {
        let arguments = try Arguments(words, flags: ["help"])
        if arguments.has("help") {
            Console.print(HelpText.settings)
            return 0
        }
        try arguments.noOperands()
        let signals = TerminationSignals()
        let settings = try Configuration.load()
        let log = Logger(minimumLevel: LogLevel(rawValue: settings.logLevel) ?? .info)
        let service = try Service(settings: settings, log: log)
        try service.start()
        let signal = signals.wait()
        log.info("server.stopping", ["signal": .string(signal)])
        try runBlocking { await service.stop() }
        log.info("server.stopped")
        return 0
    }
}

/// SIGTERM and SIGINT, taken by whoever waits for them instead of ending the process.
struct TerminationSignals {
    private var set = sigset_t()

    /// Blocks the signals for the calling thread and every one that it starts afterwards: made before any other.
    init() {
        unsafe sigemptyset(&set)
        for signal in [SIGTERM, SIGINT] { unsafe sigaddset(&set, signal) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// - Returns: the name of the signal that came.
    func wait() -> String {
        var set = set
        var signal: CInt = 0
        while unsafe sigwait(&set, &signal) != 0 {}
        // Whoever asks a second time does not want to wait for what is in flight.
        unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
        return signal == SIGINT ? "SIGINT" : "SIGTERM"
    }
}
