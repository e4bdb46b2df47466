import Glibc
import SpatialIndex
import TestSupport

@testable import CIMEngine

/// Random valid geometries, most of them on a small lattice so that they touch, overlap and line up often.
struct Shapes {
  var random: SplitMix64
  /// Lattice points a side.
  var side = 8
  /// Coordinates are `origin + step * lattice`.
  var origin = 0.0
  var step = 1.0

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func int(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
  mutating func coordinate() -> Double { origin + step * Double(int(0..<side)) }

  mutating func point() -> Geometry { .point(coordinate(), coordinate()) }

  mutating func multiPoint() -> Geometry {
    var result = Geometry(kind: .multiPoint)
    for _ in 0..<int(1..<5) { result.appendPart(rings: [[coordinate(), coordinate()]]) }
    return result
  }

  mutating func path() -> [Double] {
    var xy = [coordinate(), coordinate()]
    let length = int(2..<7)
    while xy.count < 2 * length {
      let (x, y) = (coordinate(), coordinate())
      if int(0..<8) == 0 {  // A duplicate vertex now and then.
        xy += xy.suffix(2)
      } else if x != xy[xy.count - 2] || y != xy[xy.count - 1] {
        xy += [x, y]
      }
    }
    if xy.chunks().allSatisfy({ $0 == (xy[0], xy[1]) }) { xy += [xy[0] + step, xy[1]] }
    return xy
  }

  mutating func line() -> Geometry { .line(path()) }

  mutating func multiLine() -> Geometry {
    var result = Geometry(kind: .multiLineString)
    for _ in 0..<int(1..<4) { result.appendPart(rings: [path()]) }
    return result
  }

  /// A ring of lattice points sorted round their middle: simple unless points line up with it.
  mutating func ring() -> [Double] {
    let count = int(3..<9)
    var points: [(Double, Double)] = (0..<count).map { _ in (coordinate(), coordinate()) }
    let cx = points.reduce(0) { $0 + $1.0 } / Double(count)
    let cy = points.reduce(0) { $0 + $1.1 } / Double(count)
    points.sort { atan2($0.1 - cy, $0.0 - cx) < atan2($1.1 - cy, $1.0 - cx) }
    if int(0..<2) == 0 { points.reverse() }
    if int(0..<6) == 0 { points.insert(points[1], at: 1) }
    points.append(points[0])
    return points.flatMap { [$0.0, $0.1] }
  }

  mutating func rectangle() -> Geometry {
    while true {
      let (a, b, c, d) = (coordinate(), coordinate(), coordinate(), coordinate())
      if a != c && b != d { return .rectangle(.init(min(a, c), min(b, d), max(a, c), max(b, d))) }
    }
  }

  /// Valid by the word of GEOS.
  mutating func polygon() throws -> Geometry {
    if int(0..<3) == 0 { return rectangle() }
    while true {
      var rings = [ring()]
      if int(0..<3) == 0 { rings.append(ring()) }
      let polygon = Geometry.polygon(rings)
      if try GEOSGeometry(polygon).isValid() { return polygon }
    }
  }

  /// A polygon that leaves whole lattice cells out, as holes, notches and islands.
  mutating func cells() throws -> Geometry {
    while true {
      let box = try GEOSGeometry(.rectangle(.init(origin, origin, origin + step * 6, origin + step * 6)))
      let result = try box.difference(GEOSGeometry(multiPolygon(4))).geometry()
      // Corners cut off by rounding may spoil it far from the origin.
      if !result.isEmpty, result.kind != .geometryCollection, try GEOSGeometry(result).isValid() { return result }
    }
  }

  mutating func multiPolygon(_ most: Int = 3) throws -> Geometry {
    while true {
      var result = try GEOSGeometry(polygon())
      for _ in 1..<max(2, int(1..<most + 1)) { result = try result.union(GEOSGeometry(polygon())) }
      if try result.isValid() { return try result.geometry() }
    }
  }

  mutating func any() throws -> Geometry {
    switch int(0..<9) {
    case 0: point()
    case 1: multiPoint()
    case 2: line()
    case 3: multiLine()
    case 4: rectangle()
    case 5, 6: try polygon()
    case 7: try cells()
    default: try multiPolygon()
    }
  }
}

extension Array where Element == Double {
  func chunks() -> [(Double, Double)] { stride(from: 0, to: count, by: 2).map { (self[$0], self[$0 + 1]) } }
}
