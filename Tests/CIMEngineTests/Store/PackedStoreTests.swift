import Glibc
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// Databases filled page by page, read back and judged by SQLite.
@Suite("Pages of a new database")
struct PackedStoreTests {
  private let folder = ThrowawayFolder()

  /// Makes a database with a table and an index, gives its pages to `body`, and opens it again.
  private func database(_ body: (PackedStore) throws -> Void, _ look: (SQLConnection) throws -> Void) throws {
    let path = folder.file("a.sqlite")
    let connection = try Connection(path: path, access: .write, create: true)
    defer { connection.close() }
    try connection.use { connection in
      try connection.execute(
        "PRAGMA page_size = 4096; CREATE TABLE t (fid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, v, w); "
          + "CREATE TABLE other (x); INSERT INTO other VALUES ('kept')")
      let store = try PackedStore(path: path, in: connection)
      try body(store)
      try store.finish()
      #expect(try connection.text("PRAGMA integrity_check") == "ok")
      #expect(try connection.text("SELECT x FROM other") == "kept")
      try look(connection)
      // SQLite goes on with it.
      try connection.execute("INSERT INTO t (id, v) VALUES ('zzz-new', 1); DELETE FROM t WHERE fid % 3 = 0")
      #expect(try connection.text("PRAGMA integrity_check") == "ok")
    }
  }

  private func fill(_ store: PackedStore, ids: [String], values: [(Value, [UInt8])]) throws {
    let table = try store.table("t")
    let own = PackedIDs()
    var record = RecordBytes()
    for (row, (id, (value, bytes))) in zip(ids, values).enumerated() {
      record.removeAll()
      record.appendNull()
      var id = id
      try id.withUTF8 { bytes in
        record.append(text: UnsafeRawBufferPointer(bytes))
        try own.append(bytes)
      }
      switch value {
      case .int(let number): record.append(number)
      case .double(let number): record.append(number)
      default: record.appendNull()
      }
      bytes.withUnsafeBytes { record.append(blob: $0) }
      try table.append(Int64(row + 1), record)
    }
    try table.finish()
    try own.fill(store.index(PackedStore.idIndex(of: "t")))
  }

  @Test(
    "tables of any size are sound and hold what was put into them",
    arguments: [0, 1, 2, 3, 50, 51, 400, 3_000, 40_000], [1, 2] as [UInt64])
  func tables(count: Int, seed: UInt64) throws {
    var random = SplitMix64(seed: seed &+ UInt64(count))
    let edges: [Int64] = [
      0, 1, -1, 127, 128, -128, -129, 32_767, 32_768, -32_769, 8_388_607, 8_388_608, -8_388_609, 2_147_483_647,
      2_147_483_648, -2_147_483_649, 140_737_488_355_327, 140_737_488_355_328, -140_737_488_355_329, .max, .min,
    ]
    // Around what stays in a leaf, one overflow page, several.
    let sizes = [
      0, 1, 56, 57, 58, 100, 125, 126, 127, 400, 4_040, 4_050, 4_051, 4_052, 4_061, 4_062, 8_100, 8_192, 20_000,
    ]
    var ids: [String] = []
    var values: [(Value, [UInt8])] = []
    for row in 0..<count {
      ids.append(seed == 1 ? "P-\(10_000_000 + row)" : "\(random.next() % 1_000_000_007)-\(row)")
      let value: Value =
        switch random.next() % 4 {
        case 0: .null
        case 1: .double(Double(Int64(bitPattern: random.next())) / 1_000)
        default: .int(random.next() % 2 == 0 ? edges[Int(random.next() % UInt64(edges.count))] : Int64(row))
        }
      let isLarge = random.next() % (count > 5_000 ? 500 : 5) == 0
      let size = isLarge ? sizes[Int(random.next() % UInt64(sizes.count))] : Int(random.next() % 40)
      values.append((value, (0..<size).map { UInt8(truncatingIfNeeded: row &* 31 &+ $0) }))
    }
    try database({ try fill($0, ids: ids, values: values) }) { connection in
      let rows = try connection.prepare("SELECT fid, id, v, w FROM t ORDER BY fid")
      var row = 0
      while try rows.step() {
        guard row < count else { break }
        #expect(rows.int64(0) == Int64(row + 1) && rows.text(1) == ids[row])
        switch values[row].0 {
        case .int(let number): #expect(rows.columnType(2) == 1 && rows.int64(2) == number)
        case .double(let number): #expect(rows.columnType(2) == 2 && rows.double(2) == number)
        default: #expect(rows.isNull(2))
        }
        let blob = rows.blob(3)
        #expect(blob.elementsEqual(values[row].1))
        row += 1
      }
      #expect(row == count)
      rows.reset()
      let find = try connection.prepare("SELECT fid FROM t WHERE id = ?")
      for row in stride(from: 0, to: count, by: max(1, count / 50)) {
        find.bind(1, ids[row])
        let isFound = try find.step()
        #expect(isFound && find.int64(0) == Int64(row + 1))
        find.reset()
      }
      let sorted = try connection.prepare("SELECT fid FROM t INDEXED BY sqlite_autoindex_t_1 ORDER BY id")
      var seen = 0
      while try sorted.step() { seen += 1 }
      #expect(seen == count)
    }
  }

