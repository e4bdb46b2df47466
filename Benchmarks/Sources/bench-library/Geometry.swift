import CIMEngine
import SpatialIndex

/// Polygons of one ring each from the flat arrays of the workload.
func polygons(_ name: String, boxes: UnsafePointer<Box2>? = nil) -> GeometryStorage {
  let (xy, offsets) = (workload.doubles("\(name)_xy"), workload.integers("\(name)_off"))
  let count = offsets.count - 1
  let kinds = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
  kinds.initialize(repeating: GeometryKind.polygon.rawValue, count: count)
  let parts = UnsafeMutablePointer<UInt32>.allocate(capacity: count + 1)
  let rings = UnsafeMutablePointer<UInt32>.allocate(capacity: count + 1)
  for i in 0...count {
    parts[i] = UInt32(i)
    rings[i] = UInt32(offsets[i])
  }
  var boxes = boxes
  if boxes == nil {
    let own = UnsafeMutablePointer<Box2>.allocate(capacity: max(1, count))
    for row in 0..<count {
      var box = Box2.empty
      for vertex in offsets[row]..<offsets[row + 1] {
        let (x, y) = (xy[2 * vertex], xy[2 * vertex + 1])
        box = box.union(Box2(x, y, x, y))
      }
      own[row] = box
    }
    boxes = UnsafePointer(own)
  }
  return GeometryStorage(
    kinds: kinds, geometryOffsets: parts, partOffsets: parts, ringOffsets: rings, xy: xy.baseAddress!, z: nil,
    boxes: boxes, count: count, collections: { _ in nil })
}

/// E, F and I: the index and the geometry kernels together.
func benchmarkGeometry() {
  if harness.wants("E") || harness.wants("I") {
    let coordinates = workload.doubles("bld_bbox")
    let boxes = UnsafeRawPointer(coordinates.baseAddress!).assumingMemoryBound(to: Box2.self)
    let tree = PackedRTree(UnsafeBufferPointer(start: boxes, count: coordinates.count / 4))
    let buildings = IndexedLayer(polygons("bld", boxes: boxes), tree: tree.view)
    defer { withExtendedLifetime(tree) {} }

    nonisolated(unsafe) let hazards = workload.doubles("hazards_xy")
    for count in [1, 2] {
      harness.measure("E", threads: count) {
        sum(threads(count), hazards.count / 2) { range in
          var rows: [UInt32] = []
          var total = 0
          for i in range {
            rows.removeAll(keepingCapacity: true)
            buildings.append(within: 500, of: .point(hazards[2 * i], hazards[2 * i + 1]), to: &rows)
            total += rows.count
          }
          return Double(total)
        }
      }
    }

    let floods = polygons("flood")
    for count in [1, 2] {
      harness.measure("I", threads: count) {
        sum(threads(count), floods.count) { range in
          var rows: [UInt32] = []
          var total = 0
          for i in range {
            rows.removeAll(keepingCapacity: true)
            buildings.append(intersecting: floods.view(i)!.copy(), to: &rows)
            total += rows.count
          }
          return Double(total)
        }
      }
    }
  }

  guard harness.wants("F") else { return }
  let grids = polygons("grid")
  nonisolated(unsafe) let units = workload.doubles("units_xy")
  for count in [1, 2] {
    let workers = threads(count)
    harness.measure("F", threads: count, note: "cells built each time") {
      let join = PointsInPolygons(grids, workers: workers)
      return sum(workers, units.count / 2) { range in
        var counts = [Int](repeating: 0, count: grids.count)
        let points = UnsafeBufferPointer(rebasing: units[2 * range.lowerBound..<2 * range.upperBound])
        return counts.withUnsafeMutableBufferPointer { Double(join.count(points: points, into: $0)) }
      }
    }
  }
}
