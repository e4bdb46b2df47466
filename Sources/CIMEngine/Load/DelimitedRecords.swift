internal import Glibc

/// The records of a CSV or TSV file (RFC 4180) one by one: fields parted by one delimiter, in double quotes where they
/// hold it, quotes or line breaks. LF, CR LF and CR end a record. Quotes inside an unquoted field stand for themselves.
final class DelimitedRecords {
  fileprivate struct Field {
    var start: Int
    var end: Int
    var isQuoted: Bool
    /// The text lies in `unescaped`, since the field holds doubled quotes.
    var isUnescaped: Bool
  }

  /// A record, valid until the next one is read. A plain value: looking at a field costs no more than the pointers.
  struct Record {
    fileprivate let base: UnsafePointer<UInt8>
    fileprivate let unescaped: UnsafePointer<UInt8>
    fileprivate let fields: UnsafePointer<Field>
    fileprivate let length: Int
    let count: Int
    /// The line on which it starts, from 1.
    let line: Int

    /// The bytes of a field, quotes taken off.
    @inline(__always)
    func field(_ index: Int) -> UnsafeBufferPointer<UInt8> {
      precondition(index < count)
      let field = fields[index]
      return UnsafeBufferPointer(
        start: (field.isUnescaped ? unescaped : base) + field.start, count: field.end - field.start)
    }

    func isQuoted(_ index: Int) -> Bool {
      precondition(index < count)
      return fields[index].isQuoted
    }

    /// The raw bytes.
    var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: length) }
  }

  private let path: String
  private let reader: ByteReader
  private var fields = UnsafeMutablePointer<Field>.allocate(capacity: 64)
  private var fieldCapacity = 64
  private var fieldCount = 0
  private let unescaped = ByteScratch()
  private var passed = 0
  private var nextLine = 1
  /// The line on which the last record starts, from 1.
  private(set) var line = 0
  /// After an error: whether only the last record is to blame, and the next line can be read.
  private(set) var canContinue = false
  let delimiter: UInt8
  /// Blank lines passed over so far.
  private(set) var blankLines = 0

  /// No record may be larger: a quote that never closes would otherwise swallow the file.
  static let recordLimit = 256 << 20

  /// - Parameter delimiter: nil finds it out from the first record, `preferred` winning a tie.
  init(
    path: String, encoding: String?, delimiter: UInt8?, capacity: Int = ByteReader.usualCapacity
  ) throws(LoadError) {
    self.path = path
    reader = try ByteReader(path: path, encoding: encoding, capacity: capacity)
    if let delimiter {
      self.delimiter = delimiter
    } else {
      while !reader.bytes.contains(UInt8(ascii: "\n")), reader.bytes.count < 1 << 20, try reader.fill() {}
      self.delimiter = Self.delimiter(ofHeader: reader.bytes)
    }
  }

  var bytesRead: Int { reader.bytesRead }

  /// The candidate that occurs most often outside quotes in the first line.
  static func delimiter(ofHeader bytes: UnsafeBufferPointer<UInt8>) -> UInt8 {
    let candidates = Array(",;\t|".utf8)
    var counts = [0, 0, 0, 0]
    var inQuotes = false
    for byte in bytes {
      if byte == UInt8(ascii: "\"") { inQuotes.toggle() }
      if inQuotes { continue }
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { break }
      if let at = candidates.firstIndex(of: byte) { counts[at] += 1 }
    }
    let best = counts.indices.max { (counts[$0], -$0) < (counts[$1], -$1) }!
    return counts[best] == 0 ? candidates[0] : candidates[best]
  }

  deinit { fields.deallocate() }

  /// The text of the last record. Valid until the next one is read.
  var text: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: reader.bytes[..<passed]) }

  /// Takes the rest of the line for the bad record, so that reading can go on behind it.
  private func passLine() throws(LoadError) {
    var searched = 0
    while true {
      let bytes = reader.bytes
      if let hit = memchr(bytes.baseAddress! + searched, Int32(UInt8(ascii: "\n")), bytes.count - searched) {
        passed = UnsafeRawPointer(hit) - UnsafeRawPointer(bytes.baseAddress!) + 1
        break
      }
      searched = bytes.count
      guard try reader.fill() else {
        passed = searched
        break
      }
    }
    nextLine = line + 1
    canContinue = true
  }

  /// Reads the next record; nil at the end. Blank lines are passed over.
  func next() throws(LoadError) -> Record? {
    while true {
      reader.advance(by: passed)
      passed = 0
      line = nextLine
      canContinue = false
      var isAtEnd = false
      while true {
        let length: Int?
        do throws(LoadError) { length = try parse(isAtEnd: isAtEnd) } catch {
          try passLine()
          throw error
        }
        if let length {
          passed = length
          break
        }
        if isAtEnd { return nil }
        guard reader.bytes.count < Self.recordLimit else {
          throw LoadError(
            path: path, place: .line(line), reason: .malformed("a record of more than 256 MB; is a quote left open?"))
        }
        isAtEnd = try !reader.fill()
      }
      if fieldCount == 1, fields[0].start == fields[0].end, !fields[0].isQuoted {
        blankLines += 1
        continue
      }
      return Record(
        base: reader.bytes.baseAddress!, unescaped: unescaped.base, fields: fields, length: passed, count: fieldCount,
        line: line)
    }
  }

  /// The length of the record at the start of the unread bytes, or nil when it does not end in them.
  private func parse(isAtEnd: Bool) throws(LoadError) -> Int? {
    let bytes = reader.bytes
    let count = bytes.count
    guard count > 0, let base = bytes.baseAddress else { return nil }
    unescaped.removeAll()
    let (delimiter, line) = (delimiter, line)
    var (fields, capacity, found) = (fields, fieldCapacity, 0)
    defer { (self.fields, fieldCapacity, fieldCount) = (fields, capacity, found) }
    var at = 0
    var lines = 0
    while true {
      var field = Field(start: at, end: at, isQuoted: false, isUnescaped: false)
      if at < count, base[at] == UInt8(ascii: "\"") {
        field.isQuoted = true
        at += 1
        field.start = at
        var copied = at
        while true {
          guard let hit = memchr(base + at, Int32(UInt8(ascii: "\"")), count - at) else {
            if isAtEnd {
              throw LoadError(
                path: path, place: .line(line + lines), reason: .malformed("a quote is opened and never closed"))
            }
            return nil
          }
          let quote = UnsafeRawPointer(hit) - UnsafeRawPointer(base)
          for i in at..<quote where base[i] == UInt8(ascii: "\n") { lines += 1 }
          at = quote + 1
          // Whether the quote is doubled shows only behind it.
          if at == count, !isAtEnd { return nil }
          guard at < count, base[at] == UInt8(ascii: "\"") else {
            if field.isUnescaped {
              unescaped.append(base + copied, quote - copied)
              field.end = unescaped.count
            } else {
              field.end = quote
            }
            break
          }
          if !field.isUnescaped {
            field.isUnescaped = true
            field.start = unescaped.count
          }
          unescaped.append(base + copied, at - copied)
          at += 1
          copied = at
        }
        if at < count, base[at] != delimiter, base[at] != UInt8(ascii: "\n"), base[at] != UInt8(ascii: "\r") {
          throw LoadError(
            path: path, place: .line(line + lines),
            reason: .malformed("text follows the closing quote of field \(found + 1)"),
            fix: "a quote inside a quoted field is written twice")
        }
      } else {
        while at < count, base[at] != delimiter, base[at] != UInt8(ascii: "\n"), base[at] != UInt8(ascii: "\r") {
          at += 1
        }
        field.end = at
      }
      if found == capacity {
        let larger = UnsafeMutablePointer<Field>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: fields, count: found)
        fields.deallocate()
        (fields, capacity) = (larger, capacity * 2)
      }
      (fields + found).initialize(to: field)
      found += 1
      guard at < count else {
        guard isAtEnd else { return nil }
        nextLine = line + lines + 1
        return at
      }
      switch base[at] {
      case delimiter: at += 1
      case UInt8(ascii: "\n"):
        nextLine = line + lines + 1
        return at + 1
      default:
        // CR alone or with LF.
        if at + 1 == count, !isAtEnd { return nil }
        nextLine = line + lines + 1
        return at + 1 < count && base[at + 1] == UInt8(ascii: "\n") ? at + 2 : at + 1
      }
    }
  }
}