  @Test("long ids make levels of few entries", arguments: [5, 40, 300, 2_000])
  func longIDs(count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    let ids = (0..<count).map { row in
      let letter = Character(UnicodeScalar(97 + UInt8(random.next() % 26)))
      return String(repeating: letter, count: Int(random.next() % 880)) + "-\(row)"
    }
    try database({ try fill($0, ids: ids, values: ids.map { _ in (.null, []) }) }) { connection in
      let found = try connection.int("SELECT count(*) FROM t INDEXED BY sqlite_autoindex_t_1")
      #expect(found == Int64(count))
    }
  }

  @Test("ids that cannot be packed are left to SQLite")
  func unsuitable() throws {
    for ids in [["a", "b", "a"], [String(repeating: "x", count: 1_000)]] {
      #expect(throws: PageFile.Unsuitable.self) {
        let path = folder.file("\(ids.count).sqlite")
        let connection = try Connection(path: path, access: .write, create: true)
        defer { connection.close() }
        var caught: PageFile.Unsuitable?
        try connection.use { connection in
          try connection.execute("CREATE TABLE t (fid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, v, w)")
          let store = try PackedStore(path: path, in: connection)
          do { try fill(store, ids: ids, values: ids.map { _ in (.null, []) }) } catch let error as PageFile.Unsuitable
          {
            caught = error
          }
        }
        if let caught { throw caught }
      }
    }
    // A table with rows is none to be filled.
    let path = folder.file("full.sqlite")
    let connection = try Connection(path: path, access: .write, create: true)
    defer { connection.close() }
    try connection.use { connection in
      try connection.execute(
        "CREATE TABLE t (fid INTEGER PRIMARY KEY, v); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
          + "LIMIT 5000) INSERT INTO t SELECT i, 'value ' || i FROM n")
      let store = try PackedStore(path: path, in: connection)
      var isRefused = false
      do { _ = try store.table("t") } catch is PageFile.Unsuitable { isRefused = true }
      #expect(isRefused)
    }
  }

  @Test("the page of the lock bytes is passed over")
  func lockPage() throws {
    let path = folder.file("large.sqlite")
    let connection = try Connection(path: path, access: .write, create: true)
    defer { connection.close() }
    try connection.use { connection in
      try connection.execute("CREATE TABLE t (fid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, v, w)")
    }
    // A file that ends just before the page, nearly all of it a hole.
    connection.reopenIfTouched()
    let descriptor = open(path, O_RDWR)
    var size = (PageFile.lockPage - 3).bigEndian
    #expect(pwrite(descriptor, &size, 4, 28) == 4)
    #expect(ftruncate(descriptor, off_t(Int(PageFile.lockPage - 3) * PageFile.pageSize)) == 0)
    close(descriptor)
    let ids = (0..<2_000).map { "id-\($0)" }
    try connection.use { connection in
      let store = try PackedStore(path: path, in: connection)
      let sizes = ids.map { $0.utf8.count % 2 == 0 ? 30 : 9_000 }
      try fill(store, ids: ids, values: sizes.map { (.int(7), Array(repeating: 5, count: $0)) })
      try store.finish()
      let sum = Int64(sizes.reduce(0) { $0 + $1 + 7 })
      #expect(try connection.int("SELECT sum(length(w) + v) FROM t") == sum)
      #expect(try connection.int("SELECT count(*) FROM t WHERE id >= 'id-'") == 2_000)
      #expect(try connection.int("SELECT count(*) FROM dbstat WHERE pageno = \(PageFile.lockPage)") == 0)
      let last = try connection.int("SELECT max(pageno) FROM dbstat") ?? 0
      #expect(last > Int64(PageFile.lockPage))
    }
  }

  private static func box(_ random: inout SplitMix64) -> Box2 {
    func number(_ limit: UInt64) -> Double { Double(random.next() % (limit * 1_000)) / 1_000 }
    let (x, y) = (460_000 + number(10_000), 3_840_000 + number(10_000))
    return Box2(x, y, x + number(200), y + number(200))
  }

  @Test("an R*Tree filled page by page is what SQLite takes for one", arguments: [0, 1, 51, 52, 2_601, 2_602, 9_000])
  func rtree(count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    let boxes = (0..<count).map { _ in Self.box(&random) }
    let path = folder.file("r.sqlite")
    let connection = try Connection(path: path, access: .write, create: true)
    defer { connection.close() }
    try connection.use { connection in
      try connection.execute("CREATE VIRTUAL TABLE idx USING rtree(pkid, xmin, xmax, ymin, ymax)")
      let store = try PackedStore(path: path, in: connection)
      try store.fillRTree("idx", fids: boxes.indices.map { Int64($0) * 2 + 1 }, boxes: boxes)
      try store.finish()
      #expect(try connection.text("PRAGMA integrity_check") == "ok")
      #expect(try connection.text("SELECT rtreecheck('idx')") == "ok")
      #expect(try connection.int("SELECT count(*) FROM idx") == Int64(count))
      for _ in 0..<20 {
        let window = Self.box(&random)
        let found = try connection.prepare(
          "SELECT pkid FROM idx WHERE xmin <= ? AND xmax >= ? AND ymin <= ? AND ymax >= ?"
        ).bind(1, window.max[0]).bind(2, window.min[0]).bind(3, window.max[1]).bind(4, window.min[1])
        var hits = Set<Int64>()
        while try found.step() { hits.insert(found.int64(0)) }
        for i in boxes.indices where boxes[i].intersects(window) { #expect(hits.contains(Int64(i) * 2 + 1)) }
      }
    }
  }

  /// Rows, indexes, catalogue and change log are the same whichever way they went.
  @Test("an import page by page writes what an import row by row writes")
  func sameImport() throws {
    let states = ["open", "full", "closed"]
    var points: [Feature] = []
    for i in 0..<700 {
      let values: [Value] = [.int(Int64(i)), .text(states[i % 3])]
      let place: Geometry? = i % 7 == 0 ? nil : .point(460_000 + Double(i), 3_840_000 - Double(i))
      points.append(Feature(id: "S-\(i * 37 % 701)", values: values, geometry: place, place: .line(i + 2)))
    }
    let source = MemorySource(
      "a.csv", layer: "shelter", columns: [.init(name: "capacity", type: .int), .init(name: "status", type: .text)],
      points)
    var dumps: [[String]] = []
    for isPacked in [false, true] {
      let path = folder.file("import-\(isPacked).sqlite")
      var options = ImportOptions()
      options.packsPages = isPacked
      _ = try Importer.run(into: path, sources: [source], options: options)
      let store = try Store.open(path)
      defer { store.close() }
      var lines: [String] = []
      try store.read { reader in
        for sql in [
          "SELECT fid || id || capacity || status || coalesce(hex(geom), '') FROM shelter ORDER BY fid",
          "SELECT fid FROM shelter ORDER BY id", "SELECT nodeno || hex(data) FROM idx_shelter_geom_node",
          "SELECT rowid || ':' || nodeno FROM idx_shelter_geom_rowid",
          "SELECT name || row_count || min_x FROM cimq_layer",
          "SELECT op || coalesce(layer, '') FROM cimq_change",
          "SELECT name || coalesce(sql, '') FROM sqlite_schema ORDER BY name",
        ] {
          let rows = try reader.connection.prepare(sql)
          while try rows.step() { lines.append(rows.text(0)) }
        }
        #expect(try reader.connection.text("PRAGMA integrity_check") == "ok")
      }
      dumps.append(lines)
    }
    #expect(dumps[0] == dumps[1] && dumps[0].count > 2_000)
  }
}
