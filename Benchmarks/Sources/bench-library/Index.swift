import Glibc
import SpatialIndex

/// A to D: what the index does alone.
func benchmarkIndex() {
  guard ["A", "B", "C", "Cp", "D"].contains(where: harness.wants) else { return }
  nonisolated(unsafe) let coordinates = workload.doubles("bld_bbox")
  let boxes = UnsafeBufferPointer(
    start: UnsafeRawPointer(coordinates.baseAddress!).assumingMemoryBound(to: Box2.self),
    count: coordinates.count / 4)
  var tree = PackedRTree([Box2]())
  for count in [1, 2] {
    let workers = threads(count)
    harness.measure("A", threads: count, note: "packed Hilbert R-tree") {
      tree = PackedRTree(boxes, workers: workers)
      return Double(tree.count)
    }
  }
  if tree.count == 0 { tree = PackedRTree(boxes, workers: threads(1)) }
  let view = tree.view

  nonisolated(unsafe) let windows = workload.doubles("win_c")
  for count in [1, 2] {
    harness.measure("B", threads: count) {
      let order = HilbertOrder.order(ofPoints: windows)
      return sum(threads(count), windows.count / 2) { range in
        var hits: [UInt32] = []
        var total = 0
        for j in range {
          let i = Int(order[j])
          let (x, y) = (windows[2 * i], windows[2 * i + 1])
          hits.removeAll(keepingCapacity: true)
          view.append(meeting: Box2(x - 250, y - 250, x + 250, y + 250), to: &hits)
          total += hits.count
        }
        return Double(total)
      }
    }
  }

  nonisolated(unsafe) let queries = workload.doubles("knn_q")
  nonisolated(unsafe) let centroids = workload.doubles("bld_c")
  let points = PackedRTree<2>(points: centroids, workers: threads(1))
  for (operation, view) in [("C", view), ("Cp", points.view)] {
    for count in [1, 2] {
      harness.measure(operation, threads: count) {
        let order = HilbertOrder.order(ofPoints: queries)
        return sum(threads(count), queries.count / 2) { range in
          var list = NearestList(count: 10)
          var total = 0.0
          for j in range {
            let i = Int(order[j])
            let (x, y) = (queries[2 * i], queries[2 * i + 1])
            view.nearest(to: Box2(x, y, x, y), into: &list)
            for k in 0..<list.count { total += list[k].distance }
          }
          return total
        }
      }
    }
  }

  nonisolated(unsafe) let shelters = workload.doubles("shelters_xy")
  for count in [1, 2] {
    harness.measure("D", threads: count) {
      let shelterTree = PackedRTree<2>(points: shelters)
      let view = shelterTree.view
      let order = HilbertOrder.order(ofPoints: centroids, workers: threads(count))
      return order.withUnsafeBufferPointer { order in
        nonisolated(unsafe) let order = order
        return sum(threads(count), order.count) { range in
          var total = 0.0
          view.forEachNearest(to: centroids, order: UnsafeBufferPointer(rebasing: order[range]), count: 1) {
            total += $1[0].distance
          }
          return total
        }
      }
    }
  }
  withExtendedLifetime((tree, points)) {}
}
