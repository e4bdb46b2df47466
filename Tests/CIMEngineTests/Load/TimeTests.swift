import Foundation
import TestSupport
import Testing

@testable import CIMEngine

@Suite struct TimeTests {
  @Test func datesAgreeWithFoundation() {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(identifier: "UTC")!
    var random = SplitMix64(seed: 7)
    for _ in 0..<500 {
      let (year, month, day) = (
        Int.random(in: 1600...2400, using: &random), Int.random(in: 1...12, using: &random),
        Int.random(in: 1...28, using: &random)
      )
      let date = calendar.date(from: DateComponents(year: year, month: month, day: day))!
      let days = RFC3339.days(year: year, month: month, day: day)
      #expect(Double(days) * 86_400 == date.timeIntervalSince1970)
      #expect(RFC3339.civil(days: days) == (year, month, day))
    }
  }

  @Test(
    arguments: [
      ("2022-07-20", 19_193), ("1970-01-01", 0), ("0001-01-01", -719_162), ("2024-02-29", 19_782), ("2023-02-29", nil),
      ("2024-13-01", nil), ("2024-00-10", nil), ("2024-1-01", nil), ("2024/01/01", nil), ("20240101", nil),
      ("2024-01-32", nil), ("2024-01-0x", nil),
    ] as [(String, Int32?)])
  func dates(text: String, days: Int32?) { #expect(RFC3339.date(text) == days) }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0, true), ("1970-01-01T08:00:00+08:00", 0, true),
      ("1970-01-01t00:00:01.25z", 1_250_000, true),
      ("1970-01-01 00:00:01", 1_000_000, false), ("1969-12-31T23:59:60Z", 0, true),
      ("1970-01-01T00:00:00.1234567-01:00", 3_600_123_456, true),
    ] as [(String, Int64, Bool)])
  func dateTimes(text: String, micros: Int64, zone: Bool) {
    #expect(RFC3339.dateTime(text)?.micros == micros)
    #expect(RFC3339.dateTime(text)?.hasZone == zone)
  }

  @Test(arguments: [
    "1970-01-01", "1970-01-01T00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z", "1970-01-01T00:00:00.Z",
    "1970-01-01T00:00:00+8:00", "1970-01-01T00:00:00+0800", "1970-01-01T00:00:00 Z", "1970-01-01X00:00:00Z", "",
  ])
  func notDateTimes(text: String) { #expect(RFC3339.dateTime(text) == nil) }

  /// Offsets must be those that Foundation gives, transitions and far future included.
  @Test(arguments: ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kathmandu", "UTC"])
  func zonesAgreeWithFoundation(name: String) throws {
    let zone = try #require(ZoneInfo(name))
    let oracle = try #require(TimeZone(identifier: name))
    var random = SplitMix64(seed: 3)
    for _ in 0..<400 {
      let instant = Int64.random(in: -1_000_000_000...4_000_000_000, using: &random)
      #expect(
        zone.offset(at: instant) == oracle.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant))),
        "\(instant)")
      let local = (instant + Int64(zone.offset(at: instant))) * 1_000_000
      let back = zone.instant(ofLocal: local)
      #expect(back == instant * 1_000_000 || abs(back - instant * 1_000_000) == 3_600_000_000)
    }
  }

  @Test func fixedOffsets() {
    for (name, seconds) in [("+08:00", 28_800), ("-0330", -12_600), ("UTC+8", 28_800), ("Z", 0), ("GMT", 0)] {
      #expect(ZoneInfo(name)?.offset(at: 0) == seconds)
    }
    for name in ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "+25:00", "+08:99"] {
      #expect(ZoneInfo(name) == nil)
    }
    #expect(ZoneInfo("+08:00")?.instant(ofLocal: 0) == -28_800_000_000)
  }

  @Test(
    arguments: [
      ("12", 12.0, Int64(12)), ("-0.5", -0.5, nil), ("1e3", 1000, nil), ("+7", 7, 7), (".5", 0.5, nil), ("5.", 5, nil),
      ("007", 7, 7), ("123456789012345678", 123_456_789_012_345_678, 123_456_789_012_345_678),
      ("0.1234567890123456789", 0.1234567890123456789, nil), ("9223372036854775807", 9.223372036854775807e18, .max),
      ("9223372036854775808", 9.223372036854775808e18, nil), ("1e-300", 1e-300, nil),
    ] as [(String, Double, Int64?)])
  func numbers(text: String, value: Double, int: Int64?) throws {
    let number = try #require(Array(text.utf8).withUnsafeBufferPointer { TextValue.number($0) })
    #expect(number.value == value)
    #expect(number.int == int)
  }

  @Test(arguments: ["", "-", "+", ".", "e5", "1e", "NaN", "inf", "0x10", "1,5", "1 2", " 1", "1e999", "--1", "12m"])
  func notNumbers(text: String) {
    #expect(Array(text.utf8).withUnsafeBufferPointer { TextValue.number($0) } == nil)
  }

  @Test func numbersAgreeWithTheLibrary() {
    var random = SplitMix64(seed: 11)
    for _ in 0..<3_000 {
      var value = Double(bitPattern: random.next())
      if !value.isFinite { value = 1 }
      for text in [
        "\(value)", "\(Int64(bitPattern: random.next() >> UInt64.random(in: 1...60, using: &random)))",
        "\(Double(random.next() % 1_000_000_000) / 1e6)",
      ] {
        #expect(Array(text.utf8).withUnsafeBufferPointer { TextValue.number($0)?.value } == Double(text), "\(text)")
      }
    }
  }
}
