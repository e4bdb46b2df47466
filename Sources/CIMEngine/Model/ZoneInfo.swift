internal import Glibc

/// A time zone: what its clocks show at an instant, and which instant a clock's reading means.
///
/// Reads the system's tables (TZif, RFC 8536, with the rule in the footer for times behind the last transition).
/// Foundation knows zones too, but costs every start more than a whole query takes.
package struct ZoneInfo: Sendable, Equatable {
  package let name: String
  private var transitions: [Int64] = []
  /// Seconds east of UTC from each transition on; the first entry holds before the first transition.
  private var offsets: [Int] = [0]
  private var rule: Rule? = nil

  package static let utc = ZoneInfo(name: "UTC", fixed: 0)

  private init(name: String, fixed: Int) {
    self.name = name
    self.offsets = [fixed]
  }

  /// `UTC`, `Z`, `+08:00`, `-0330`, `UTC+8` or an IANA name such as `Asia/Shanghai`; nil when there is none such.
  package init?(_ name: String) {
    if let seconds = Self.fixedOffset(name) {
      self.init(name: name, fixed: seconds)
      return
    }
    guard !name.isEmpty, !name.hasPrefix("/"), !name.split(separator: "/").contains(".."),
      let data = Self.read("/usr/share/zoneinfo/" + name)
    else { return nil }
    self.init(name: name, fixed: 0)
    guard parse(data) else { return nil }
  }

  /// Seconds to add to UTC at an instant (seconds since 1970).
  package func offset(at instant: Int64) -> Int {
    if let last = transitions.last, instant >= last, let rule { return rule.offset(at: instant) }
    if transitions.isEmpty, let rule { return rule.offset(at: instant) }
    var (low, high) = (0, transitions.count)
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle] <= instant { low = middle + 1 } else { high = middle }
    }
    return offsets[low]
  }

  /// The instant (microseconds since 1970, UTC) at which the clocks of the zone show `local` (the same count from
  /// 1970 of the clock). A reading that comes twice means the first, one that is skipped is taken as if the clocks
  /// had not yet moved.
  package func instant(ofLocal local: Int64) -> Int64 {
    let seconds = local / 1_000_000 - (local % 1_000_000 < 0 ? 1 : 0)
    let before = offset(at: seconds - 86_400)
    let after = offset(at: seconds + 86_400)
    for offset in [before, after] where self.offset(at: seconds - Int64(offset)) == offset {
      return local - Int64(offset) * 1_000_000
    }
    return local - Int64(before) * 1_000_000
  }

  private static func fixedOffset(_ name: String) -> Int? {
    var text = Substring(name.uppercased())
    if ["Z", "UTC", "GMT", "UT"].contains(text) { return 0 }
    for prefix in ["UTC", "GMT"] where text.hasPrefix(prefix) { text = text.dropFirst(3) }
    guard let sign = text.first, sign == "+" || sign == "-" else { return nil }
    let parts = text.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
    var (hours, minutes): (Int?, Int?) = (nil, 0)
    switch parts.count {
    case 1 where parts[0].count == 4: (hours, minutes) = (Int(parts[0].prefix(2)), Int(parts[0].suffix(2)))
    case 1 where parts[0].count <= 2: hours = Int(parts[0])
    case 2: (hours, minutes) = (Int(parts[0]), parts[1].count == 2 ? Int(parts[1]) : nil)
    default: return nil
    }
    guard let hours, let minutes, (0...18).contains(hours), (0..<60).contains(minutes) else { return nil }
    return (hours * 3_600 + minutes * 60) * (sign == "-" ? -1 : 1)
  }

  private static func read(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var data = [UInt8](repeating: 0, count: 1 << 16)
    var count = 0
    while count < data.count {
      let got = data.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count) }
      if got <= 0 { break }
      count += got
    }
    return Array(data[..<count])
  }

  private mutating func parse(_ data: [UInt8]) -> Bool {
    func big(_ at: Int, _ bytes: Int) -> Int64? {
      guard at >= 0, at + bytes <= data.count else { return nil }
      var value: Int64 = 0
      for byte in data[at..<at + bytes] { value = value << 8 | Int64(byte) }
      return bytes == 4 ? Int64(Int32(truncatingIfNeeded: value)) : value
    }
    guard data.count >= 44, data[0..<4].elementsEqual("TZif".utf8) else { return false }
    var (start, size) = (0, 4)
    func counts(_ start: Int) -> [Int]? {
      var result: [Int] = []
      for i in 0..<6 {
        guard let value = big(start + 20 + 4 * i, 4), value >= 0, value < 100_000 else { return nil }
        result.append(Int(value))
      }
      return result
    }
    // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
    guard var n = counts(0) else { return false }
    if data[4] >= UInt8(ascii: "2") {
      start = 44 + n[3] * 5 + n[4] * 6 + n[5] + n[2] * 8 + n[1] + n[0]
      size = 8
      guard let second = counts(start) else { return false }
      n = second
    }
    let times = start + 44
    let kinds = times + n[3] * size
    let types = kinds + n[3]
    guard n[4] > 0, types + n[4] * 6 <= data.count else { return false }
    func offset(ofType type: Int) -> Int? { type < n[4] ? big(types + type * 6, 4).map(Int.init) : nil }
    guard let first = offset(ofType: 0) else { return false }
    offsets = [first]
    for i in 0..<n[3] {
      guard let time = big(times + i * size, size), let offset = offset(ofType: Int(data[kinds + i])) else {
        return false
      }
      transitions.append(time)
      offsets.append(offset)
    }
    let footer = types + n[4] * 6 + n[5] + n[2] * (size + 4) + n[1] + n[0]
    if size == 8, footer < data.count, data[footer] == UInt8(ascii: "\n") {
      rule = Rule(data[(footer + 1)...].prefix { $0 != UInt8(ascii: "\n") })
    }
    return true
  }

  /// A POSIX TZ rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
  private struct Rule: Equatable, Sendable {
    private var standard = 0
    private var summer: Int? = nil
    private var begin = Day()
    private var end = Day()

    private struct Day: Equatable, Sendable {
      /// M month.week.weekday, J day without 29 February, or day of year from 0.
      var month = 0, week = 0, weekday = 0
      var julian: Int? = nil
      var dayOfYear: Int? = nil
      var seconds = 7_200

      /// Seconds since 1970 of the change in that year, by the local clock.
      func local(year: Int) -> Int64 {
        let day: Int
        if let julian {
          let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
          day = RFC3339.days(year: year, month: 1, day: 1) + julian - 1 + (isLeap && julian >= 60 ? 1 : 0)
        } else if let dayOfYear {
          day = RFC3339.days(year: year, month: 1, day: 1) + dayOfYear
        } else {
          let first = RFC3339.days(year: year, month: month, day: 1)
          let firstWeekday = ((first + 4) % 7 + 7) % 7
          var candidate = first + (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
          let next =
            month == 12
            ? RFC3339.days(year: year + 1, month: 1, day: 1) : RFC3339.days(year: year, month: month + 1, day: 1)
          while candidate >= next { candidate -= 7 }
          day = candidate
        }
        return Int64(day) * 86_400 + Int64(seconds)
      }
    }

    init?(_ bytes: ArraySlice<UInt8>) {
      var rest = Substring(String(decoding: bytes, as: UTF8.self))
      guard Self.skipName(&rest), let west = Self.time(&rest) else { return nil }
      standard = -west
      guard !rest.isEmpty else { return }
      guard Self.skipName(&rest) else { return nil }
      summer = standard + 3_600
      if rest.first != ",", let west = Self.time(&rest) { summer = -west }
      let days = rest.split(separator: ",")
      guard days.count == 2, let begin = Self.day(days[0]), let end = Self.day(days[1]) else { return nil }
      (self.begin, self.end) = (begin, end)
    }

    func offset(at instant: Int64) -> Int {
      guard let summer else { return standard }
      let year = RFC3339.civil(days: Self.day(of: instant + Int64(standard))).year
      let from = begin.local(year: year) - Int64(standard)
      let to = end.local(year: year) - Int64(summer)
      let isSummer = from < to ? (instant >= from && instant < to) : !(instant >= to && instant < from)
      return isSummer ? summer : standard
    }

    private static func day(of seconds: Int64) -> Int {
      Int(seconds / 86_400) - (seconds % 86_400 < 0 ? 1 : 0)
    }

    private static func skipName(_ rest: inout Substring) -> Bool {
      if rest.first == "<" {
        guard let close = rest.firstIndex(of: ">") else { return false }
        rest = rest[rest.index(after: close)...]
        return true
      }
      let name = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(name.count)
      return !name.isEmpty
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    private static func time(_ rest: inout Substring) -> Int? {
      var sign = 1
      if let first = rest.first, first == "+" || first == "-" {
        sign = first == "-" ? -1 : 1
        rest = rest.dropFirst()
      }
      let text = rest.prefix { $0.isNumber || $0 == ":" }
      rest = rest.dropFirst(text.count)
      var (seconds, unit) = (0, 3_600)
      for part in text.split(separator: ":") {
        guard let value = Int(part), unit > 0, value < 1_000 else { return nil }
        seconds += value * unit
        unit /= 60
      }
      return text.isEmpty ? nil : sign * seconds
    }

    private static func day(_ text: Substring) -> Day? {
      let parts = text.split(separator: "/", maxSplits: 1)
      guard let date = parts.first else { return nil }
      var day = Day()
      if parts.count == 2 {
        var rest = parts[1]
        guard let seconds = time(&rest) else { return nil }
        day.seconds = seconds
      }
      if date.hasPrefix("M") {
        let numbers = date.dropFirst().split(separator: ".").compactMap { Int($0) }
        guard numbers.count == 3, (1...12).contains(numbers[0]), (1...5).contains(numbers[1]),
          (0...6).contains(numbers[2])
        else { return nil }
        (day.month, day.week, day.weekday) = (numbers[0], numbers[1], numbers[2])
      } else if date.hasPrefix("J") {
        guard let julian = Int(date.dropFirst()) else { return nil }
        day.julian = julian
      } else {
        guard let number = Int(date) else { return nil }
        day.dayOfYear = number
      }
      return day
    }
  }
}
