internal import Glibc

/// The properties met in the objects of one layer: their names in order of first appearance and what their values
/// look like, from which ``columns`` are settled.
struct ColumnTable {
  struct Profile {
    var name: String
    /// Kinds of values met, as ``Seen`` bits.
    var seen: Seen = []
    /// The number of the last object that had it, to notice a repeated key.
    var lastObject = 0
    /// The first value that is no number in a column that has numbers, and the other way round.
    var firstText: SourcePlace? = nil
    var numberCount = 0
    var textCount = 0
    /// Where the shipped schema has a closed list for it.
    var listed: ListedValues?
    /// Whether every value was NULL.
    var isEmpty: Bool { seen.isDisjoint(with: .scalarsMask) }
  }

  struct Seen: OptionSet {
    var rawValue: UInt16
    static let bool = Seen(rawValue: 1)
    static let int = Seen(rawValue: 2)
    /// Beyond Int64.
    static let bigInt = Seen(rawValue: 4)
    static let double = Seen(rawValue: 8)
    static let date = Seen(rawValue: 16)
    static let timestamp = Seen(rawValue: 32)
    static let text = Seen(rawValue: 64)
    static let list = Seen(rawValue: 128)
    /// An object, or a list that holds one.
    static let object = Seen(rawValue: 256)
    static let nulCharacter = Seen(rawValue: 512)
    static let scalarsMask: Seen = [.bool, .int, .bigInt, .double, .date, .timestamp, .text, .list, .object]
  }

  private(set) var profiles: [Profile] = []
  private var names = NameIndex()
  /// The layer whose closed lists of values count; nil for none.
  private let layer: String?
  /// Columns of the layer by the names that they have in the source, in lower case, where those differ.
  private let columnOfName: [String: String]

  /// More columns than SQLite takes in one table.
  static let limit = 1_900

  init(layer: String? = nil, columnOfName: [String: String] = [:]) {
    self.layer = layer
    self.columnOfName = columnOfName
  }

  /// A table that knows these names, for reading what a survey has found.
  init(names: [String]) {
    self.init()
    for name in names { _ = index(of: name) }
  }

  var count: Int { profiles.count }

  /// The index of a name, made when it is new. `hint` is where it is likely to be.
  @inline(__always)
  mutating func index(of key: JSONText, hint: Int = 0) -> Int {
    let found = names.find(key.bytes, hint: hint)
    if found >= 0 { return found }
    return add(key.string, key.bytes)
  }

  mutating func index(of name: String) -> Int {
    var name = name
    return name.withUTF8 { bytes in
      let found = names.find(bytes, hint: 0)
      return found >= 0 ? found : add(String(decoding: bytes, as: UTF8.self), bytes)
    }
  }

  /// The index of a name or -1.
  @inline(__always)
  func find(_ key: JSONText, hint: Int = 0) -> Int { names.find(key.bytes, hint: hint) }

  private mutating func add(_ name: String, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    names.add(bytes)
    let listed = layer.flatMap { ListedValues(column: columnOfName[name.lowercased()] ?? name, layer: $0) }
    profiles.append(Profile(name: name, listed: listed))
    return profiles.count - 1
  }

  /// Notes the value that object number `object` (from 1) has. True when it had one under this key before.
  @inline(__always)
  mutating func note(_ value: JSON, column: Int, object: Int, place: SourcePlace) -> Bool {
    let isRepeated = profiles[column].lastObject == object
    profiles[column].lastObject = object
    switch value.tag {
    case JSON.Tag.null: break
    case JSON.Tag.int:
      profiles[column].seen.insert(.int)
      profiles[column].numberCount += 1
    case JSON.Tag.double:
      profiles[column].seen.insert(.double)
      profiles[column].numberCount += 1
    case JSON.Tag.unsigned:
      profiles[column].seen.insert(.bigInt)
      profiles[column].numberCount += 1
    case JSON.Tag.true, JSON.Tag.false: profiles[column].seen.insert(.bool)
    case JSON.Tag.string: noteText(value.textUnchecked, column: column, place: place)
    case JSON.Tag.array: profiles[column].seen.insert(Self.holdsObject(value) ? .object : .list)
    default: profiles[column].seen.insert(.object)
    }
    return isRepeated
  }

  private mutating func noteText(_ text: JSONText, column: Int, place: SourcePlace) {
    profiles[column].textCount += 1
    if profiles[column].firstText == nil { profiles[column].firstText = place }
    if text.count > 0, memchr(text.start, 0, text.count) != nil { profiles[column].seen.insert(.nulCharacter) }
    profiles[column].listed?.note(text.bytes)
    if profiles[column].seen.contains(.text) { return }
    if text.count >= 10, text.start[4] == UInt8(ascii: "-") {
      if RFC3339.date(text.bytes) != nil {
        profiles[column].seen.insert(.date)
        return
      }
      if RFC3339.dateTime(text.bytes) != nil {
        profiles[column].seen.insert(.timestamp)
        return
      }
    }
    profiles[column].seen.insert(.text)
  }

  private static func holdsObject(_ list: JSON) -> Bool {
    for element in list.elements {
      if element.isObject || (element.isArray && holdsObject(element)) { return true }
    }
    return false
  }