/// A growing run of bytes whose address can be handed out until it grows.
private final class ByteScratch {
  private(set) var base = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
  private var capacity = 256
  private(set) var count = 0

  deinit { base.deallocate() }

  func removeAll() { count = 0 }

  func append(_ bytes: UnsafePointer<UInt8>, _ length: Int) {
    if count + length > capacity {
      capacity = max(capacity * 2, count + length)
      let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
      memcpy(larger, base, count)
      base.deallocate()
      base = larger
    }
    memcpy(base + count, bytes, length)
    count += length
  }
}

/// Names of columns that say what they hold.
enum ColumnMeaning {
  static let longitudes: Set<String> = ["lon", "lng", "long", "longitude", "经度"]
  static let latitudes: Set<String> = ["lat", "latitude", "纬度"]
  static let eastings: Set<String> = ["x", "easting", "east", "point_x", "coord_x", "x_coord"]
  static let northings: Set<String> = ["y", "northing", "north", "point_y", "coord_y", "y_coord"]
  static let heights: Set<String> = ["z", "point_z", "coord_z", "z_coord"]
  static let geometries: Set<String> = ["geom", "wkt", "geometry", "the_geom", "wkt_geom", "wkb_geometry", "几何"]

  /// Whether digits in a column of that name are a label, not an amount: ids, codes, telephone numbers.
  static func isLabel(_ name: String) -> Bool {
    let lower = name.lowercased()
    for word in ["编号", "编码", "代码", "电话", "手机", "身份证", "证号", "号码", "邮编", "标识"] where lower.contains(word) {
      return true
    }
    // `BuildingID` and `buildingId` end in words of their own; `grid` and `paid` do not.
    let letters = Array(name)
    if letters.count > 2, ["Id", "ID"].contains(String(letters.suffix(2))), letters[letters.count - 3].isLowercase {
      return true
    }
    let words = lower.split { !$0.isLetter && !$0.isNumber }
    guard let last = words.last else { return false }
    let labels: Set<Substring> = [
      "id", "fid", "gid", "oid", "uuid", "phone", "tel", "telephone", "mobile", "fax", "zip",
    ]
    return labels.contains(last) || last.hasSuffix("code") || last.hasSuffix("phone")
  }

  /// Whether a column names rows of another shipped layer.
  static func isLink(_ name: String, layer: String) -> Bool {
    let lower = name.lowercased()
    return CitySchema.links.contains { $0.column == lower && $0.layer == layer.lowercased() }
      || ["grid1", "grid2", "grid3", "building", "unit", "household", "person", "district", "parent"].contains(lower)
  }
}
