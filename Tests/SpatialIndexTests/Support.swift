import SpatialIndex
import TestSupport

/// Layouts of boxes that trees find hard.
enum Layout: String, CaseIterable, Sendable {
  case scattered, points, slivers, duplicates, collinear, nested, outlier, large, huge, gaps

  func boxes<let D: Int>(_ count: Int, seed: UInt64) -> [Box<D>] {
    var random = SplitMix64(seed: seed &* 977 &+ UInt64(count))
    func number(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &random) }
    func box(_ centre: (Int) -> Double, _ half: (Int) -> Double) -> Box<D> {
      var result = Box<D>.empty
      for d in 0..<D {
        let (c, h) = (centre(d), half(d))
        result.min[d] = c - h
        result.max[d] = c + h
      }
      return result
    }
    return (0..<count).map { i in
      switch self {
      case .scattered: box({ _ in number(0...1000) }, { _ in number(0...12) })
      case .points: box({ _ in number(0...1000).rounded() }, { _ in 0 })
      case .slivers: box({ _ in number(0...1000) }, { $0 == i % D ? 200 : 1e-6 })
      case .duplicates: box({ Double((i * 7 + $0) % 5 * 100) }, { _ in 10 })
      case .collinear: box({ _ in Double(i) }, { _ in 0.5 })
      case .nested: box({ _ in 500 }, { _ in Double(count - i) / Double(count) * 500 })
      case .outlier: box({ _ in i == 0 ? 1e12 : number(0...1) }, { _ in 1e-4 })
      case .large: box({ $0 == 0 ? 38_463_374 + number(0...1) : 3_847_120 + number(0...1) }, { _ in 1e-3 })
      case .huge: box({ _ in number(-1...1) * 1e300 }, { _ in 1e298 })
      case .gaps:
        i % 7 == 3
          ? .empty
          : i % 11 == 5
            ? box({ _ in .nan }, { _ in 1 })
            : i % 13 == 6 ? box({ _ in .infinity }, { _ in 0 }) : box({ _ in number(0...1000) }, { _ in 5 })
      }
    }
  }

  /// Windows about as large as what is in the layout, some touching an item exactly.
  func windows<let D: Int>(around boxes: [Box<D>], seed: UInt64) -> [Box<D>] {
    var random = SplitMix64(seed: seed ^ 0xABCD)
    var all = Box<D>.empty
    for box in boxes where hasPlace(box) { all = all.union(box) }
    var result = [all, .empty, infinite()]
    for _ in 0..<6 {
      var window = Box<D>.empty
      for d in 0..<D {
        guard all.min[d] <= all.max[d] else { continue }
        let side = all.max[d] * 0.5 - all.min[d] * 0.5
        let middle = all.min[d] * 0.5 + all.max[d] * 0.5
        let centre = middle + side * Double.random(in: -1.1...1.1, using: &random)
        let half = side * Double.random(in: 0...0.3, using: &random)
        window.min[d] = centre - half
        window.max[d] = centre + half
      }
      result.append(window)
    }
    for _ in 0..<3 {
      guard let box = boxes.randomElement(using: &random), hasPlace(box) else { continue }
      result.append(box)
      // Touches the box's upper corner with its own lower one.
      result.append(Box(min: box.max, max: all.max))
      var beside = box
      beside.min[0] = box.max[0].nextUp
      beside.max[0] = box.max[0].nextUp
      result.append(beside)
    }
    return result
  }
}

func infinite<let D: Int>() -> Box<D> {
  Box(min: InlineArray(repeating: -.infinity), max: InlineArray(repeating: .infinity))
}

/// Whether an index must find the box at all: finite and not inside out.
func hasPlace<let D: Int>(_ box: Box<D>) -> Bool {
  for d in 0..<D where !(box.min[d].isFinite && box.max[d].isFinite && box.min[d] <= box.max[d]) { return false }
  return true
}

let sizes = [0, 1, 2, 15, 16, 17, 255, 256, 257, 700]

func arranged<let D: Int>(_ boxes: [Box<D>]) -> [Box<D>] {
  HilbertOrder.order(of: boxes).map { boxes[Int($0)] }
}

/// Threads are no business of this module; two parts on one thread, last first, find what depends on the order.
let twoBackwards = Workers(count: 2) { count, body in
  for part in (0..<count).reversed() { body(part) }
}
