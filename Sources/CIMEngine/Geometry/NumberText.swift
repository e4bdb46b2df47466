/// Numbers as text: the shortest that reads back to the same double, or a fixed number of decimals at most.
package enum NumberText {
  /// Appends `value` in ASCII. Whole numbers have no point, nothing ends in a zero after the point, -0 is 0.
  ///
  /// - Parameter decimals: the most decimals, rounded half away from zero; nil for the shortest round-trip form, with an
  ///   exponent where Swift writes one (from 2^54 up and below 1e-4).
  /// - Precondition: `value` is finite.
  package static func append(_ value: Double, decimals: Int? = nil, to bytes: inout [UInt8]) {
    if value == 0 {
      bytes.append(UInt8(ascii: "0"))
      return
    }
    if let decimals, decimals <= 15, abs(value) < 1e15 {
      let power = powersOfTen[decimals]
      let scaled = (abs(value) * power).rounded()
      if scaled < 9e15 {
        appendScaled(UInt64(scaled), decimals, isNegative: value < 0, to: &bytes)
        return
      }
    }
    if value == value.rounded(.towardZero) && abs(value) < 9e15 {
      appendScaled(UInt64(abs(value)), 0, isNegative: value < 0, to: &bytes)
      return
    }
    var text = value.description
    if text.hasSuffix(".0") { text.removeLast(2) }
    bytes.append(contentsOf: text.utf8)
  }

  private static func appendScaled(_ scaled: UInt64, _ decimals: Int, isNegative: Bool, to bytes: inout [UInt8]) {
    var (scaled, decimals) = (scaled, decimals)
    while decimals > 0 && scaled % 10 == 0 {
      scaled /= 10
      decimals -= 1
    }
    if isNegative && scaled != 0 { bytes.append(UInt8(ascii: "-")) }
    // Digits from the last to the first: at most 16, with zeros up to the one before the point.
    var digits = InlineArray<40, UInt8>(repeating: 0)
    var count = 0
    repeat {
      if count == decimals && decimals > 0 {
        digits[count] = UInt8(ascii: ".")
        count += 1
        decimals = 0
      }
      digits[count] = UInt8(ascii: "0") + UInt8(scaled % 10)
      scaled /= 10
      count += 1
    } while scaled > 0 || count <= decimals
    while count > 0 {
      count -= 1
      bytes.append(digits[count])
    }
  }

  static let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]
}
