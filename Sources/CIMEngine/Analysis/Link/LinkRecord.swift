/// What `cimq_link_run` keeps of the last LINK of a pair of layers: which columns it filled and at which revision, so that
/// the next one matches only what was touched since.
struct LinkRecord: Sendable, Equatable {
  var layer: String
  var targetLayer: String
  /// Of `layer`.
  var column: String
  var methodColumn: String
  var distanceColumn: String
  /// Metres; nil without ELSE NEAREST.
  var within: Double?
  var revision: Revision

  static let table = """
    CREATE TABLE IF NOT EXISTS cimq_link_run (
      layer TEXT NOT NULL COLLATE NOCASE, target_layer TEXT NOT NULL COLLATE NOCASE, "column" TEXT NOT NULL,
      method_column TEXT NOT NULL, distance_column TEXT NOT NULL,
      -- NULL: no row further than its own place was taken.
      within_m DOUBLE,
      -- The last entry of cimq_change that the LINK has seen, its own included.
      revision INTEGER NOT NULL, token INTEGER NOT NULL, finished TIMESTAMP NOT NULL,
      inside INTEGER NOT NULL, nearest INTEGER NOT NULL, none INTEGER NOT NULL, PRIMARY KEY (layer, target_layer))
    """

  /// Every record of a layer; none in a database that has not seen a LINK.
  static func all(of layer: String, in connection: SQLConnection) throws(StoreError) -> [LinkRecord] {
    guard try connection.int("SELECT 1 FROM sqlite_schema WHERE name = 'cimq_link_run'") != nil else { return [] }
    let uuid = try connection.text("SELECT uuid FROM cimq_meta") ?? ""
    let rows = try connection.prepare(
      """
      SELECT layer, target_layer, "column", method_column, distance_column, within_m, revision, token
      FROM cimq_link_run WHERE layer = ? ORDER BY target_layer
      """
    ).bind(1, layer)
    var result: [LinkRecord] = []
    while try rows.step() {
      result.append(
        LinkRecord(
          layer: rows.text(0), targetLayer: rows.text(1), column: rows.text(2), methodColumn: rows.text(3),
          distanceColumn: rows.text(4), within: rows.optionalDouble(5),
          revision: Revision(uuid: uuid, revision: rows.int64(6), token: rows.int64(7))))
    }
    return result
  }

  func write(_ counts: [Int], in connection: SQLConnection) throws(StoreError) {
    try connection.execute(Self.table)
    let insert = try connection.prepare(
      """
      INSERT OR REPLACE INTO cimq_link_run (layer, target_layer, "column", method_column, distance_column, within_m,
        revision, token, finished, inside, nearest, none)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?, ?, ?)
      """
    ).bind(1, layer).bind(2, targetLayer).bind(3, column).bind(4, methodColumn).bind(5, distanceColumn)
    if let within { insert.bind(6, within) } else { insert.bindNull(6) }
    insert.bind(7, revision.revision).bind(8, revision.token)
    for (i, count) in counts.enumerated() { insert.bind(9 + i, Int64(count)) }
    try insert.run()
  }
}
