internal import Glibc

enum Circle {
  /// A closed ring on the circle, counter-clockwise, x0, y0, x1, y1, ….
  static func ring(_ x: Double, _ y: Double, radius: Double, corners: Int) -> [Double] {
    var result: [Double] = []
    for i in 0...corners {
      let angle = 2 * Double.pi * Double(i % corners) / Double(corners)
      result.append(x + radius * cos(angle))
      result.append(y + radius * sin(angle))
    }
    return result
  }
}
