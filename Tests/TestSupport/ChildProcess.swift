import Execution
import Foundation
import Glibc
import Synchronization

/// A real child process. Its standard error and output are collected as they come; it is killed when the last reference
/// goes, and by a watchdog when the test process itself is killed.
package final class ChildProcess: Sendable {
    package enum Status: Equatable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    /// What a finished process left behind.
    package struct Outcome: Sendable {
        package let status: Status
        package let output: [UInt8]
        package let error: [UInt8]
        package var outputText: String { String(decoding: output, as: UTF8.self) }
        package var errorText: String { String(decoding: error, as: UTF8.self) }
        package var errorLines: [String] { errorText.split(separator: "\n").map(String.init) }
    }

    private struct State {
        var output: [UInt8] = []
        var error: [UInt8] = []
        var openStreams = 2
        var status: Status?
    }

    package let identifier: Int32
    private let state = Mutex(State())
    private let changed = Condition()
    private let watchdog: Watchdog

    /// Starts `executable` with exactly this environment. Relative paths in it are seen from `directory`.
    package init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = ChildProcess.plainEnvironment,
        directory: String? = nil
    ) throws {
        let output = try Spawn.pipe()
        let error = try Spawn.pipe()
        identifier = try Spawn.run(
            executable, arguments, environment: environment, directory: directory, output: output.write,
            error: error.write)
        Glibc.close(output.write)
        Glibc.close(error.write)
        watchdog = try Watchdog(guarding: identifier)
        collect(output.read) { state, bytes in state.output += bytes }
        collect(error.read) { state, bytes in state.error += bytes }
        let identifier = identifier
        Execution.Thread.start { [weak self] in
            var raw: CInt = 0
            while unsafe waitpid(identifier, &raw, 0) < 0 && errno == EINTR {}
            // The two low bytes of a wait status: terminating signal, exit code.
            let signal = raw & 0x7f
            self?.finished(signal == 0 ? .exited((raw >> 8) & 0xff) : .signalled(signal))
        }
    }

    deinit {
        if state.withLock({ $0.status }) == nil { Glibc.kill(identifier, SIGKILL) }
        watchdog.dismiss()
    }

    private func collect(_ descriptor: CInt, _ append: @escaping @Sendable (inout State, [UInt8]) -> Void) {
        Execution.Thread.start { [weak self] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = unsafe read(descriptor, &buffer, buffer.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { break }
                self?.update { append(&$0, Array(buffer[..<count])) }
            }
            Glibc.close(descriptor)
            self?.update { $0.openStreams -= 1 }
        }
    }

    private func update(_ change: (inout State) -> Void) {
        state.withLock { change(&$0) }
        changed.broadcast()
    }

    private func finished(_ status: Status) {
        watchdog.dismiss()
        update { $0.status = status }
    }

    package var isRunning: Bool { state.withLock { $0.status == nil } }
    package var outputText: String { state.withLock { String(decoding: $0.output, as: UTF8.self) } }
    package var errorText: String { state.withLock { String(decoding: $0.error, as: UTF8.self) } }

    /// Sends a signal; nothing happens when the process has ended.
    package func send(_ signal: Int32) {
        state.withLock { state in
            if state.status == nil { Glibc.kill(identifier, signal) }
        }
    }

    /// Waits until `find` sees what it looks for in the complete lines of standard error; nil when the process ended
    /// or the time passed without.
    package func waitForLine<Found>(seconds: Double, _ find: ([Substring]) -> Found?) -> Found? {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            let (text, ended) = state.withLock { ($0.error, $0.status != nil && $0.openStreams == 0) }
            let whole = text.lastIndex(of: UInt8(ascii: "\n")).map { text[..<$0] } ?? []
            if let found = find(String(decoding: whole, as: UTF8.self).split(separator: "\n")) { return found }
            guard !ended, ContinuousClock.now < deadline else { return nil }
            changed.wait(milliseconds: 20)
        }
    }

    /// Waits for the end and returns what the process left; kills it when that takes longer than `seconds`.
    package func wait(seconds: Double = 60) throws -> Outcome {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            let outcome = state.withLock { state -> Outcome? in
                guard let status = state.status, state.openStreams == 0 else { return nil }
                return Outcome(status: status, output: state.output, error: state.error)
            }
            if let outcome { return outcome }
            guard ContinuousClock.now < deadline else {
                send(SIGKILL)
                throw SupportError("process \(identifier) did not end within \(seconds) s; it wrote: \(errorText)")
            }
            changed.wait(milliseconds: 20)
        }
    }

    /// Runs a program to its end.
    package static func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = plainEnvironment,
        directory: String? = nil, seconds: Double = 60
    ) throws -> Outcome {
        try ChildProcess(executable, arguments, environment: environment, directory: directory).wait(seconds: seconds)
    }

    /// What a child needs of this process's environment, and no `PORTCULLIS_` variable that happens to be set.
    package static let plainEnvironment: [String: String] = {
        let kept = ["PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS"]
        return ProcessInfo.processInfo.environment.filter { kept.contains($0.key) }
    }()
}
