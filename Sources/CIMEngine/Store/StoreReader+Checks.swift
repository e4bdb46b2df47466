extension StoreReader {
  /// What SQLite itself finds wrong with the file; empty when it is sound. Reads all of it.
  package func integrityFindings() throws(StoreError) -> [String] {
    let statement = try connection.prepare("PRAGMA integrity_check(20)")
    var findings: [String] = []
    while try statement.step() {
      let finding = statement.text(0)
      if finding != "ok" { findings.append("\(path): \(finding)") }
    }
    // The R*Tree's own check compares every entry with its node and its parent; it needs the module, not SpatiaLite.
    let trees = try connection.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING rtree(%'")
    while try trees.step() {
      let name = trees.text(0)
      if let result = try connection.text("SELECT rtreecheck(\(literal(name)))"), result != "ok" {
        findings.append("\(path): spatial index \(name): \(result)")
      }
    }
    return findings
  }

  /// Links that name rows which are not there: how many, with examples.
  package func brokenReferences() throws(StoreError) -> [String] {
    let catalog = try self.catalog().catalog
    var findings: [String] = []
    for link in catalog.links {
      guard let layer = catalog.layers.first(where: { $0.name == link.layer }),
        layer.columns.contains(where: { $0.name == link.column }),
        catalog.layers.contains(where: { $0.name == link.targetLayer })
      else { continue }
      let (table, column) = (quoted(link.layer), quoted(link.column))
      let (target, key) = (quoted(link.targetLayer), quoted(link.targetColumn))
      let rest =
        "FROM \(table) WHERE \(column) IS NOT NULL AND NOT EXISTS "
        + "(SELECT 1 FROM \(target) AS t WHERE t.\(key) = \(table).\(column))"
      guard let count = try connection.int("SELECT COUNT(*) " + rest), count > 0 else { continue }
      let examples = try connection.prepare("SELECT \(column) " + rest + " LIMIT 3")
      var names: [String] = []
      while try examples.step() { names.append("'\(examples.text(0))'") }
      findings.append(
        "\(link.layer).\(link.column): \(count) name no \(link.targetLayer).\(link.targetColumn), such as "
          + names.joined(separator: ", "))
    }
    return findings
  }
}
