import Execution
import Glibc

/// The command line.
@main
enum Portcullis {
    static func main() {
        // A client that goes away must not end the process; every write reports it as an error.
        signal(SIGPIPE, SIG_IGN)
        let status = run(Array(CommandLine.arguments.dropFirst()))
        exit(status)
    }

    /// - Returns: the exit status. 64 stands for a command line that does not make sense (`sysexits.h`), 78 for
    ///   settings that do not hold.
    private static func run(_ words: [String]) -> Int32 {
        do {
            return try dispatch(words)
        } catch let error as UsageError {
            Console.error("portcullis: \(error)\nTry `portcullis --help`.")
            return 64
        } catch let error as ConfigurationError {
            Console.error("portcullis: \(error)")
            return 78
        } catch {
            Console.error("portcullis: \(error)")
            return 1
        }
    }

    private static func dispatch(_ words: [String]) throws -> Int32 {
        let rest = Array(words.dropFirst())
        if rest.contains("--help") && words.first != "serve" {
            Console.print(HelpText.usage)
            return 0
        }
        switch words.first {
        case "serve": return try ServeCommand.run(rest)
        case "classify": return try ClassifyCommand.run(rest)
        case "model": return try ModelCommand.run(rest)
        case "org": return try OrganizationCommand.run(rest)
        case "quarantine": return try QuarantineCommand.run(rest)
        case "verify": return try VerifyCommand.run(rest)
        case "backup": return try BackupCommand.run(rest)
        case "mail": return try MailCommand.run(rest)
        case "key": return try KeyCommand.run(rest)
        case "help", "--help", "-h":
            Console.print(HelpText.usage)
            return 0
        case "version", "--version":
            Console.print("portcullis \(HelpText.version)")
            return 0
        case .some(let word): throw UsageError("\"\(word)\" is not a command")
        case nil: throw UsageError("a command is missing")
        }
    }
}
