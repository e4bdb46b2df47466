internal import SpatialIndex

extension TableWriter {
  /// The row at hand has an id that the table has already.
  func resolveConflict(_ feature: Feature, _ box: Box2?, _ path: String) throws -> Int64? {
    let fid: Int64
    switch try compareWithStored() {
    case .identical:
      tally.identical += 1
      return nil
    case .different(let found, let column):
      let earlier = repeated.place(of: found, id: feature.id)
      switch conflict {
      case .skip:
        tally.skipped += 1
        if let earlier { repeated.note(feature.id, earlier, feature.place, path) }
        return nil
      case .fail:
        let isRepeated = earlier != nil
        var error = LoadError(
          path: path, place: feature.place,
          reason: .refused(
            isRepeated
              ? "the id '\(feature.id)' appears twice in what is imported, with another `\(column)`"
                + (earlier!.isObject ? "" : "; first in \(RepeatedRows.text(earlier!, from: path))")
              : "'\(feature.id)' is in the layer `\(stored.layer.name)` already, with another `\(column)`"),
          fix: "--on-conflict replace takes the new row, --on-conflict skip keeps the old one")
        error.isConflict = !isRepeated
        throw error
      case .replace:
        fid = found
        if let earlier { repeated.note(feature.id, earlier, feature.place, path) }
        repeated.replace(found, feature.place, path)
      }
    }
    let update = try updateRow ?? makeUpdate()
    updateRow = update
    bind(to: update)
    try update.run()
    tally.replaced += 1
    noteReplaced(fid, box: geometrySlot == nil ? nil : box)
    return fid
  }

  private enum Comparison {
    case identical
    case different(fid: Int64, column: String)
  }

  /// Slots that the source at hand fills, the id left out.
  private var filledSlots: [Int] { targets.map(\.slot) + (geometrySlot.map { [$0] } ?? []) }

  /// Compares in SQL, so that types and encodings are SQLite's. Columns that the source lacks do not count.
  private func compareWithStored() throws(StoreError) -> Comparison {
    let slots = filledSlots
    let statement: SQLStatement
    if let known = compareRow {
      statement = known
    } else {
      let flags = slots.map { ", \(quoted(columnName(ofSlot: $0))) IS ?\($0 + 1)" }.joined()
      statement = try SQLStatement(
        connection.handle,
        "SELECT \(quoted(stored.rowColumn))\(flags) FROM \(quoted(stored.layer.name)) "
          + "WHERE \(quoted(columnName(ofSlot: 1))) = ?2", persistent: true)
      compareRow = statement
    }
    bind(to: statement)
    defer { statement.reset() }
    guard try statement.step() else {
      throw StoreError(.content, "a constraint of the table `\(stored.layer.name)` refused a row; nothing was written")
    }
    for (i, slot) in slots.enumerated() where statement.int64(i + 1) == 0 {
      return .different(fid: statement.int64(0), column: columnName(ofSlot: slot))
    }
    return .identical
  }

  private func makeUpdate() throws(StoreError) -> SQLStatement {
    let sets = filledSlots.map { "\(quoted(columnName(ofSlot: $0))) = ?\($0 + 1)" }.joined(separator: ", ")
    return try SQLStatement(
      connection.handle,
      "UPDATE \(quoted(stored.layer.name)) SET \(sets) WHERE \(quoted(columnName(ofSlot: 1))) = ?2", persistent: true)
  }
}

/// Where the rows of one import came from, so that of two with one id both can be named. Four bytes a row.
struct RepeatedRows {
  struct Place {
    var path: String
    var place: SourcePlace

    /// Known by its id alone.
    var isObject: Bool { if case .object = place { true } else { false } }
  }
  /// By fid from `firstFid` on: the number in the source, 0 for a city object.
  private var numbers: [UInt32] = []
  private var firstFid: Int64 = 0
  /// Which source the rows from a fid on came from, and whether its numbers are those of lines.
  private var sources: [(fid: Int64, path: String, hasLines: Bool)] = []
  /// Rows of the table that this import has replaced, and where the one that they hold now came from.
  private var replaced: [Int64: Place] = [:]
  private(set) var count = 0
  /// Of the first few: their id, and the places.
  private(set) var examples: [String] = []

