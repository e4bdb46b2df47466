/// Reads dates and date-times as RFC 3339 writes them. Nothing looser: `2024-6-1` is text.
package enum RFC3339 {
  /// `YYYY-MM-DD` as days since 1970-01-01 in the proleptic Gregorian calendar, or nil.
  package static func date(_ text: some Collection<UInt8>) -> Int32? {
    guard text.count == 10 else { return nil }
    return fixed(text) { fullDate($0, at: 0) }
  }

  package static func date(_ text: some StringProtocol) -> Int32? { date(text.utf8) }

  /// A date-time, its zone optional: microseconds since 1970-01-01T00:00:00 of the zone it states, else of the
  /// local clock (`hasZone` false: the caller subtracts its zone's offset). `T`, `t` and one space are read between
  /// date and time, a second of 60 is the next minute's first, digits beyond microseconds are cut.
  package static func dateTime(_ text: some Collection<UInt8>) -> (micros: Int64, hasZone: Bool)? {
    guard text.count >= 19, text.count <= 64 else { return nil }
    return fixed(text) { bytes in
      guard let days = fullDate(bytes, at: 0) else { return nil }
      guard bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t") || bytes[10] == 0x20,
        let hour = twoDigits(bytes, at: 11), hour < 24, bytes[13] == UInt8(ascii: ":"),
        let minute = twoDigits(bytes, at: 14), minute < 60, bytes[16] == UInt8(ascii: ":"),
        let second = twoDigits(bytes, at: 17), second <= 60
      else { return nil }
      var at = 19
      var fraction: Int64 = 0
      if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
        at += 1
        var unit: Int64 = 100_000
        let start = at
        while at < bytes.count, let digit = digit(bytes[at]) {
          fraction += Int64(digit) * unit
          unit /= 10
          at += 1
        }
        if at == start { return nil }
      }
      var micros = (Int64(days) * 86_400 + Int64(hour * 3_600 + minute * 60 + second)) * 1_000_000 + fraction
      if at == bytes.count { return (micros, false) }
      switch bytes[at] {
      case UInt8(ascii: "Z"), UInt8(ascii: "z"): return at + 1 == bytes.count ? (micros, true) : nil
      case UInt8(ascii: "+"), UInt8(ascii: "-"):
        guard at + 6 == bytes.count, let hours = twoDigits(bytes, at: at + 1), hours < 24,
          bytes[at + 3] == UInt8(ascii: ":"), let minutes = twoDigits(bytes, at: at + 4), minutes < 60
        else { return nil }
        let offset = Int64(hours * 3_600 + minutes * 60) * 1_000_000
        micros -= bytes[at] == UInt8(ascii: "+") ? offset : -offset
        return (micros, true)
      default: return nil
      }
    }
  }

  package static func dateTime(_ text: some StringProtocol) -> (micros: Int64, hasZone: Bool)? {
    dateTime(text.utf8)
  }

  /// Days since 1970-01-01 of a day in the proleptic Gregorian calendar.
  /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
  package static func days(year: Int, month: Int, day: Int) -> Int {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// The inverse of ``days(year:month:day:)``.
  package static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
    let z = days + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let m = (5 * dayOfYear + 2) / 153
    let month = m < 10 ? m + 3 : m - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * m + 2) / 5 + 1)
  }

  /// Runs `body` on contiguous bytes.
  private static func fixed<R>(
    _ text: some Collection<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> R?
  ) -> R? {
    if let result = text.withContiguousStorageIfAvailable(body) { return result }
    return Array(text).withUnsafeBufferPointer(body)
  }

  @inline(__always)
  private static func digit(_ byte: UInt8) -> Int? {
    let value = byte &- UInt8(ascii: "0")
    return value < 10 ? Int(value) : nil
  }

  @inline(__always)
  private static func twoDigits(_ bytes: UnsafeBufferPointer<UInt8>, at: Int) -> Int? {
    guard let high = digit(bytes[at]), let low = digit(bytes[at + 1]) else { return nil }
    return high * 10 + low
  }

  private static func fullDate(_ bytes: UnsafeBufferPointer<UInt8>, at: Int) -> Int32? {
    guard let century = twoDigits(bytes, at: at), let rest = twoDigits(bytes, at: at + 2),
      bytes[at + 4] == UInt8(ascii: "-"), let month = twoDigits(bytes, at: at + 5),
      bytes[at + 7] == UInt8(ascii: "-"), let day = twoDigits(bytes, at: at + 8)
    else { return nil }
    let year = century * 100 + rest
    guard (1...12).contains(month), day >= 1 else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard day <= lengths[month - 1] else { return nil }
    return Int32(days(year: year, month: month, day: day))
  }
}
