internal import CONNXRuntime
internal import Models

/// A loaded model with its one input and its one output. Computes on the calling thread alone.
@safe final class InferenceSession {
    private let library: RuntimeLibrary
    var runtimeVersion: String { library.version }
    private let inputName: String
    private let outputName: String
    private let outputIndex: Int
    // In this order: values are released before the buffers that they refer to.
    private let session: RuntimeObject
    private let inputValue: RuntimeObject
    private let outputValue: RuntimeObject
    private let input: TensorBuffer
    private let output: TensorBuffer

    /// - Parameter model: the ONNX file's bytes, with the input and the output that the manifest describes.
    init(_ model: [UInt8], manifest: ModelManifest, library: RuntimeLibrary) throws(ClassifierError) {
        self.library = library
        let options = try Self.makeOptions(library)
        session = try library.makeSession(model, options: options)
        try ModelInspection.check(session, against: manifest, library: library)
        inputName = manifest.input.name
        outputName = manifest.output.name
        outputIndex = manifest.output.index
        let inputShape = manifest.input.shape
        let outputShape = [1, manifest.output.count]
        input = TensorBuffer(shape: inputShape)
        output = TensorBuffer(shape: outputShape)
        inputValue = try Self.makeValue(input, shape: inputShape, library: library)
        outputValue = try Self.makeValue(output, shape: outputShape, library: library)
    }

    /// Lets `fill` write the input tensor, runs the model and gives the score, 0...1.
    func score(_ fill: (UnsafeMutableBufferPointer<Float>) -> Void) throws(ClassifierError) -> Double {
        unsafe fill(input.values)
        try run()
        let score = unsafe Double(output.values[outputIndex])
        guard score.isFinite else { throw .runtimeFailed(code: 0, message: "the model's output is \(score)") }
        return min(1, max(0, score))
    }

    private func run() throws(ClassifierError) {
        let (session, input) = unsafe (session.pointer, inputValue.pointer)
        try unsafe library.call { api in
            unsafe inputName.withCString { inputName in
                unsafe outputName.withCString { outputName in
                    // The library reads each of these arrays of one during the call only, and writes the output's
                    // values into the buffer that the output value refers to.
                    var inputNames: UnsafePointer<CChar>? = unsafe inputName
                    var outputNames: UnsafePointer<CChar>? = unsafe outputName
                    var inputs: OpaquePointer? = unsafe input
                    var outputs: OpaquePointer? = unsafe outputValue.pointer
                    return unsafe api.pointee.Run(
                        session, nil, &inputNames, &inputs, 1, &outputNames, 1, &outputs)
                }
            }
        }
    }

    /// One thread and no spinning: there is one process per core. The memory arena stays on, which is the library's default:
    /// without it a run takes as long and the process holds a tenth more.
    private static func makeOptions(_ library: RuntimeLibrary) throws(ClassifierError) -> RuntimeObject {
        let options = try unsafe library.make(releasing: library.functions.pointee.ReleaseSessionOptions) {
            api, options in unsafe api.pointee.CreateSessionOptions(options)
        }
        let pointer = unsafe options.pointer
        try unsafe library.call { api in unsafe api.pointee.SetIntraOpNumThreads(pointer, 1) }
        try unsafe library.call { api in unsafe api.pointee.SetInterOpNumThreads(pointer, 1) }
        try unsafe library.call { api in
            unsafe api.pointee.SetSessionGraphOptimizationLevel(pointer, Int32(ONNX_RUNTIME_GRAPH_OPTIMIZATION_ALL))
        }
        try unsafe library.call { api in
            unsafe api.pointee.AddSessionConfigEntry(pointer, "session.intra_op.allow_spinning", "0")
        }
        return options
    }

    private static func makeValue(
        _ buffer: borrowing TensorBuffer, shape: [Int], library: RuntimeLibrary
    ) throws(ClassifierError) -> RuntimeObject {
        let memory = try unsafe library.make(releasing: library.functions.pointee.ReleaseMemoryInfo) { api, memory in
            unsafe api.pointee.CreateCpuMemoryInfo(
                Int32(ONNX_RUNTIME_ARENA_ALLOCATOR), Int32(ONNX_RUNTIME_MEMORY_DEFAULT), memory)
        }
        let (values, memoryInfo) = unsafe (buffer.values, memory.pointer)
        let dimensions = shape.map(Int64.init)
        return try unsafe library.make(releasing: library.functions.pointee.ReleaseValue) { api, value in
            unsafe api.pointee.CreateTensorWithDataAsOrtValue(
                memoryInfo, values.baseAddress, values.count * MemoryLayout<Float>.stride, dimensions,
                dimensions.count, Int32(ONNX_RUNTIME_ELEMENT_FLOAT), value)
        }
    }
}
