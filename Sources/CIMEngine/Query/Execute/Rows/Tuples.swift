/// A batch of joined rows: row numbers for each source, metres for each slot of `BoundFind.distances`.
///
/// Columns are fetched only when an expression reads them, so a join moves four bytes a row and source.
struct Tuples {
  /// What an outer join puts where no row matched.
  static var none: UInt32 { .max }
  /// How many rows a batch holds at most while it travels.
  static var capacity: Int { 1024 }

  var count: Int
  /// By source; empty for a source that is not joined (yet).
  var rows: [[UInt32]]
  /// Bit s is set where rows of source s may be `none`.
  var nullable: UInt64 = 0
  /// By slot; NaN where unknown, empty where not measured.
  var distances: [[Double]]

  init(count: Int = 0, sourceCount: Int, distanceCount: Int) {
    self.count = count
    rows = Array(repeating: [], count: sourceCount)
    distances = Array(repeating: [], count: distanceCount)
  }

  /// Rows of one table.
  init(source: Int = 0, rows: [UInt32], sourceCount: Int = 1, distanceCount: Int = 0) {
    self.init(count: rows.count, sourceCount: sourceCount, distanceCount: distanceCount)
    self.rows[source] = rows
  }

  func mayBeNone(_ source: Int) -> Bool { nullable >> UInt64(source) & 1 != 0 }

  /// The rows at `indices`, in that order.
  func selecting(_ indices: [Int32]) -> Tuples {
    var result = self
    result.count = indices.count
    for s in rows.indices where !rows[s].isEmpty { result.rows[s] = picked(rows[s], indices) }
    for d in distances.indices where !distances[d].isEmpty { result.distances[d] = picked(distances[d], indices) }
    return result
  }

  func slice(_ range: Range<Int>) -> Tuples {
    if range == 0..<count { return self }
    var result = self
    result.count = range.count
    for s in rows.indices where !rows[s].isEmpty { result.rows[s] = Array(rows[s][range]) }
    for d in distances.indices where !distances[d].isEmpty { result.distances[d] = Array(distances[d][range]) }
    return result
  }

  /// Calls `body` with pieces of at most `size` rows.
  func forEachSlice(of size: Int, _ body: (Tuples) throws -> Void) throws {
    for start in stride(from: 0, to: count, by: size) { try body(slice(start..<min(start + size, count))) }
  }

  mutating func append(_ other: Tuples) {
    if count == 0 {
      self = other
      return
    }
    count += other.count
    nullable |= other.nullable
    for s in rows.indices { rows[s].append(contentsOf: other.rows[s]) }
    for d in distances.indices { distances[d].append(contentsOf: other.distances[d]) }
  }

  /// What a row costs in memory.
  var bytesPerRow: Int {
    rows.reduce(0) { $0 + ($1.isEmpty ? 0 : 4) } + distances.reduce(0) { $0 + ($1.isEmpty ? 0 : 8) }
  }

  /// Calls `body` with pieces of at most ``capacity`` rows.
  func forEachPiece(_ body: (Tuples) throws(QueryError) -> Void) throws(QueryError) {
    if count <= Tuples.capacity { return try body(self) }
    var start = 0
    while start < count {
      let end = min(start + Tuples.capacity, count)
      try body(slice(start..<end))
      start = end
    }
  }
}

@inline(__always)
func picked<T: BitwiseCopyable>(_ values: [T], _ indices: [Int32]) -> [T] {
  [T](unsafeUninitializedCapacity: indices.count) { out, count in
    values.withUnsafeBufferPointer { values in
      for i in indices.indices { out.initializeElement(at: i, to: values[Int(indices[i])]) }
    }
    count = indices.count
  }
}
