/// Undoes the multiplication of colours with alpha.
enum AlphaDivision {
    /// Divides the colours of `count` pixels, each 4 bytes of RGB and alpha. Where alpha is 0 they stay as they are.
    static func divide(_ pixels: UnsafeMutablePointer<UInt8>, count: Int) {
        for pixel in 0..<count {
            // In bounds: as many pixels as the caller says.
            let alpha = unsafe Int(pixels[pixel * 4 + 3])
            guard alpha > 0, alpha < 255 else { continue }
            for channel in pixel * 4..<pixel * 4 + 3 {
                unsafe pixels[channel] = UInt8(min(255, (Int(pixels[channel]) * 255 + alpha / 2) / alpha))
            }
        }
    }
}
