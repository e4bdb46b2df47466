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
      switch conflict {
      case .skip:
        tally.skipped += 1
        return nil
      case .fail:
        let isRepeated = found >= firstFid
        var error = LoadError(
          path: path, place: feature.place,
          reason: .refused(
            isRepeated
              ? "the id '\(feature.id)' appears twice in what is imported, with another `\(column)`"
              : "'\(feature.id)' is in the layer `\(stored.layer.name)` already, with another `\(column)`"),
          fix: "--on-conflict replace takes the new row, --on-conflict skip keeps the old one")
        error.isConflict = !isRepeated
        throw error
      case .replace: fid = found
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

/// Finds the fid behind the id that a source names, for columns that keep the parent's fid.
final class FidLookup {
  let target: StoredLayer
  private(set) var unresolvedCount = 0
  /// The first few ids that name nothing, with their places.
  private(set) var examples: [String] = []
  private let find: SQLStatement
  private var lastID: String?
  private var lastFid: Int64?

  init(to target: StoredLayer, in connection: SQLConnection) throws(StoreError) {
    self.target = target
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
      find.bind(1, id)
      defer { find.reset() }
      lastFid = try find.step() ? find.int64(0) : nil
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
