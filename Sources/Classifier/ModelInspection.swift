internal import CONNXRuntime
internal import Glibc
internal import Models

/// Compares what a model takes and gives with what its manifest says, so that a wrong manifest is an error at the start
/// and not a wrong score.
enum ModelInspection {
    static func check(
        _ session: borrowing RuntimeObject, against manifest: ModelManifest, library: RuntimeLibrary
    ) throws(ClassifierError) {
        let pointer = unsafe session.pointer
        let input = try unsafe Tensor(input: pointer, library: library)
        let output = try unsafe Tensor(output: pointer, library: library)
        try input.check(name: manifest.input.name, shape: manifest.input.shape, role: "input", manifest)
        try output.check(name: manifest.output.name, shape: [1, manifest.output.count], role: "output", manifest)
    }

    /// The first input or output of a session.
    private struct Tensor {
        var count = 0
        var name = ""
        var elementType: Int32 = 0
        /// A dimension that is free has a negative size.
        var dimensions: [Int64] = []

        init(input session: OpaquePointer, library: RuntimeLibrary) throws(ClassifierError) {
            try unsafe library.call { api in unsafe api.pointee.SessionGetInputCount(session, &count) }
            guard count > 0 else { return }
            name = try unsafe Self.name(library) { api, allocator, name in
                unsafe api.pointee.SessionGetInputName(session, 0, allocator, name)
            }
            let info = try unsafe library.make(releasing: library.functions.pointee.ReleaseTypeInfo) { api, info in
                unsafe api.pointee.SessionGetInputTypeInfo(session, 0, info)
            }
            try read(info, library)
        }

        init(output session: OpaquePointer, library: RuntimeLibrary) throws(ClassifierError) {
            try unsafe library.call { api in unsafe api.pointee.SessionGetOutputCount(session, &count) }
            guard count > 0 else { return }
            name = try unsafe Self.name(library) { api, allocator, name in
                unsafe api.pointee.SessionGetOutputName(session, 0, allocator, name)
            }
            let info = try unsafe library.make(releasing: library.functions.pointee.ReleaseTypeInfo) { api, info in
                unsafe api.pointee.SessionGetOutputTypeInfo(session, 0, info)
            }
            try read(info, library)
        }

        private static func name(
            _ library: RuntimeLibrary,
            _ function: (
                UnsafePointer<OrtApi>, OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
            ) -> OpaquePointer?
        ) throws(ClassifierError) -> String {
            var allocator: OpaquePointer?
            var text: UnsafeMutablePointer<CChar>?
            // The default allocator is the library's own, not to be released; what it allocated goes back to it.
            try unsafe library.call { api in unsafe api.pointee.GetAllocatorWithDefaultOptions(&allocator) }
            try unsafe library.call { api in unsafe function(api, allocator, &text) }
            let name = unsafe text.map { unsafe String(cString: $0) } ?? ""
            try unsafe library.call { api in unsafe api.pointee.AllocatorFree(allocator, text) }
            return name
        }

        private mutating func read(_ info: borrowing RuntimeObject, _ library: RuntimeLibrary) throws(ClassifierError) {
            let info = unsafe info.pointer
            var kind: Int32 = 0
            try unsafe library.call { api in unsafe api.pointee.GetOnnxTypeFromTypeInfo(info, &kind) }
            guard kind == Int32(ONNX_RUNTIME_TYPE_TENSOR) else { return }
            // Belongs to the type information.
            var shape: OpaquePointer?
            try unsafe library.call { api in unsafe api.pointee.CastTypeInfoToTensorInfo(info, &shape) }
            try unsafe library.call { api in unsafe api.pointee.GetTensorElementType(shape, &elementType) }
            var rank = 0
            try unsafe library.call { api in unsafe api.pointee.GetDimensionsCount(shape, &rank) }
            dimensions = Array(repeating: 0, count: rank)
            try unsafe library.call { api in unsafe api.pointee.GetDimensions(shape, &dimensions, rank) }
        }

        func check(
            name expectedName: String, shape: [Int], role: String, _ manifest: ModelManifest
        ) throws(ClassifierError) {
            let fits = dimensions.count == shape.count && zip(dimensions, shape).allSatisfy { $0 < 0 || $0 == $1 }
            guard count == 1, name == expectedName, elementType == Int32(ONNX_RUNTIME_ELEMENT_FLOAT), fits else {
                throw .modelUnusable(
                    "\(manifest.modelPath): the model has \(count) \(role)(s), the first \"\(name)\" with shape "
                        + "\(dimensions) and element type \(elementType); the manifest says one, \"\(expectedName)\" "
                        + "with shape \(shape) and element type 1 (float)")
            }
        }
    }
}
