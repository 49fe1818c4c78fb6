import Settings

enum HelpText {
    static let version = "0.1.0"

    static let usage = """
        portcullis: an NSFW upload gate in front of a platform's storage

        portcullis serve [--help]          runs the service in the foreground; --help lists every setting
        portcullis classify FILE...        scores local images; one JSON line each
                                           exit 0: all clean, 1: something NSFW, 2: something unscannable or failed
        portcullis model                   which runtime and model are in use, and a self-test score
        portcullis model --drift DIRECTORY scores every image under it with the screen and exactly, and says how far
                                           the two are apart and how many decisions would differ
                                           exit 0: none, 1: some, 2: something could not be scored
        portcullis org create --name NAME [--tier free|pro|team|enterprise] [--credits N] [--user EMAIL] [--json]
        portcullis org list [--json]
        portcullis org show ORGANIZATION [--json]
        portcullis org set ORGANIZATION JSON
                                           JSON holds the fields of PATCH /v1/private/organizations/{id}
        portcullis key create --organization ORGANIZATION [--user EMAIL] [--name NAME]
                              [--permissions read,write,delete,admin] [--json]
                                           prints the secret, which is shown this once
        portcullis quarantine list [--organization ORGANIZATION] [--status QUARANTINED|REJECTED] [--json]
        portcullis quarantine show UPLOAD
        portcullis quarantine release UPLOAD --reason TEXT
                                           puts the upload into service; one that was rejected is charged now
        portcullis quarantine purge UPLOAD [--reason TEXT]
                                           removes the content for good
        portcullis verify [--content] [--json]
                                           recomputes ledger, balances, uploads and contents, also beside a running
                                           service; --content reads and hashes every file; a line per difference
                                           exit 0: all agree, 1: differences, 2: could not look
        portcullis backup DIRECTORY [--json]
                                           copies the data directory, also beside a running service
        portcullis mail --test ADDRESS     sends a mail the way alerts go, and says what the mail server answered
        portcullis version

        Settings come from the environment, and from the file that PORTCULLIS_CONFIG names.
        """

    static var settings: String {
        let entries = ServiceSettings.catalog.map { entry in
            "  \(entry.name)\n      \(entry.meaning)\n      \(entry.format); default: \(entry.defaultText)"
        }
        return """
            portcullis serve: runs the service in the foreground. SIGTERM and SIGINT finish what is in flight.

            Settings, from the environment or from the file that PORTCULLIS_CONFIG names (KEY=VALUE lines):

            \(entries.joined(separator: "\n\n"))
            """
    }
}
