/// A sum of doubles that is exact until it is read: the result is rounded once, so it does not depend on the order in
/// which values were added, nor on how many threads added them.
///
/// Values of everyday size go into a 128-bit fixed-point number with 63 bits behind the point. Others (tiny or huge) go
/// into ``WideSum``, which holds any double.
struct ExactSum {
  /// Whole part.
  private(set) var high: Int64 = 0
  /// Fraction in units of 2⁻⁶³, below 2⁶³.
  private(set) var low: UInt64 = 0
  /// None or one: an array takes eight bytes in each of millions of sums, a WideSum thirty-two.
  private var wideSum: [WideSum] = []
  var wide: WideSum? { wideSum.first }

  @inline(__always)
  mutating func add(_ value: Double) {
    let size = abs(value)
    // Below 2³¹ four billion of them fit; from 2⁻¹¹ on no bit lies behind the 63rd place.
    if size < 0x1p31, size >= 0x1p-11 {
      // Of the size, because 1 - 0.1 would be rounded.
      let whole = size.rounded(.down)
      let fraction = UInt64((size - whole) * 0x1p63)
      if value > 0 {
        low &+= fraction
        high &+= Int64(whole) &+ Int64(low >> 63)
      } else {
        low &-= fraction
        high &-= Int64(whole) &+ Int64(low >> 63)
      }
      low &= 1 << 63 - 1
    } else if value != 0 {
      addWide(value)
    }
  }

  @inline(never)
  private mutating func addWide(_ value: Double) {
    if wideSum.isEmpty { wideSum.append(WideSum()) }
    wideSum[0].add(value)
  }

  mutating func add(_ other: ExactSum) {
    low &+= other.low
    high &+= other.high &+ Int64(low >> 63)
    low &= 1 << 63 - 1
    if let theirs = other.wide {
      if wideSum.isEmpty { wideSum.append(WideSum()) }
      wideSum[0].add(theirs)
    }
  }

  /// The sum, rounded to the nearest double.
  var value: Double {
    if wideSum.isEmpty, low & 0x3FF == 0, high >= -(1 << 43), high < 1 << 43 {
      // Whole part and fraction each fit a double, and so does their sum but for one rounding.
      return Double(high) + Double(low) * 0x1p-63
    }
    var all = wide ?? WideSum()
    all.add(Double(high >> 32) * 0x1p32)
    all.add(Double(high & 0xFFFF_FFFF))
    all.add(Double(low >> 31) * 0x1p-32)
    all.add(Double(low & 0x7FFF_FFFF) * 0x1p-63)
    return all.value
  }
}

/// Exact accumulation of any doubles: digits of 32 bits over the whole range of exponents, each in a 64-bit cell, so that
/// two billion values can be added before a carry must run.
///
/// R. M. Neal, "Fast exact summation using small and large superaccumulators", 2015.
struct WideSum {
  /// Cell i counts units of 2^(32 i - 1088).
  private var cells: [Int64] = Array(repeating: 0, count: 68)
  private var pending = 0
  /// Values that are not finite make the sum so.
  private var notFinite: Double?

  mutating func add(_ value: Double) {
    guard value.isFinite else {
      notFinite = (notFinite ?? 0) + value
      return
    }
    if value == 0 { return }
    let exponent = Int(value.exponentBitPattern)
    var mantissa = value.significandBitPattern
    if exponent > 0 { mantissa |= 1 << 52 }
    // value = mantissa · 2^(max(exponent, 1) - 1075)
    let shift = max(exponent, 1) - 1075 + 1088
    let (cell, bit) = (shift >> 5, UInt64(shift & 31))
    let sign: Int64 = value.sign == .minus ? -1 : 1
    let low = mantissa << bit & 0xFFFF_FFFF
    let rest = bit == 0 ? mantissa >> 32 : mantissa >> (32 - bit)
    cells[cell] += sign * Int64(low)
    cells[cell + 1] += sign * Int64(rest & 0xFFFF_FFFF)
    cells[cell + 2] += sign * Int64(rest >> 32)
    pending += 1
    if pending == 1 << 29 { carry() }
  }

  mutating func add(_ other: WideSum) {
    var other = other
    other.carry()
    carry()
    for i in cells.indices { cells[i] += other.cells[i] }
    if let theirs = other.notFinite { notFinite = (notFinite ?? 0) + theirs }
    pending = 2
  }

  /// Brings all cells but the highest into 0 ..< 2³².
  private mutating func carry() {
    for i in 0..<cells.count - 1 {
      let over = cells[i] >> 32
      cells[i] -= over << 32
      cells[i + 1] += over
    }
    pending = 0
  }

  /// Rounded to nearest, ties to even.
  var value: Double {
    if let notFinite { return notFinite }
    var sum = self
    sum.carry()
    let negative = sum.cells[67] < 0
    if negative {
      for i in sum.cells.indices { sum.cells[i] = -sum.cells[i] }
      sum.carry()
    }
    guard let top = sum.cells.lastIndex(where: { $0 != 0 }) else { return 0 }
    // The leading 96 bits, and whether anything lies below.
    var bits = UInt128(sum.cells[top])
    var cell = top
    while cell > max(0, top - 2) {
      cell -= 1
      bits = bits << 32 | UInt128(sum.cells[cell])
    }
    let isInexact = cell > 0 && sum.cells[..<cell].contains { $0 != 0 }
    let exponent = 32 * cell - 1088
    let width = 128 - bits.leadingZeroBitCount
    // Subnormal results keep fewer bits.
    let kept = min(53, width + exponent + 1074)
    if kept <= 0 { return 0 }
    let dropped = width - kept
    var mantissa = bits
    if dropped > 0 {
      let rest = bits & (1 << UInt128(dropped) - 1)
      let half: UInt128 = 1 << UInt128(dropped - 1)
      mantissa = bits >> UInt128(dropped)
      if rest > half || (rest == half && (isInexact || mantissa & 1 == 1)) { mantissa += 1 }
    }
    let scaled = Double(
      sign: .plus, exponent: exponent + max(0, dropped), significand: Double(UInt64(truncatingIfNeeded: mantissa)))
    return negative ? -scaled : scaled
  }
}
