/// A sum of doubles that is exact until it is read: the result is rounded once, so it does not depend on the order in
/// which values were added, nor on how many threads added them.
///
/// Values of everyday size go into a 128-bit fixed-point number with 63 bits behind the point. Others (tiny or huge) go
/// into ``WideSum``, which holds any double.
struct ExactSum {
  /// In units of 2⁻⁶³.
  private var fixed: Int128 = 0
  /// None or one: an array takes eight bytes in each of millions of sums, a WideSum thirty-two.
  private var wideSum: [WideSum] = []
  var wide: WideSum? { wideSum.first }

  init() {}

  /// - Parameter fixed: in units of 2⁻⁶³.
  init(fixed: Int128, wide: WideSum?) {
    self.fixed = fixed
    wideSum = wide.map { [$0] } ?? []
  }

  /// Whether ``fixed(_:)`` takes a value. Below 2³¹ four billion of them fit; from 2⁻¹¹ on no bit lies behind the 63rd
  /// place.
  @inline(__always)
  static func isFixed(_ value: Double) -> Bool {
    let size = abs(value)
    return size < 0x1p31 && size >= 0x1p-11
  }

  /// A value in units of 2⁻⁶³.
  ///
  /// - Precondition: ``isFixed(_:)``.
  @inline(__always)
  static func fixed(_ value: Double) -> Int128 {
    // Moved up until its last bit stands for 2⁻⁶³: value = mantissa · 2^(exponent - 1075), with exponent from 1012 on.
    let bits = value.bitPattern
    let mantissa = bits & 0xF_FFFF_FFFF_FFFF | 1 << 52
    let shift = (bits >> 52 & 0x7FF) &- 1012
    let size = Int128(truncatingIfNeeded: UInt128(truncatingIfNeeded: mantissa) &<< UInt128(truncatingIfNeeded: shift))
    let sign = Int128(truncatingIfNeeded: Int64(bitPattern: bits) >> 63)
    return (size ^ sign) &- sign
  }

  @inline(__always)
  mutating func add(_ value: Double) {
    if ExactSum.isFixed(value) {
      fixed &+= ExactSum.fixed(value)
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
    fixed &+= other.fixed
    if let theirs = other.wide {
      if wideSum.isEmpty { wideSum.append(WideSum()) }
      wideSum[0].add(theirs)
    }
  }

  /// The sum, rounded to the nearest double.
  var value: Double {
    if wideSum.isEmpty { return ExactSum.rounded(fixed) }
    let high = Int64(truncatingIfNeeded: fixed >> 63)
    let low = UInt64(truncatingIfNeeded: fixed) & (1 << 63 - 1)
    var all = wide ?? WideSum()
    all.add(Double(high >> 32) * 0x1p32)
    all.add(Double(high & 0xFFFF_FFFF))
    all.add(Double(low >> 31) * 0x1p-32)
    all.add(Double(low & 0x7FFF_FFFF) * 0x1p-63)
    return all.value
  }

  /// To nearest, ties to even.
  private static func rounded(_ fixed: Int128) -> Double {
    let size = fixed.magnitude
    if size == 0 { return 0 }
    // The leading 64 bits; what lies below only decides ties, so one bit stands for it.
    let shift = max(0, 64 - size.leadingZeroBitCount)
    var leading = UInt64(truncatingIfNeeded: size >> UInt128(shift))
    if size & (1 << UInt128(shift) - 1) != 0 { leading |= 1 }
    let value = Double(sign: .plus, exponent: shift - 63, significand: Double(leading))
    return fixed < 0 ? -value : value
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
