internal import CONNXRuntime
internal import Glibc

/// ONNX Runtime's library, loaded at run time, and the one checked entry to its functions. Neither the library nor its
/// environment is ever unloaded: both keep state for as long as the process lives.
@safe struct RuntimeLibrary {
    private let api: UnsafePointer<OrtApi>
    private let environment: OpaquePointer
    /// The library's own version.
    let version: String

    /// Loads the library at `path`; a name without a slash is searched for where the system keeps its libraries.
    init(path: String) throws(ClassifierError) {
        // Some builds of the library report their use to its makers; they read this when they are loaded.
        guard unsafe setenv("ORT_DISABLE_TELEMETRY", "1", 1) == 0 else { throw .outOfMemory }
        guard let handle = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw .runtimeUnavailable(unsafe dlerror().map { unsafe String(cString: $0) } ?? path)
        }
        guard let symbol = unsafe dlsym(handle, "OrtGetApiBase") else {
            throw .runtimeUnavailable("\(path) has no function OrtGetApiBase")
        }
        // The function's type is part of the library's ABI.
        let getBase = unsafe unsafeBitCast(symbol, to: OrtGetApiBaseFunction.self)
        guard let base = unsafe getBase(), let text = unsafe base.pointee.GetVersionString() else {
            throw .runtimeUnavailable("\(path) gives no API")
        }
        version = unsafe String(cString: text)
        guard let api = unsafe base.pointee.GetApi(UInt32(ONNX_RUNTIME_API_VERSION)) else {
            throw .runtimeUnavailable(
                "\(path) has version \(version), which does not offer API version \(ONNX_RUNTIME_API_VERSION)")
        }
        unsafe self.api = api
        var environment: OpaquePointer?
        let level = Int32(ONNX_RUNTIME_LOG_ERROR)
        try unsafe Self.check(api.pointee.CreateEnv(level, "portcullis", &environment), api)
        guard let environment = unsafe environment else { throw .outOfMemory }
        unsafe self.environment = environment
        try unsafe Self.check(api.pointee.DisableTelemetryEvents(environment), api)
    }

    /// Calls a function of the library; throws where it gives a status.
    func call(_ function: (UnsafePointer<OrtApi>) -> OpaquePointer?) throws(ClassifierError) {
        try unsafe Self.check(function(api), api)
    }

    /// Calls a function of the library that makes an object, which the caller owns from then on.
    func make(
        releasing release: @escaping @convention(c) (OpaquePointer?) -> Void,
        _ function: (UnsafePointer<OrtApi>, UnsafeMutablePointer<OpaquePointer?>) -> OpaquePointer?
    ) throws(ClassifierError) -> RuntimeObject {
        var pointer: OpaquePointer?
        try unsafe Self.check(function(api, &pointer), api)
        guard let pointer = unsafe pointer else { throw .outOfMemory }
        return unsafe RuntimeObject(owning: pointer, release: release)
    }

    func makeSession(_ model: [UInt8], options: borrowing RuntimeObject) throws(ClassifierError) -> RuntimeObject {
        let options = unsafe options.pointer
        return try unsafe make(releasing: api.pointee.ReleaseSession) { api, session in
            // The library copies what it needs of the model.
            unsafe model.withUnsafeBytes { bytes in
                unsafe api.pointee.CreateSessionFromArray(
                    environment, bytes.baseAddress, bytes.count, options, session)
            }
        }
    }

    /// The functions that release what `make` made.
    var functions: UnsafePointer<OrtApi> { unsafe api }

    /// The one place where the library's codes become our errors.
    private static func check(_ status: OpaquePointer?, _ api: UnsafePointer<OrtApi>) throws(ClassifierError) {
        guard let status = unsafe status else { return }
        let code = unsafe api.pointee.GetErrorCode(status)
        let message = unsafe api.pointee.GetErrorMessage(status).map { unsafe String(cString: $0) } ?? ""
        unsafe api.pointee.ReleaseStatus(status)
        throw .runtimeFailed(code: code, message: message)
    }
}

/// Something that the library made, released with its owner.
@safe struct RuntimeObject: ~Copyable {
    /// Valid while the object lives.
    let pointer: OpaquePointer
    private let release: @convention(c) (OpaquePointer?) -> Void

    init(owning pointer: OpaquePointer, release: @escaping @convention(c) (OpaquePointer?) -> Void) {
        unsafe self.pointer = pointer
        unsafe self.release = release
    }

    deinit {
        unsafe release(pointer)
    }
}
