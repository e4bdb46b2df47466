/// Which way three points turn, decided exactly.
///
/// A floating-point filter answers nearly always; when it cannot, the determinant is summed exactly as an expansion.
/// Shewchuk, Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates, 1997,
/// doi:10.1007/PL00009321. Exact unless a product under- or overflows (coordinates beyond 1e-140 or 1e150).
enum Orientation {
  /// (3 + 16 ε) ε with ε = 2^-53: the error bound of the filter for the determinant below.
  @usableFromInline static let errorBound = 3.330669073875471621e-16

  /// Twice the signed area of the triangle a, b, c: positive when c lies left of a → b, zero exactly when the three
  /// are collinear, negative when c lies right. The sign is exact, the size is rounded.
  @inline(__always)
  static func turn(
    _ ax: Double, _ ay: Double, _ bx: Double, _ by: Double, _ cx: Double, _ cy: Double
  ) -> Double {
    let left = (ax - cx) * (by - cy)
    let right = (ay - cy) * (bx - cx)
    let determinant = left - right
    if abs(determinant) >= errorBound * (abs(left) + abs(right)) { return determinant }
    return exactTurn(ax, ay, bx, by, cx, cy)
  }

  /// The determinant without a filter.
  @inline(never)
  static func exactTurn(
    _ ax: Double, _ ay: Double, _ bx: Double, _ by: Double, _ cx: Double, _ cy: Double
  ) -> Double {
    // (a - c) × (b - c), each difference kept as a rounded value and its exact error.
    let (ax1, ax0) = twoDifference(ax, cx)
    let (ay1, ay0) = twoDifference(ay, cy)
    let (bx1, bx0) = twoDifference(bx, cx)
    let (by1, by0) = twoDifference(by, cy)
    var sum = Expansion()
    sum.add(product: ax1, by1)
    sum.add(product: -ay1, bx1)
    if ax0 != 0 || ay0 != 0 || bx0 != 0 || by0 != 0 {
      sum.add(product: ax1, by0)
      sum.add(product: ax0, by1)
      sum.add(product: ax0, by0)
      sum.add(product: -ay1, bx0)
      sum.add(product: -ay0, bx1)
      sum.add(product: -ay0, bx0)
    }
    return sum.estimate
  }

  /// a - b as a rounded value and the error of the rounding.
  @inline(__always)
  static func twoDifference(_ a: Double, _ b: Double) -> (Double, Double) {
    let difference = a - b
    let bVirtual = a - difference
    let aVirtual = difference + bVirtual
    return (difference, (a - aVirtual) + (bVirtual - b))
  }
}

/// An exact sum of doubles, kept as components that do not overlap, smallest first.
struct Expansion {
  /// Eight products of two components each.
  private var parts = InlineArray<16, Double>(repeating: 0)
  private var count = 0

  @inline(__always)
  mutating func add(product a: Double, _ b: Double) {
    let product = a * b
    add((-product).addingProduct(a, b))
    add(product)
  }

  /// Grow-expansion with zeros left out.
  mutating func add(_ value: Double) {
    var carry = value
    var kept = 0
    for i in 0..<count {
      let part = parts[i]
      let sum = carry + part
      let virtual = sum - carry
      let error = (carry - (sum - virtual)) + (part - virtual)
      if error != 0 {
        parts[kept] = error
        kept += 1
      }
      carry = sum
    }
    if carry != 0 && kept < 16 {
      parts[kept] = carry
      kept += 1
    }
    count = kept
  }

  /// The sum rounded to a double; its sign is that of the exact sum.
  var estimate: Double {
    var sum = 0.0
    for i in 0..<count { sum += parts[i] }
    return sum
  }
}
