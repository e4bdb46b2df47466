internal import GRDBSQLite

/// The link columns of very many rows, written by one statement: SQLite goes through the table once and asks a function
/// for the values of each row, instead of being asked to find row after row.
final class LinkUpdate {
  /// Ascending; `indices` says which result belongs to which.
  private let fids: [Int64]
  private let indices: [Int]
  private let result: LinkMatch.Result
  private let keys: TargetKeys
  private let methods = LinkMethod.allCases.map { Array($0.text.utf8) }
  /// Where the last row was found: the next one is most often right behind.
  private var place = 0

  private static let name = "cimq_linked"

  init(_ rows: [(fid: Int64, index: Int)], _ result: LinkMatch.Result, _ keys: TargetKeys) {
    fids = rows.map(\.fid)
    indices = rows.map(\.index)
    self.result = result
    self.keys = keys
  }

  /// - Parameters: names as they stand in SQL.
  func run(
    table: String, rowColumn: String, link: String, method: String, distance: String, in connection: SQLConnection
  ) throws(StoreError) {
    let code = sqlite3_create_function_v2(
      connection.handle, Self.name, 2, SQLITE_UTF8, Unmanaged.passUnretained(self).toOpaque(),
      { context, _, arguments in
        guard let context, let arguments, let own = sqlite3_user_data(context) else { return }
        Unmanaged<LinkUpdate>.fromOpaque(own)._withUnsafeGuaranteedRef {
          $0.answer(context, fid: sqlite3_value_int64(arguments[0]), what: sqlite3_value_int64(arguments[1]))
        }
      }, nil, nil, nil)
    guard code == SQLITE_OK else { throw StoreError(connection.handle, code) }
    defer {
      sqlite3_create_function_v2(connection.handle, Self.name, 2, SQLITE_UTF8, nil, nil, nil, nil, nil)
      withExtendedLifetime(self) {}
    }
    let values = [link, method, distance].enumerated().map { "\($1) = \(Self.name)(\(rowColumn), \($0))" }
    try connection.execute(
      "UPDATE \(table) SET \(values.joined(separator: ", ")) WHERE \(Self.name)(\(rowColumn), 3)")
  }

  private func answer(_ context: OpaquePointer, fid: Int64, what: Int64) {
    guard let row = row(fid) else {
      // Only the condition asks for rows that are not to be changed.
      return sqlite3_result_int(context, 0)
    }
    let index = indices[row]
    switch what {
    case 0: keys.give(result.targets[index], to: context)
    case 1:
      methods[Int(result.methods[index])].withUnsafeBytes {
        sqlite3_result_text64(
          context, $0.baseAddress?.assumingMemoryBound(to: CChar.self), UInt64($0.count), Self.transient,
          UInt8(SQLITE_UTF8))
      }
    case 2:
      let distance = result.distances[index]
      if distance.isNaN { sqlite3_result_null(context) } else { sqlite3_result_double(context, distance) }
    default: sqlite3_result_int(context, 1)
    }
  }

  private func row(_ fid: Int64) -> Int? {
    if fids[place] == fid { return place }
    if place + 1 < fids.count, fids[place + 1] == fid {
      place += 1
      return place
    }
    var (low, high) = (0, fids.count)
    while low < high {
      let middle = (low + high) / 2
      if fids[middle] < fid { low = middle + 1 } else { high = middle }
    }
    guard low < fids.count, fids[low] == fid else { return nil }
    place = low
    return low
  }

  private static let transient = unsafeBitCast(OpaquePointer(bitPattern: -1), to: sqlite3_destructor_type.self)
}
