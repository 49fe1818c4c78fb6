// swift-tools-version: 6.2
import PackageDescription

// Everything outside the toolchain is a system library behind a C target; there is no Swift package dependency,
// so that the distribution patches whatever parses untrusted bytes. The arrows below point one way, and
// `--explicit-target-dependency-import-check error` (Makefile) plus Tests/TidyTests keep them so.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

func module(_ name: String, _ dependencies: [String] = [], path: String? = nil) -> Target {
    .target(
        name: name, dependencies: dependencies.map { .byName(name: $0) }, path: path ?? "Sources/\(name)",
        swiftSettings: strict)
}

func step(_ name: String, _ dependencies: [String]) -> Target {
    module(name, dependencies, path: "Sources/Steps/\(name)")
}

func program(_ name: String, _ dependencies: [String]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies.map { .byName(name: $0) }, path: "Sources/\(name)",
        swiftSettings: strict)
}

/// Without `pkgConfig` the library is where the compiler looks anyway: libavif's file and libjxl's have flags that
/// SwiftPM refuses.
func system(_ name: String, pkgConfig: String? = nil, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/C/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func shim(_ name: String, linking libraries: String...) -> Target {
    .target(name: name, path: "Sources/C/\(name)", linkerSettings: libraries.map { .linkedLibrary($0) })
}

func tests(_ name: String, _ dependencies: [String]) -> Target {
    .testTarget(
        name: name, dependencies: dependencies.map { .byName(name: $0) }, path: "Tests/\(name)",
        swiftSettings: strict)
}

let package = Package(
    name: "portcullis",
    products: [
        .executable(name: "portcullis", targets: ["Server"]),
        .executable(name: "portcullis-worker", targets: ["Worker"]),
        // For tests only: it is loaded into the unchanged program.
        .library(name: "FaultInjection", type: .dynamic, targets: ["FaultInjection"]),
    ],
    targets: [
        // System libraries and shims: exactly one Swift target imports each.
        shim("CMicrohttpd", linking: "microhttpd"),
        shim("CCurl", linking: "curl"),
        system("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        system("CJansson", pkgConfig: "jansson", apt: "libjansson-dev"),
        system("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
        shim("CJPEG", linking: "jpeg"),
        system("CAVIF", apt: "libavif-dev"),
        system("CTIFF", pkgConfig: "libtiff-4", apt: "libtiff-dev"),
        system("CHEIF", pkgConfig: "libheif", apt: "libheif-dev"),
        system("CDE265", pkgConfig: "libde265", apt: "libde265-dev"),
        system("CJPEGXL", apt: "libjxl-dev"),
        system("CRSVG", pkgConfig: "gobject-2.0", apt: "librsvg2-dev"),
        system("CXML", pkgConfig: "libxml-2.0", apt: "libxml2-dev"),
        shim("CPNG", linking: "png16", "z"),
        system("CGIF", apt: "libgif-dev"),
        system("CWebP", pkgConfig: "libwebpdemux", apt: "libwebp-dev"),
        shim("CONNXRuntime"),
        // Optimized in debug builds too: tests resize pictures of 200 megapixels.
        .target(name: "CResample", path: "Sources/C/CResample", cSettings: [.unsafeFlags(["-O2"])]),
        shim("CSeccomp", linking: "seccomp"),
        shim("CDescriptorPassing"),
        shim("CSystemCalls"),

        // Values and rules.
        module("Domain"),
        module("Policy", ["Domain"]),
        module("JSON", ["CJansson", "Domain"]),
        module("Crypto", ["CCrypto", "Domain"]),
        module("Settings"),
        module("Telemetry", ["Domain"]),
        module("Execution"),

        // Infrastructure.
        module("HTTP", ["CMicrohttpd", "Domain", "Execution", "Telemetry"]),
        module("Database", ["Crypto", "Domain", "JSON"]),
        module("DatabaseSQLite", ["CSQLite", "Database", "Domain", "Execution"]),
        module("BlobStore", ["Crypto", "Domain", "SystemCalls"]),
        module("Models", ["Crypto", "Domain", "JSON"]),
        module("Transfer", ["CCurl"]),
        module("Mail", ["Domain"]),
        module("Alerts", ["Crypto", "Database", "Domain", "Mail", "Telemetry", "Transfer"]),

        // Decode and classify, in a sandboxed process.
        module("WorkerProtocol", ["CDescriptorPassing", "Domain"]),
        module(
            "ImageDecoding",
            [
                "CAVIF", "CDE265", "CGIF", "CHEIF", "CJPEG", "CJPEGXL", "CPNG", "CRSVG", "CTIFF", "CWebP", "CXML",
                "Domain",
            ]),
        module("Classifier", ["CONNXRuntime", "CResample", "Crypto", "Domain", "ImageDecoding", "Models"]),
        module("Sandbox", ["CSeccomp"]),
        module("SystemCalls", ["CSystemCalls"]),
        program(
            "Worker",
            [
                "Classifier", "Crypto", "Domain", "ImageDecoding", "Models", "Sandbox", "SystemCalls",
                "WorkerProtocol",
            ]),
        module("WorkerPool", ["Crypto", "Domain", "Execution", "SystemCalls", "Telemetry", "WorkerProtocol"]),

        // The path of one upload: no step imports another.
        step("Authentication", ["Crypto", "Database", "Domain"]),
        step("Admission", ["Database", "Domain"]),
        step("Spool", ["BlobStore", "Domain", "HTTP", "JSON"]),
        step("Gate", ["Database", "Domain", "Policy", "SystemCalls", "Telemetry", "WorkerPool"]),
        step("Charge", ["BlobStore", "Crypto", "Database", "Domain"]),
        step("Store", ["BlobStore", "Database", "Domain"]),
        module("Endpoints", ["Admission", "Authentication", "Crypto", "Database", "Domain", "HTTP", "JSON"]),
        module(
            "UploadPipeline",
            [
                "Admission", "Authentication", "BlobStore", "Charge", "Crypto", "Database", "Domain", "Endpoints",
                "Gate", "HTTP", "Spool", "Store", "SystemCalls", "Telemetry", "WorkerPool",
            ]),
        module(
            "Buckets",
            [
                "Admission", "BlobStore", "Charge", "Crypto", "Database", "Domain", "Endpoints", "Execution", "HTTP",
                "Spool", "Telemetry", "UploadPipeline",
            ]),
        module("Tenancy", ["Crypto", "Database", "Domain", "Endpoints", "HTTP", "JSON", "Mail", "Transfer"]),
        module(
            "Delivery", ["Crypto", "Database", "Domain", "Execution", "Telemetry", "Tenancy", "Transfer"]),
        module("Maintenance", ["BlobStore", "Crypto", "Database", "Domain", "SystemCalls"]),
        module("Operations", ["Database", "Domain", "Endpoints", "HTTP", "Telemetry", "WorkerPool"]),
        program(
            "Server",
            [
                "Admission", "Alerts", "Authentication", "BlobStore", "Buckets", "Charge", "Crypto", "Database",
                "DatabaseSQLite", "Delivery", "Domain", "Endpoints", "Execution", "Gate", "HTTP", "JSON", "Mail",
                "Maintenance", "Models", "Operations",
                "Policy", "Settings", "Spool",
                "Store", "SystemCalls", "Telemetry", "Tenancy", "Transfer", "UploadPipeline", "WorkerPool",
                "WorkerProtocol",
            ]),

        // Tests.
        .target(
            name: "TestSupport", dependencies: ["Execution"], path: "Tests/TestSupport", swiftSettings: strict),
        tests("DomainTests", ["Domain"]),
        tests("PolicyTests", ["Domain", "Gate", "Policy"]),
        tests("CryptoTests", ["Crypto", "Domain"]),
        .executableTarget(
            name: "StorageTestProcess",
            dependencies: [
                "BlobStore", "Crypto", "Database", "DatabaseSQLite", "Domain", "SystemCalls", "Telemetry",
            ],
            path: "Tests/StorageTestProcess", swiftSettings: strict),
        tests(
            "DatabaseTests",
            [
                "Crypto", "Database", "DatabaseSQLite", "Domain", "Execution", "StorageTestProcess", "TestSupport",
            ]),
        tests(
            "BlobStoreTests",
            [
                "BlobStore", "Crypto", "Database", "DatabaseSQLite", "Domain", "Execution", "StorageTestProcess",
                "SystemCalls", "TestSupport",
            ]),
        tests(
            "MaintenanceTests",
            [
                "Admission", "BlobStore", "Charge", "Crypto", "Database", "DatabaseSQLite", "Domain", "Maintenance",
                "Policy", "SystemCalls", "TestSupport",
            ]),
        tests("JSONTests", ["Domain", "JSON"]),
        tests("AdmissionTests", ["Admission", "Domain"]),
        tests("AuthenticationTests", ["Authentication", "Crypto", "Domain"]),
        tests("EndpointsTests", ["Domain", "Endpoints"]),
        tests("SettingsTests", ["Settings"]),
        tests("ImageDecodingTests", ["Domain", "Fuzz", "ImageDecoding", "TestSupport"]),
        tests("ClassifierTests", ["Classifier", "Domain", "ImageDecoding", "JSON", "Models", "TestSupport"]),
        tests("TelemetryTests", ["Domain", "Telemetry"]),
        tests("TransferTests", ["TestSupport", "Transfer"]),
        tests(
            "DeliveryTests",
            [
                "Crypto", "Database", "DatabaseSQLite", "Delivery", "Domain", "Telemetry", "Tenancy", "TestSupport",
                "Transfer",
            ]),
        tests("MailTests", ["Domain", "Mail", "TestSupport"]),
        tests(
            "AlertTests",
            [
                "Alerts", "Crypto", "Database", "DatabaseSQLite", "Domain", "Mail", "Telemetry", "TestSupport",
                "Transfer",
            ]),
        tests("HTTPTests", ["Domain", "Execution", "HTTP", "Telemetry", "TestSupport"]),
        .target(name: "CRawSystemCall", path: "Tests/CRawSystemCall"),
        .executableTarget(
            name: "HostileWorker",
            dependencies: ["CRawSystemCall", "Domain", "Sandbox", "SystemCalls", "WorkerProtocol"],
            path: "Tests/HostileWorker", swiftSettings: strict),
        .executableTarget(
            name: "PoolHost", dependencies: ["Domain", "SystemCalls", "Telemetry", "WorkerPool", "WorkerProtocol"],
            path: "Tests/PoolHost", swiftSettings: strict),
        tests(
            "WorkerTests",
            [
                "Classifier", "Crypto", "Database", "DatabaseSQLite", "Domain", "Gate", "ImageDecoding", "Models",
                "SystemCalls", "Telemetry", "TestSupport", "WorkerPool", "WorkerProtocol",
            ]),
        .target(name: "CFuzzer", path: "Tests/CFuzzer"),
        .executableTarget(
            name: "Fuzz",
            dependencies: ["CFuzzer", "Domain", "HTTP", "ImageDecoding", "JSON", "SystemCalls", "WorkerProtocol"],
            path: "Tests/Fuzz", exclude: ["Findings"], swiftSettings: strict),
        .target(name: "FaultInjection", path: "Tests/FaultInjection"),
        .executableTarget(name: "LoadGenerator", path: "Tests/LoadGenerator"),
        tests("ServiceTests", ["TestSupport"]),
        tests("ClientTests", ["TestSupport"]),
        tests("TestSupportTests", ["TestSupport"]),
        tests("TidyTests", ["TestSupport"]),
    ]
)
