/// Single rows and values: by the key in the store, by id, code and name.
extension Segment {
  /// The key of a row in the store. Rows are checked one by one.
  public func fid(_ row: Int) throws(SnapshotDamage) -> Int64 {
    precondition(row >= 0 && row < rowCount)
    if let fid = try overlay?.fid(row) { return fid }
    if let fids = directory.narrowFids {
      try file.check(fids.bytes(row..<row + 1))
      return Int64(fids.start[row])
    }
    let fids = directory.wideFids!
    try file.check(fids.bytes(row..<row + 1))
    return fids.start[row]
  }

  /// The row with this key in the store, or nil.
  public func row(fid: Int64) throws(SnapshotDamage) -> Int? {
    if let overlay { return try overlay.row(fid: fid) }
    switch directory.fidIndex {
    case .dense(let first, let rows):
      let (index, overflow) = fid.subtractingReportingOverflow(first)
      guard !overflow, index >= 0, index < rows.count else { return nil }
      try file.check(rows.bytes(Int(index)..<Int(index) + 1))
      let row = rows.start[Int(index)]
      return row == LinkColumn.none ? nil : Int(row)
    case .sparse(let fids, let rows):
      var (low, high) = (0, fids.count)
      while low < high {
        let middle = (low + high) / 2
        try file.check(fids.bytes(middle..<middle + 1))
        if fids.start[middle] < fid { low = middle + 1 } else { high = middle }
      }
      guard low < fids.count else { return nil }
      try file.check(fids.bytes(low..<low + 1))
      guard fids.start[low] == fid else { return nil }
      try file.check(rows.bytes(low..<low + 1))
      return Int(rows.start[low])
    }
  }

  /// The index from fids to rows, all of it checked.
  func checkedFidIndex() throws(SnapshotDamage) -> FidIndex {
    switch directory.fidIndex {
    case .dense(_, let rows): try file.check(rows.bytes)
    case .sparse(let fids, let rows):
      try file.check(fids.bytes)
      try file.check(rows.bytes)
    }
    return directory.fidIndex
  }

  /// The id of a row; empty in a layer without ids.
  public func id(_ row: Int) throws(SnapshotDamage) -> String {
    guard let idColumn, case .text(let id)? = try text(idColumn, row) else { return "" }
    return id
  }

  /// The row with this id, or nil.
  public func row(id: String) throws(SnapshotDamage) -> Int? {
    guard let idColumn else { return nil }
    return try rows(column: idColumn, equals: id).first.map { Int($0) }
  }

  /// The rows with this value in the column `code`, ascending; none where there is no such column.
  public func rows(code: String) throws(SnapshotDamage) -> [UInt32] { try rows(named: "code", code) }

  /// The rows with this value in the column `name`, ascending; none where there is no such column.
  public func rows(name: String) throws(SnapshotDamage) -> [UInt32] { try rows(named: "name", name) }

  private func rows(named column: String, _ text: String) throws(SnapshotDamage) -> [UInt32] {
    guard let index = columnIndex(named: column) else { return [] }
    return try rows(column: index, equals: text)
  }