  mutating func append(_ fid: Int64, _ place: SourcePlace, _ path: String) {
    if numbers.isEmpty { firstFid = fid }
    var (number, hasLines) = (0, false)
    switch place {
    case .line(let line): (number, hasLines) = (line, true)
    case .feature(let feature): number = feature
    case .object, .file: break
    }
    numbers.append(UInt32(truncatingIfNeeded: number))
    if sources.last?.path != path { sources.append((fid, path, hasLines)) }
  }

  mutating func replace(_ fid: Int64, _ place: SourcePlace, _ path: String) {
    replaced[fid] = Place(path: path, place: place)
  }

  /// Where this import has the row from; nil when it was there before.
  func place(of fid: Int64, id: String) -> Place? {
    if let known = replaced[fid] { return known }
    guard fid >= firstFid, fid - firstFid < numbers.count, let source = sources.last(where: { $0.fid <= fid }) else {
      return nil
    }
    let number = Int(numbers[Int(fid - firstFid)])
    let place: SourcePlace = number == 0 ? .object(id) : source.hasLines ? .line(number) : .feature(number)
    return Place(path: source.path, place: place)
  }

  /// Two rows of the import have this id and differ.
  mutating func note(_ id: String, _ first: Place, _ second: SourcePlace, _ path: String) {
    count += 1
    if examples.count < 5 { examples.append("'\(id)' (\(Self.text(first, from: path)), then \(second))") }
  }

  /// The place, with its file when that is another one.
  static func text(_ place: Place, from path: String) -> String {
    place.path == path ? place.place.description : "\(place.path), \(place.place)"
  }
}

/// Finds the fid behind the id that a source names, for columns that keep the parent's fid.
final class FidLookup {
  let target: StoredLayer
  private(set) var unresolvedCount = 0
  /// The first few ids that name nothing, with their places.
  private(set) var examples: [String] = []
  private let find: SQLStatement
  private let ids: PackedIDs?
  private var lastID: String?
  private var lastFid: Int64?

  /// - Parameter ids: of the target, when it is not in the database yet.
  init(to target: StoredLayer, in connection: SQLConnection, ids: PackedIDs? = nil) throws(StoreError) {
    self.target = target
    self.ids = ids
    find = try SQLStatement(
      connection.handle,
      "SELECT \(quoted(target.rowColumn)) FROM \(quoted(target.layer.name)) "
        + "WHERE \(quoted(target.idColumn ?? target.rowColumn)) = ?", persistent: true)
  }

  /// nil when there is no such row: it is counted, and stays NULL. People of one household follow each other, so the
  /// last answer often serves again.
  func fid(of id: String, path: String, place: SourcePlace) throws(StoreError) -> Int64? {
    if id != lastID {
      lastID = id
      if let ids {
        var id = id
        lastFid = id.withUTF8 { ids.fid(of: $0) }
      } else {
        find.bind(1, id)
        defer { find.reset() }
        lastFid = try find.step() ? find.int64(0) : nil
      }
    }
    if lastFid == nil {
      unresolvedCount += 1
      if examples.count < 3 { examples.append("'\(id)' (\(path), \(place))") }
    }
    return lastFid
  }
}

extension Value {
  /// As text columns keep it and messages show it: numbers in their shortest form, lists as JSON.
  package var plainText: String {
    switch self {
    case .null: "NULL"
    case .bool(let flag): flag ? "true" : "false"
    case .int(let number): String(number)
    case .double(let number):
      number == number.rounded() && abs(number) < 1e15 ? String(Int64(number)) : "\(number)"
    case .text(let text): text
    case .date(let days): String(decoding: StoredTime.bytes(date: days), as: UTF8.self)
    case .timestamp(let instant): String(decoding: StoredTime.bytes(instant: instant), as: UTF8.self)
    case .list(let values): "[" + values.map(\.jsonText).joined(separator: ",") + "]"
    case .geometry(let geometry): WKT.write(geometry)
    }
  }

  var jsonText: String {
    switch self {
    case .null: "null"
    case .bool, .int: plainText
    case .double(let number): number.isFinite ? "\(number)" : "null"
    case .list: plainText
    default: JSONString.quoted(plainText)
    }
  }
}
