import CSystemCalls

/// The program that runs, or a library that it has loaded.
package struct LoadedObject: Sendable {
    package let path: String
    /// What its linker gave it, the same for the same build only; nil where it has none.
    package let buildID: [UInt8]?

    /// All of this process, at this moment.
    package static func all() -> [LoadedObject] {
        var objects: [LoadedObject] = []
        // The list outlives the call, which uses it on this thread only; path and ID are copied while they are valid.
        unsafe withUnsafeMutablePointer(to: &objects) { list in
            unsafe csystemcalls_each_object(
                { context, path, identity, size in
                    guard let context = unsafe context, let path = unsafe path else { return }
                    let name = unsafe String(cString: path)
                    var identifier: [UInt8]?
                    if let identity = unsafe identity, size > 0 {
                        identifier = unsafe Array(UnsafeBufferPointer(start: identity, count: size))
                    }
                    unsafe context.assumingMemoryBound(to: [LoadedObject].self).pointee.append(
                        LoadedObject(path: name.isEmpty ? "/proc/self/exe" : name, buildID: identifier))
                }, list)
        }
        return objects
    }
}