  /// The rows of a column of text that hold exactly `text`, ascending. By bisection where the column is indexed (`id`,
  /// `code`, `name` and columns that links name); else a scan.
  public func rows(column: Int, equals text: String) throws(SnapshotDamage) -> [UInt32] {
    if let overlay { return try overlay.rows(column: column, equals: text) }
    if let base { return try base.rows(column: column, equals: text) }
    var text = text
    // Typed throws do not pass through withUTF8.
    let result: Result<[UInt32], SnapshotDamage> = text.withUTF8 { key in
      do throws(SnapshotDamage) { return .success(try rows(column: column, equals: key)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func rows(column: Int, equals key: UnsafeBufferPointer<UInt8>) throws(SnapshotDamage) -> [UInt32] {
    if let index = directory.textIndexes[column] {
      let low = try bisect(index, column) { precedes($0, key) }
      let high = try bisect(index, column) { !precedes(key, $0) }
      guard low < high else { return [] }
      try file.check(index.bytes(low..<high))
      return Array(UnsafeBufferPointer(start: index.start + low, count: high - low))
    }
    switch try self.column(column) {
    case .dictionary(let strings):
      guard
        let code = (0..<strings.dictionary.count).first(where: { areEqual(strings.dictionary.utf8($0), key) })
      else { return [] }
      return (0..<rowCount).filter { strings.code($0) == UInt32(code) && strings.validity[$0] }.map { UInt32($0) }
    case .text(let strings):
      return (0..<rowCount).filter { strings.validity[$0] && areEqual(strings.utf8($0), key) }
        .map { UInt32($0) }
    default: return []
    }
  }

  /// The first position in an index whose string is not before the key.
  private func bisect(
    _ index: Section<UInt32>, _ column: Int, _ isBefore: (UnsafeBufferPointer<UInt8>) -> Bool
  ) throws(SnapshotDamage) -> Int {
    var (low, high) = (0, index.count)
    while low < high {
      let middle = (low + high) / 2
      try file.check(index.bytes(middle..<middle + 1))
      let row = Int(index.start[middle])
      let isLow =
        switch try self.column(column, rows: row..<row + 1) {
        case .text(let strings): isBefore(strings.utf8(row))
        case .dictionary(let strings): isBefore(strings.dictionary.utf8(Int(strings.code(row))))
        default: false
        }
      if isLow { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The rows in the order of a column of text, NULLs left out, when the column is indexed (`id`, `code`, `name`, …)
  /// and nothing was edited since.
  /// All of it is checked. Good for ORDER BY id LIMIT n without a sort.
  public func rowsInOrder(of column: Int) throws(SnapshotDamage) -> UnsafeBufferPointer<UInt32>? {
    if overlay != nil { return nil }
    guard let index = directory.textIndexes[column] else { return nil }
    try file.check(index.bytes)
    return UnsafeBufferPointer(start: index.start, count: index.count)
  }

  /// As ``rowsInOrder(of:)``, only the first `count` of them checked and returned.
  func rowsInOrder(of column: Int, first count: Int) throws(SnapshotDamage) -> UnsafeBufferPointer<UInt32>? {
    if overlay != nil { return nil }
    guard let index = directory.textIndexes[column] else { return nil }
    let count = min(count, index.count)
    try file.check(index.bytes(0..<count))
    return UnsafeBufferPointer(start: index.start, count: count)
  }

  // MARK: Single values

  /// One value, for lookups and tests. A link by fid has no value of its own (``Snapshot/value(layer:column:row:)`` gives
  /// the id of what it names) and reads as NULL here. Lists read as their JSON text.
  public func value(_ column: Int, _ row: Int) throws(SnapshotDamage) -> Value {
    precondition(row >= 0 && row < rowCount)
    func valid<T>(_ column: FixedColumn<T>, _ make: (T) -> Value) -> Value {
      column.validity[row] ? make(column.values[row]) : .null
    }
    return switch try self.column(column, rows: row..<row + 1) {
    case .bool(let values): valid(values) { .bool($0 != 0) }
    case .int8(let values): valid(values) { .int(Int64($0)) }
    case .int16(let values): valid(values) { .int(Int64($0)) }
    case .int32(let values): valid(values) { .int(Int64($0)) }
    case .int64(let values): valid(values) { .int($0) }
    case .double(let values): valid(values) { .double($0) }
    case .date(let values): valid(values) { .date($0) }
    case .timestamp(let values): valid(values) { .timestamp($0) }
    case .text(let strings), .list(let strings): strings.validity[row] ? .text(strings[row]) : .null
    case .dictionary(let strings):
      strings.validity[row] ? .text(strings.dictionary[Int(strings.code(row))]) : .null
    case .link: .null
    }
  }

  private func text(_ column: Int, _ row: Int) throws(SnapshotDamage) -> Value? {
    let value = try value(column, row)
    if case .text = value { return value }
    return nil
  }
}
