// Columns of mapped memory into vectors, for the rows of a batch.

extension Table {
  /// The values of `column` at `rows`.
  ///
  /// - Parameters:
  ///   - mayBeNone: whether `rows` may hold ``Tuples/none``, which reads as NULL.
  ///   - target: the table that a link column points into.
  func gather(
    column: Int, rows: [UInt32], mayBeNone: Bool, target: (Int) throws(QueryError) -> Table
  ) throws(QueryError) -> Vector {
    if case .link = columns[column] {
      try verifyLink(column, rows: rows, mayBeNone: mayBeNone)
    } else {
      try verify(column, rows: rows, mayBeNone: mayBeNone)
    }
    if let held = computedGeometry[column] {
      let values = rows.map { $0 == Tuples.none ? nil : held[Int($0)] }
      return Vector(.geometry(values), validity: values.contains { $0 == nil } ? values.map { $0 != nil } : nil)
    }
    return switch columns[column] {
    case .bool(let c): gatherFixed(c, rows, mayBeNone) { $0 != 0 }.vector(Vector.Storage.bool)
    case .int8(let c): gatherFixed(c, rows, mayBeNone) { Int64($0) }.vector(Vector.Storage.int)
    case .int16(let c): gatherFixed(c, rows, mayBeNone) { Int64($0) }.vector(Vector.Storage.int)
    case .int32(let c): gatherFixed(c, rows, mayBeNone) { Int64($0) }.vector(Vector.Storage.int)
    case .int64(let c): gatherFixed(c, rows, mayBeNone) { $0 }.vector(Vector.Storage.int)
    case .double(let c): gatherFixed(c, rows, mayBeNone) { $0 }.vector(Vector.Storage.double)
    case .date(let c): gatherFixed(c, rows, mayBeNone) { $0 }.vector(Vector.Storage.date)
    case .timestamp(let c): gatherFixed(c, rows, mayBeNone) { $0 }.vector(Vector.Storage.timestamp)
    case .text(let c): gatherText(c, rows, mayBeNone)
    case .dictionary(let c):
      gatherCodes(c, rows, mayBeNone).vector { .dictionary($0, dictionary(ofColumn: column)) }
    case .list(let c): gatherList(c, rows, mayBeNone)
    case .link(let c): try gatherLink(c, rows, mayBeNone, target: try target(c.targetLayer))
    }
  }

  /// The id that a link resolved by fid shows: that of its target.
  private func gatherLink(
    _ c: LinkColumn, _ rows: [UInt32], _ mayBeNone: Bool, target: Table
  ) throws(QueryError) -> Vector {
    let targets = followed(c.rows, rows, mayBeNone)
    guard let id = target.idColumn else { return Vector(.null(count: rows.count)) }
    return try target.gather(column: id, rows: targets, mayBeNone: true) { _ throws(QueryError) in target }
  }
}

extension Table {
  /// The rows that a link by fid leads to.
  func targets(
    of link: LinkColumn, column: Int, _ rows: [UInt32], mayBeNone: Bool
  ) throws(QueryError) -> [UInt32] {
    try verifyLink(column, rows: rows, mayBeNone: mayBeNone)
    return followed(link.rows, rows, mayBeNone)
  }
}

/// `table[row]` for each row; `none` stays `none`.
func followed(_ table: UnsafePointer<UInt32>, _ rows: [UInt32], _ mayBeNone: Bool) -> [UInt32] {
  if mayBeNone { return rows.map { $0 == Tuples.none ? Tuples.none : table[Int($0)] } }
  return [UInt32](unsafeUninitializedCapacity: rows.count) { out, count in
    for i in rows.indices { out.initializeElement(at: i, to: table[Int(rows[i])]) }
    count = rows.count
  }
}

/// Values with a flag for each row, nil when all are valid.
struct Gathered<Element> {
  var values: [Element]
  var validity: [Bool]?

  @inline(__always)
  func vector(_ make: ([Element]) -> Vector.Storage) -> Vector { Vector(make(values), validity: validity) }
}

@inline(__always)
func gatherFixed<E, R>(
  _ column: FixedColumn<E>, _ rows: [UInt32], _ mayBeNone: Bool, _ convert: (E) -> R
) -> Gathered<R> {
  gatherRows(rows, mayBeNone, column.validity, default: convert(zeroed(E.self))) { convert(column.values[$0]) }
}

@inline(__always)
private func zeroed<E: BitwiseCopyable>(_: E.Type) -> E {
  withUnsafeTemporaryAllocation(of: E.self, capacity: 1) {
    UnsafeMutableRawPointer($0.baseAddress!).initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<E>.size)
    return $0[0]
  }
}

@inline(__always)
func gatherRows<R>(
  _ rows: [UInt32], _ mayBeNone: Bool, _ validity: Validity, default empty: R, _ value: (Int) -> R
) -> Gathered<R> {
  var result = Gathered<R>(values: [], validity: nil)
  rows.withUnsafeBufferPointer { rows in
    if !mayBeNone {
      result.values = [R](unsafeUninitializedCapacity: rows.count) { out, count in
        for i in 0..<rows.count { out.initializeElement(at: i, to: value(Int(rows[i]))) }
        count = rows.count
      }
      guard let words = validity.words else { return }
      var all = true
      let flags = [Bool](unsafeUninitializedCapacity: rows.count) { out, count in
        for i in 0..<rows.count {
          let row = Int(rows[i])
          let valid = words[row >> 6] >> UInt64(row & 63) & 1 != 0
          all = all && valid
          out.initializeElement(at: i, to: valid)
        }
        count = rows.count
      }
      if !all { result.validity = flags }
      return
    }
    result.values.reserveCapacity(rows.count)
    var flags = [Bool](repeating: true, count: rows.count)
    var all = true
    for i in 0..<rows.count {
      if rows[i] != Tuples.none, validity[Int(rows[i])] {
        result.values.append(value(Int(rows[i])))
      } else {
        result.values.append(empty)
        flags[i] = false
        all = false
      }
    }
    if !all { result.validity = flags }
  }
  return result
}

func gatherCodes(_ column: DictionaryColumn, _ rows: [UInt32], _ mayBeNone: Bool) -> Gathered<UInt32> {
  switch column.codes {
  case .bytes(let c): gatherRows(rows, mayBeNone, column.validity, default: 0) { UInt32(c.values[$0]) }
  case .words(let c): gatherRows(rows, mayBeNone, column.validity, default: 0) { UInt32(c.values[$0]) }
  }
}

private func gatherText(_ column: TextColumn, _ rows: [UInt32], _ mayBeNone: Bool) -> Vector {
  gatherRows(rows, mayBeNone, column.validity, default: "") { column[$0] }.vector(Vector.Storage.text)
}

private func gatherList(_ column: TextColumn, _ rows: [UInt32], _ mayBeNone: Bool) -> Vector {
  gatherRows(rows, mayBeNone, column.validity, default: []) { JSONList.parse(column.utf8($0)) }
    .vector(Vector.Storage.list)
}

extension Table {
  /// Copies of the geometries at `rows`.
  func gatherGeometry(rows: [UInt32], mayBeNone: Bool) throws(QueryError) -> Vector {
    guard let geometry else { return Vector(.null(count: rows.count)) }
    try verifyGeometry(rows: rows, mayBeNone: mayBeNone)
    var values: [Geometry?] = []
    values.reserveCapacity(rows.count)
    var all = true
    for row in rows {
      let value = row == Tuples.none ? nil : geometry.geometry(Int(row))
      if value == nil { all = false }
      values.append(value)
    }
    return Vector(.geometry(values), validity: all ? nil : values.map { $0 != nil })
  }
}
