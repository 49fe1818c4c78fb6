/// A part of a canvas, in pixels from its upper left corner.
struct CanvasRectangle: Hashable {
    var left: Int
    var top: Int
    var width: Int
    var height: Int

    /// What of it lies on a canvas of that size; empty where nothing does.
    func clipped(toWidth canvasWidth: Int, height canvasHeight: Int) -> CanvasRectangle {
        let (left, top) = (min(max(0, left), canvasWidth), min(max(0, top), canvasHeight))
        return CanvasRectangle(
            left: left, top: top, width: max(0, min(self.left + width, canvasWidth) - left),
            height: max(0, min(self.top + height, canvasHeight) - top))
    }
}
