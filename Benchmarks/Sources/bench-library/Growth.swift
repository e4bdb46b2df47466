import Glibc
import SpatialIndex

/// Random numbers that are the same on every machine: SplitMix64 (Steele, Lea and Flood 2014).
struct Random {
  var state: UInt64

  mutating func next() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
  }
}

/// Boxes like buildings, 900 to a square kilometre, in random order on a square as large as they need.
func randomBoxes(_ count: Int, seed: UInt64 = 1) -> UnsafeMutableBufferPointer<Box2> {
  let side = (Double(count) / 900).squareRoot() * 1000
  let boxes = UnsafeMutableBufferPointer<Box2>.allocate(capacity: count)
  var random = Random(state: seed)
  for i in 0..<count {
    let (x, y) = (400_000 + side * random.next(), 3_780_000 + side * random.next())
    boxes[i] = Box2(x, y, x + 8 + 24 * random.next(), y + 8 + 24 * random.next())
  }
  return boxes
}

/// How build, windows and nearest grow with the number of boxes: a line of JSON for each size in the arguments.
func benchmarkGrowth(_ sizes: [Int]) {
  for count in sizes {
    let boxes = randomBoxes(count)
    defer { boxes.deallocate() }
    let side = (Double(count) / 900).squareRoot() * 1000
    var times: [String: Double] = [:]
    func time(_ name: String, _ runs: Int, _ work: () -> Void) {
      var best = Double.infinity
      for _ in 0..<runs {
        let start = now()
        work()
        best = min(best, now() - start)
      }
      times[name] = best
    }
    var tree = PackedRTree([Box2]())
    time("build", count > 20_000_000 ? 2 : 3) {
      tree = PackedRTree([Box2]())
      tree = PackedRTree(UnsafeBufferPointer(boxes), workers: threads(1))
    }
    var random = Random(state: 7)
    let places = (0..<10_000).map { _ in (400_000 + side * random.next(), 3_780_000 + side * random.next()) }
    var found: [UInt32] = []
    var hits = 0
    time("windows", 3) {
      hits = 0
      for (x, y) in places {
        found.removeAll(keepingCapacity: true)
        tree.view.append(meeting: Box2(x - 250, y - 250, x + 250, y + 250), to: &found)
        hits += found.count
      }
    }
    var list = NearestList(count: 10)
    var sum = 0.0
    time("nearest", 3) {
      sum = 0
      for (x, y) in places {
        tree.view.nearest(to: Box2(x, y, x, y), into: &list)
        sum += list[list.count - 1].distance
      }
    }
    print(
      #"{"growth":\#(count),"build":\#(times["build"]!),"windows":\#(times["windows"]! / 10_000),"hits":\#(hits),"#
        + #""nearest":\#(times["nearest"]! / 10_000),"sum":\#(sum),"bytes":\#(tree.withBytes { $0.count })}"#)
    fflush(nil)
    withExtendedLifetime(tree) {}
  }
}
