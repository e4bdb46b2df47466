import Foundation
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Pinyin, dates and distances in space") struct NewFunctionTests {
  @Test(
    arguments: [
      ("郑州", "zheng zhou"), ("荥阳市", "xing yang shi"), ("A座3号楼", "a zuo 3 hao lou"), ("", ""), ("x", "x"),
      ("西安", "xi an"), ("绿城路", "lv cheng lu"), ("𠮷", "𠮷"), ("中 华", "zhong   hua"),
    ])
  func readings(text: String, reading: String) { #expect(Pinyin.reading(text) == reading) }

  /// The 3,755 characters of GB 2312's first level stand there in the order of their pinyin.
  @Test("agrees with the order of GB 2312")
  func gb2312() throws {
    let converter = iconv_open("UTF-8", "GB2312")
    try #require(converter != iconv_t(bitPattern: -1))
    defer { iconv_close(converter) }
    var syllables: [Substring] = []
    for high in UInt8(0xB0)...0xD7 {
      for low in UInt8(0xA1)...(high == 0xD7 ? 0xF9 : 0xFE) {
        var input = [CChar(bitPattern: high), CChar(bitPattern: low)]
        var output = [CChar](repeating: 0, count: 8)
        let size = input.withUnsafeMutableBufferPointer { from in
          output.withUnsafeMutableBufferPointer { to in
            var (a, b, left, room) = (from.baseAddress, to.baseAddress, 2, 8)
            iconv(converter, &a, &left, &b, &room)
            return 8 - room
          }
        }
        let text = String(decoding: output[..<size].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let scalar = try #require(text.unicodeScalars.first)
        syllables.append(try #require(Pinyin.syllable(scalar), "\(text)"))
      }
    }
    #expect(syllables.count == 3755)
    // Characters of several readings stand under another of them there.
    let misplaced = zip(syllables, syllables.dropFirst()).filter { $0 > $1 }.count
    #expect(misplaced < 150, "\(misplaced)")
  }

  private func value(_ function: Function, _ arguments: [Value]) -> Value? {
    TemporalFunctions.part(function, arguments)
  }

  /// Against Foundation's calendar, in UTC.
  @Test("dates agree with another calendar", arguments: 1...200 as ClosedRange<UInt64>)
  func dates(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var calendar = Foundation.Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(identifier: "UTC")!
    let seconds = Int64.random(in: -2_000_000_000...4_000_000_000, using: &random)
    let date = Date(timeIntervalSince1970: Double(seconds))
    let instant = Value.timestamp(seconds * 1_000_000)
    let weekday = calendar.component(.weekday, from: date)
    #expect(value(.weekday, [instant]) == .int(Int64((weekday + 5) % 7 + 1)))
    let units: [(TimeUnit, Foundation.Calendar.Component)] = [
      (.second, .second), (.minute, .minute), (.hour, .hour), (.day, .day), (.week, .weekOfYear), (.month, .month),
      (.year, .year),
    ]
    for (unit, component) in units {
      let name = Value.text(unit.rawValue)
      if unit != .week {
        let start = try #require(calendar.dateInterval(of: component, for: date)).start.timeIntervalSince1970
        #expect(value(.dateTrunc, [name, instant]) == .timestamp(Int64(start) * 1_000_000), "\(unit)")
      }
      let number = Int.random(in: -50...50, using: &random)
      let moved = try #require(calendar.date(byAdding: component, value: number, to: date)).timeIntervalSince1970
      let ours = value(.dateAdd, [name, .int(Int64(number)), instant])
      #expect(ours == .timestamp(Int64(moved) * 1_000_000), "\(unit) \(number) \(date)")
      guard case .timestamp(let later)? = ours else { continue }
      // What was added is what lies between; a day that the month lacks may cost one month.
      guard case .double(let between)? = value(.dateDiff, [name, instant, .timestamp(later)]) else {
        Issue.record("\(unit)")
        continue
      }
      #expect(abs(between - Double(number)) <= (unit == .month || unit == .year ? 1 : 1e-9), "\(unit) \(number)")
    }
    guard case .timestamp(let week)? = value(.dateTrunc, [.text("week"), instant]) else { return #expect(Bool(false)) }
    #expect(value(.weekday, [.timestamp(week)]) == .int(1))
    #expect(week <= seconds * 1_000_000 && seconds * 1_000_000 - week < 7 * 86_400_000_000)
  }

  /// Against samples on both shapes: no sample may be nearer, and the nearest is about as near.
  @Test("distance in space agrees with sampling", arguments: 1...60 as ClosedRange<UInt64>)
  func distance3D(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    func vertex() -> (Double, Double, Double) {
      (
        Double.random(in: 0...10, using: &random), Double.random(in: 0...10, using: &random),
        Double.random(in: 0...10, using: &random)
      )
    }
    func shape() -> (Geometry, [(Double, Double, Double)]) {
      let kind = Int.random(in: 0...2, using: &random)
      let corners = (0...kind).map { _ in vertex() }
      func mix(_ weights: [Double]) -> (Double, Double, Double) {
        var p = (0.0, 0.0, 0.0)
        for (w, c) in zip(weights, corners) { p = (p.0 + w * c.0, p.1 + w * c.1, p.2 + w * c.2) }
        return p
      }
      switch kind {
      case 0: return (.point(corners[0].0, corners[0].1, z: corners[0].2), corners)
      case 1:
        return (
          .line(corners.flatMap { [$0.0, $0.1] }, z: corners.map(\.2)),
          (0...60).map { mix([Double($0) / 60, 1 - Double($0) / 60]) }
        )
      default:
        let ring = corners + [corners[0]]
        var polygon = Geometry.polygon([ring.flatMap { [$0.0, $0.1] }])
        polygon.z = ring.map(\.2)
        var samples: [(Double, Double, Double)] = []
        for i in 0...40 {
          for j in 0...(40 - i) { samples.append(mix([Double(i) / 40, Double(j) / 40, Double(40 - i - j) / 40])) }
        }
        return (polygon, samples)
      }
    }
    let ((a, p), (b, q)) = (shape(), shape())
    let ours = try #require(a.distance3D(to: b))
    var nearest = Double.infinity
    for x in p {
      for y in q {
        let (dx, dy, dz) = (x.0 - y.0, x.1 - y.1, x.2 - y.2)
        nearest = min(nearest, (dx * dx + dy * dy + dz * dz).squareRoot())
      }
    }
    #expect(ours <= nearest + 1e-9 && ours >= nearest - 0.9, "\(a) \(b): \(ours) and \(nearest)")
    #expect(try abs(ours - #require(b.distance3D(to: a))) < 1e-9)
  }

  @Test("no height, no distance in space")
  func withoutHeights() {
    let flat = Geometry.point(1, 2)
    #expect(flat.distance3D(to: .point(1, 2, z: 3)) == nil)
    #expect(Geometry.point(1, 2, z: 3).distance3D(to: Geometry(kind: .polygon)) == nil)
    #expect(flat.heights.isEmpty)
  }

  /// Every function has its place in the reference, in both languages.
  @Test("the reference names every function", arguments: ["docs/language.md", "docs/language.zh-CN.md"])
  func reference(document: String) throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent(document), encoding: .utf8)
    for function in Words.functions {
      #expect(text.contains("`\(function.name)("), "\(function.name)")
      #expect(text.contains(function.chinese[0]), "\(function.name)")
    }
  }
}
