internal import GRDBSQLite

/// The row that a scan stands on. Columns count along the list given to the scan.
///
/// Every accessor gives nil for NULL, and for a value that is not of the column's type, which is counted in the report:
/// SQLite lets any program write anything anywhere.
package struct ScanRow: ~Copyable {
  private let statement: SQLStatement
  private let handle: OpaquePointer
  private let layer: StoredLayer
  private let columns: [Int]
  private let hasGeometry: Bool
  private let mismatches: Mismatches
  /// For geometry that others registered in another CRS than the database's.
  private let transform: CRSTransform?

  private final class Mismatches {
    var counts: [Int: (count: Int, fid: Int64, value: String)] = [:]
    var badGeometries = 0
    var firstBadGeometry = ""
  }

  init(
    _ statement: SQLStatement, _ layer: StoredLayer, _ columns: [Int], _ hasGeometry: Bool, _ transform: CRSTransform?
  ) {
    self.transform = transform
    self.statement = statement
    handle = statement.handle
    self.layer = layer
    self.columns = columns
    self.hasGeometry = hasGeometry
    mismatches = Mismatches()
  }

  package var fid: Int64 { sqlite3_column_int64(handle, 0) }

  package func isNull(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column + 1)) == SQLITE_NULL }

  /// For `.int` columns, and for `.text` columns linked by `fid`, which hold a rowid of the target.
  package func int(_ column: Int) -> Int64? {
    let at = Int32(column + 1)
    switch sqlite3_column_type(handle, at) {
    case SQLITE_INTEGER: return sqlite3_column_int64(handle, at)
    case SQLITE_NULL: return nil
    case SQLITE_FLOAT:
      if let value = Int64(exactly: sqlite3_column_double(handle, at)) { return value }
    default: break
    }
    return mismatch(column)
  }

  package func double(_ column: Int) -> Double? {
    let at = Int32(column + 1)
    switch sqlite3_column_type(handle, at) {
    case SQLITE_FLOAT, SQLITE_INTEGER: return sqlite3_column_double(handle, at)
    case SQLITE_NULL: return nil
    default: return mismatch(column)
    }
  }

  package func bool(_ column: Int) -> Bool? {
    let at = Int32(column + 1)
    switch sqlite3_column_type(handle, at) {
    case SQLITE_INTEGER: return sqlite3_column_int64(handle, at) != 0
    case SQLITE_NULL: return nil
    case SQLITE_TEXT:
      switch statement.text(column + 1).lowercased() {
      case "true", "t", "1": return true
      case "false", "f", "0": return false
      default: break
      }
    default: break
    }
    return mismatch(column)
  }

  /// Days since 1970-01-01.
  package func date(_ column: Int) -> Int32? {
    if isNull(column) { return nil }
    guard let bytes = utf8(column), let date = StoredTime.date(bytes) else { return mismatch(column) }
    return date
  }

  /// Microseconds since 1970-01-01T00:00:00Z.
  package func timestamp(_ column: Int) -> Int64? {
    if isNull(column) { return nil }
    guard let bytes = utf8(column), let instant = StoredTime.instant(bytes) else { return mismatch(column) }
    return instant
  }

  /// Text of any column (numbers as SQLite writes them); valid until the scan goes on.
  package func utf8(_ column: Int) -> UnsafeBufferPointer<UInt8>? {
    let at = Int32(column + 1)
    switch sqlite3_column_type(handle, at) {
    case SQLITE_NULL: return nil
    case SQLITE_BLOB: return mismatch(column)
    default:
      let start = sqlite3_column_text(handle, at)
      return UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, at)))
    }
  }

  package func text(_ column: Int) -> String? { utf8(column).map { String(decoding: $0, as: UTF8.self) } }

  /// The value by its column's type; a column linked by `fid` gives the number, and lists their JSON text.
  package func value(_ column: Int) -> Value {
    switch layer.layer.columns[columns[column]].type {
    case .bool: bool(column).map { .bool($0) } ?? .null
    case .int: int(column).map { .int($0) } ?? .null
    case .double: double(column).map { .double($0) } ?? .null
    case .text, .list: text(column).map { .text($0) } ?? .null
    case .date: date(column).map { .date($0) } ?? .null
    case .timestamp: timestamp(column).map { .timestamp($0) } ?? .null
    case .geometry: .null
    }
  }

  /// Reads the geometry into `geometry`, in the database's CRS, using its memory again. False when it is NULL, or
  /// cannot be read, which the report says.
  package func readGeometry(into geometry: inout Geometry) -> Bool {
    guard let blob = geometryBlob else { return false }
    do {
      try SpatiaLiteBlob.read(blob, into: &geometry)
      if let transform { try transform.apply(&geometry) }
      return !geometry.isEmpty
    } catch {
      if mismatches.badGeometries == 0 {
        let what = (error as? GeometryReadError)?.what ?? (error as? CRSError)?.message ?? "\(error)"
        mismatches.firstBadGeometry = "row \(fid): \(what)"
      }
      mismatches.badGeometries += 1
      return false
    }
  }

  /// The geometry as stored, in the CRS it is registered in, or nil when NULL; valid until the scan goes on.
  package var geometryBlob: UnsafeRawBufferPointer? {
    guard hasGeometry else { return nil }
    let at = Int32(columns.count + 1)
    guard sqlite3_column_type(handle, at) == SQLITE_BLOB else { return nil }
    return UnsafeRawBufferPointer(
      start: sqlite3_column_blob(handle, at), count: Int(sqlite3_column_bytes(handle, at)))
  }

  private func mismatch<T>(_ column: Int) -> T? {
    let fid = self.fid
    if let entry = mismatches.counts[column] {
      mismatches.counts[column] = (entry.count + 1, entry.fid, entry.value)
    } else {
      let at = Int32(column + 1)
      let value =
        sqlite3_column_type(handle, at) == SQLITE_BLOB ? "bytes" : "'\(statement.text(column + 1).prefix(40))'"
      mismatches.counts[column] = (1, fid, value)
    }
    return nil
  }

  var report: ScanReport {
    var result = ScanReport()
    if mismatches.badGeometries > 0 {
      result.messages.append(
        "\(layer.layer.name): \(mismatches.badGeometries) "
          + "\(mismatches.badGeometries == 1 ? "geometry" : "geometries") cannot be read and count as NULL, first in "
          + mismatches.firstBadGeometry)
    }
    for (column, entry) in mismatches.counts.sorted(by: { $0.key < $1.key }) {
      let known = layer.layer.columns[columns[column]]
      result.messages.append(
        "\(layer.layer.name).\(known.name): \(entry.count) \(entry.count == 1 ? "value is" : "values are") not "
          + "of type \(known.type.rawValue) and read as NULL, such as \(entry.value) in the row \(entry.fid)")
    }
    return result
  }
}
