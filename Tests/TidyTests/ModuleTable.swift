/// Which module may import which: the arrows of docs/architecture.md. Package.swift must say the same, so that a new arrow
/// is written down on purpose, in both.
enum ModuleTable {
    static let arrows: [String: Set<String>] = [
        // Values and rules.
        "Domain": [],
        "Policy": ["Domain"],
        "JSON": ["CJansson", "Domain"],
        "Crypto": ["CCrypto", "Domain"],
        "Settings": [],
        "Telemetry": ["Domain"],
        "Execution": [],

        // Infrastructure.
        "HTTP": ["CMicrohttpd", "Domain", "Execution", "Telemetry"],
        "Database": ["Crypto", "Domain", "JSON"],
        "DatabaseSQLite": ["CSQLite", "Database", "Domain", "Execution"],
        "BlobStore": ["Crypto", "Domain", "SystemCalls"],
        "Models": ["Crypto", "Domain", "JSON"],
        "Transfer": ["CCurl"],
        "Mail": ["Domain"],
        "Alerts": ["Crypto", "Database", "Domain", "Mail", "Telemetry", "Transfer"],

        // Decode and classify, in a sandboxed process.
        "WorkerProtocol": ["CDescriptorPassing", "Domain"],
        "ImageDecoding": [
            "CAVIF", "CDE265", "CGIF", "CHEIF", "CJPEG", "CJPEGXL", "CPNG", "CRSVG", "CTIFF", "CWebP", "CXML", "Domain",
        ],
        "Classifier": ["CONNXRuntime", "CResample", "Crypto", "Domain", "ImageDecoding", "Models"],
        "Sandbox": ["CSeccomp"],
        "SystemCalls": ["CSystemCalls"],
        "Worker": [
            "Classifier", "Crypto", "Domain", "ImageDecoding", "Models", "Sandbox", "SystemCalls", "WorkerProtocol",
        ],
        "WorkerPool": ["Crypto", "Domain", "Execution", "SystemCalls", "Telemetry", "WorkerProtocol"],

        // The path of one upload.
        "Authentication": ["Crypto", "Database", "Domain"],
        "Admission": ["Database", "Domain"],
        "Spool": ["BlobStore", "Domain", "HTTP", "JSON"],
        "Gate": ["Database", "Domain", "Policy", "SystemCalls", "Telemetry", "WorkerPool"],
        "Charge": ["BlobStore", "Crypto", "Database", "Domain"],
        "Store": ["BlobStore", "Database", "Domain"],
        "Endpoints": ["Admission", "Authentication", "Crypto", "Database", "Domain", "HTTP", "JSON"],
        "UploadPipeline": [
            "Admission", "Authentication", "BlobStore", "Charge", "Crypto", "Database", "Domain", "Endpoints", "Gate",
            "HTTP", "Spool", "Store", "SystemCalls", "Telemetry", "WorkerPool",
        ],
        "Buckets": [
            "Admission", "BlobStore", "Charge", "Crypto", "Database", "Domain", "Endpoints", "Execution", "HTTP",
            "Spool",
            "Telemetry", "UploadPipeline",
        ],
        "Tenancy": ["Crypto", "Database", "Domain", "Endpoints", "HTTP", "JSON", "Mail", "Transfer"],
        "Delivery": ["Crypto", "Database", "Domain", "Execution", "Telemetry", "Tenancy", "Transfer"],
        "Maintenance": ["BlobStore", "Crypto", "Database", "Domain", "SystemCalls"],
        "Operations": ["Database", "Domain", "Endpoints", "HTTP", "Telemetry", "WorkerPool"],
        "Server": [
            "Admission", "Alerts", "Authentication", "BlobStore", "Buckets", "Charge", "Crypto", "Database",
            "DatabaseSQLite", "Delivery", "Domain", "Endpoints", "Execution", "Gate", "HTTP", "JSON", "Mail",
            "Maintenance", "Models", "Operations",
            "Policy", "Settings", "Spool",
            "Store", "SystemCalls", "Telemetry", "Tenancy", "Transfer", "UploadPipeline", "WorkerPool",
            "WorkerProtocol",
        ],
    ]

    static let steps: Set<String> = ["Authentication", "Admission", "Spool", "Gate", "Charge", "Store"]

    /// Modules of the toolchain that any module may import.
    static let toolchain: Set<String> = ["Glibc", "Synchronization"]

    /// The module that a path under Sources belongs to.
    static func module(of path: String) -> String? {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count > 2, parts[0] == "Sources" else { return nil }
        return parts[1] == "Steps" || parts[1] == "C" ? parts[2] : parts[1]
    }
}
