import Glibc
import Testing

@testable import CIMEngine

@Suite("Generator: writing numbers")
struct CityBytesTests {
  private func text(_ body: (inout CityBytes) -> Void) -> String {
    var out = CityBytes(capacity: 1)
    body(&out)
    return out.withBytes { String(decoding: $0, as: UTF8.self) }
  }

  @Test(
    "Fixed decimals lose trailing zeros but one",
    arguments: [
      (1_800, 2, "18.0"), (665, 2, "6.65"), (-30, 2, "-0.3"), (-5, 2, "-0.05"), (0, 3, "0.0"),
      (1_000_001, 3, "1000.001"),
      (463_373_915, 3, "463373.915"), (Int.max, 3, "9223372036854775.807"), (Int.min, 1, "-922337203685477580.8"),
    ])
  func decimals(value: Int, decimals: Int, expected: String) {
    #expect(text { $0.put(value, decimals: decimals) } == expected)
  }

  @Test("Integers as Swift prints them")
  func integers() {
    for value in [0, 1, 9, 10, 99, 100, 410_105_003_012_007, -1, -10, Int.max, Int.min] {
      #expect(text { $0.put(value) } == "\(value)")
    }
    #expect(text { $0.put(42, width: 7) } == "0000042")
    #expect(text { $0.put(12_345_678, width: 7) } == "12345678")
  }

  @Test("A buffer grows and keeps what it has")
  func grows() {
    let long = text { out in for i in 0..<5_000 { out.put(i); out.put(",") } }
    #expect(long == (0..<5_000).map { "\($0)," }.joined())
  }

  @Test("GB18030 is what iconv reads back")
  func gb18030() throws {
    var out = CityBytes()
    out.put("王伟某,郑州\n")
    let encoded = try out.encodedGB18030()
    let bytes = encoded.withBytes { Array($0) }
    #expect(bytes.starts(with: [0xCD, 0xF5]) && bytes.count == 12)
  }

  @Test("The sine is that of the platform to 1e-9")
  func sine() {
    for i in -4_000...4_000 {
      let angle = Double(i) * 7.37
      #expect(abs(citySine(angle) - sin(angle)) < 1e-9)
    }
  }

  @Test("Shares add up", arguments: [0, 1, 7, 1_000])
  func shares(total: Int) {
    let weights = [0.3, 0, 2.5, 0.0001, 1]
    let shares = CityShares(total: total, weights: weights)
    #expect((0..<weights.count).reduce(0) { $0 + shares.count($1) } == total)
    #expect(shares.count(1) == 0)
    #expect((0..<weights.count).allSatisfy { shares.count($0) >= 0 })
  }
}