  /// The type that holds every value of a column without loss.
  func type(of column: Int) -> ColumnType {
    let seen = profiles[column].seen.intersection(.scalarsMask)
    switch seen {
    case .bool: return .bool
    case .int: return .int
    case .double, [.int, .double]: return .double
    case .date: return .date
    case .timestamp: return .timestamp
    case .list: return .list
    default: return .text
    }
  }
}

/// Names to numbers in order of arrival: open addressing over bytes kept flat, so that a look-up costs no reference
/// counting and makes no string.
struct NameIndex {
  private var bytes: [UInt8] = []
  private var starts: [Int] = [0]
  private var hashes: [UInt64] = []
  private var slots: [Int32] = [Int32](repeating: -1, count: 64)

  var count: Int { starts.count - 1 }

  @inline(__always)
  private func equals(_ index: Int, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    let start = starts[index]
    guard starts[index + 1] - start == name.count else { return false }
    return name.isEmpty
      || bytes.withUnsafeBufferPointer { memcmp($0.baseAddress! + start, name.baseAddress!, name.count) == 0 }
  }

  @inline(__always)
  func find(_ name: UnsafeBufferPointer<UInt8>, hint: Int) -> Int {
    if hint < count, equals(hint, name) { return hint }
    var slot = Int(truncatingIfNeeded: Self.hash(name)) & (slots.count - 1)
    while slots[slot] >= 0 {
      if equals(Int(slots[slot]), name) { return Int(slots[slot]) }
      slot = (slot + 1) & (slots.count - 1)
    }
    return -1
  }

  /// Adds a name that is not there yet.
  mutating func add(_ name: UnsafeBufferPointer<UInt8>) {
    bytes.append(contentsOf: name)
    starts.append(bytes.count)
    hashes.append(Self.hash(name))
    if count * 2 > slots.count {
      slots = [Int32](repeating: -1, count: slots.count * 2)
      for index in 0..<count - 1 { place(index) }
    }
    place(count - 1)
  }

  private mutating func place(_ index: Int) {
    var slot = Int(truncatingIfNeeded: hashes[index]) & (slots.count - 1)
    while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = Int32(index)
  }

  /// FNV-1a.
  @inline(__always)
  private static func hash(_ name: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return hash ^ (hash >> 32)
  }
}

/// Gives the columns of a table names that SQLite and the layer's own columns leave free.
struct ColumnNames {
  private var taken: Set<String> = ["fid", "geom", "rowid", "id"]
  private(set) var renamed: [(source: String, name: String)] = []

  /// The name for a source column: itself, or with `_2` (then `_3`, …) when it is taken up to case.
  mutating func claim(_ source: String) -> String {
    let base = source.isEmpty ? "column" : source
    var name = base
    var number = 2
    while !taken.insert(name.lowercased()).inserted {
      name = "\(base)_\(number)"
      number += 1
    }
    if name != source { renamed.append((source, name)) }
    return name
  }

  var warnings: [String] {
    renamed.map { "`\($0.source)` becomes the column `\($0.name)`: the name is in use" }
  }
}

/// Turns JSON values into values of a column's settled type.
struct ValueReader {
  let zone: ZoneInfo

  /// The value, or nil when it does not fit the type (the file has changed since the survey).
  @inline(__always)
  func value(_ json: JSON, as type: ColumnType) -> Value? {
    if json.isNull { return .null }
    switch type {
    case .int: return json.int.map(Value.int)
    case .double: return json.double.map(Value.double)
    case .bool: return json.bool.map(Value.bool)
    case .text:
      switch json.tag {
      case JSON.Tag.string: return .text(Self.withoutNUL(json.textUnchecked))
      case JSON.Tag.object, JSON.Tag.array: return .text(JSONWriter.text(of: json))
      default: return .text(json.scalarText)
      }
    case .date: return json.text.flatMap { RFC3339.date($0.bytes) }.map(Value.date)
    case .timestamp: return json.text.flatMap { timestamp($0.bytes) }
    case .list: return json.isArray ? list(json) : nil
    case .geometry: return nil
    }
  }

  func timestamp(_ text: UnsafeBufferPointer<UInt8>) -> Value? {
    guard let (micros, hasZone) = RFC3339.dateTime(text) else { return nil }
    return .timestamp(hasZone ? micros : zone.instant(ofLocal: micros))
  }

  private func list(_ json: JSON) -> Value {
    var values: [Value] = []
    for element in json.elements {
      switch element.tag {
      case JSON.Tag.int: values.append(.int(Int64(bitPattern: element.words[element.at + 1])))
      case JSON.Tag.double, JSON.Tag.unsigned: values.append(.double(element.double!))
      case JSON.Tag.true, JSON.Tag.false: values.append(.bool(element.tag == JSON.Tag.true))
      case JSON.Tag.string: values.append(.text(Self.withoutNUL(element.textUnchecked)))
      case JSON.Tag.array: values.append(list(element))
      default: values.append(.null)
      }
    }
    return .list(values)
  }

  /// SQLite's text functions stop at U+0000; it is left out (and the survey says so).
  private static func withoutNUL(_ text: JSONText) -> String {
    guard text.count > 0, memchr(text.start, 0, text.count) != nil else { return text.string }
    return String(decoding: text.bytes.filter { $0 != 0 }, as: UTF8.self)
  }
}
