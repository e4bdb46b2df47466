/// How ids are written. Widths hold the numbers of scale 1.
enum CityIDs {
  static func building(_ n: Int, into out: inout CityBytes) { put("B-", n, 7, &out) }
  static func unit(_ n: Int, into out: inout CityBytes) { put("U-", n, 7, &out) }
  static func person(_ n: Int, into out: inout CityBytes) { put("P-", n, 8, &out) }
  static func org(_ n: Int, into out: inout CityBytes) { put("O-", n, 6, &out) }

  @inline(__always)
  static func put(_ prefix: StaticString, _ n: Int, _ width: Int, _ out: inout CityBytes) {
    out.put(prefix)
    out.put(n, width: width)
  }

  static func text(_ prefix: String, _ n: Int, _ width: Int) -> String {
    let digits = String(n)
    return prefix + String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
