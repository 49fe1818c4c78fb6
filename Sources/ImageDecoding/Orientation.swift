/// How a stored picture has to be turned to be looked at (the EXIF tag of the same name and numbers).
package enum Orientation: UInt8, CaseIterable, Sendable {
    case upright = 1
    case mirrored = 2
    case upsideDown = 3
    case mirroredUpsideDown = 4
    case transposed = 5
    /// To be turned by 90° clockwise.
    case turnedLeft = 6
    case transversed = 7
    /// To be turned by 90° counterclockwise.
    case turnedRight = 8

    /// Whether stored rows are columns of the picture that is looked at.
    package var swapsAxes: Bool { rawValue >= 5 }

    /// Whether the first stored column belongs to the picture's far edge (its right, or its bottom where axes swap).
    package var reversesColumns: Bool {
        switch self {
        case .mirrored, .upsideDown, .transversed, .turnedRight: true
        case .upright, .mirroredUpsideDown, .transposed, .turnedLeft: false
        }
    }

    /// Whether the first stored row belongs to the picture's far edge (its bottom, or its right where axes swap).
    package var reversesRows: Bool {
        switch self {
        case .upsideDown, .mirroredUpsideDown, .turnedLeft, .transversed: true
        case .upright, .mirrored, .transposed, .turnedRight: false
        }
    }
}
