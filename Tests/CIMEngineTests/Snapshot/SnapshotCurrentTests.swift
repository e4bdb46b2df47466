import Glibc
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// Notices in the order in which they come.
private final class Notices {
  var lines: [String] = []
}

extension Notices {
  func packed(_ store: Store) throws -> Snapshot {
    try Snapshot.packed(for: store, notice: { self.lines.append($0) })
  }
  func current(_ store: Store) throws -> Snapshot {
    try Snapshot.current(for: store, notice: { self.lines.append($0) })
  }
}

/// A database of rooms in houses in grids, each linked in another way.
func makeLinkedCity(_ fixture: StoreFixture, houses: Int = 40, rooms: Int = 200) throws {
  let store = try Store.openForWriting(fixture.path)
  try store.write { writer in
    let text = { (name: String) in Catalog.Column(name: name, type: .text) }
    let grid = try writer.createLayer(
      "grid3", columns: [text("code"), text("parent")], geometry: .init(kind: .polygon))
    let gridTable = try TableWriter(grid, isNew: true, conflict: .fail, in: writer.connection)
    try gridTable.begin(columns: [1, 2])
    for i in 0..<4 {
      let box = Box2(Double(460_000 + 1000 * i), 3_840_000, Double(461_000 + 1000 * i), 3_841_000)
      _ = try gridTable.insert(
        Feature(
          id: "G-\(i)", values: [.text("41010\(i)"), i == 0 ? .null : .text("41010\(i / 2)")],
          geometry: .rectangle(box), place: .feature(i)), path: "fixture")
    }
    try gridTable.finish(position: writer.position(of: "grid3"))
    let house = try writer.createLayer(
      "house", columns: [text("grid3"), Catalog.Column(name: "height", type: .double, unit: "m")],
      geometry: .init(kind: .polygon))
    let houseTable = try TableWriter(house, isNew: true, conflict: .fail, in: writer.connection)
    try houseTable.begin(columns: [1, 2])
    for i in 0..<houses {
      let (x, y) = (460_000 + Double(i * 7919 % 4000), 3_840_000 + Double(i * 104_729 % 1000))
      _ = try houseTable.insert(
        Feature(
          id: "H-\(i)", values: [i % 9 == 0 ? .null : .text("41010\(i % 5)"), .double(Double(i))],
          geometry: .rectangle(Box2(x, y, x + 12, y + 9)), place: .feature(i)), path: "fixture")
    }
    try houseTable.finish(position: writer.position(of: "house"))
    let room = try writer.createLayer(
      "room", columns: [text("house"), Catalog.Column(name: "floor", type: .int)], geometry: nil,
      fidColumns: ["house"])
    let roomTable = try TableWriter(room, isNew: true, conflict: .fail, in: writer.connection)
    try roomTable.begin(columns: [1, 2], links: [1: house])
    for i in 0..<rooms {
      _ = try roomTable.insert(
        Feature(
          id: "R-\(i)", values: [i % 11 == 0 ? .null : .text("H-\(i * 31 % houses)"), .int(Int64(i % 6))],
          geometry: nil,
          place: .feature(i)), path: "fixture")
    }
    try roomTable.finish(position: writer.position(of: "room"))
    for link in [
      Catalog.Link(layer: "house", column: "grid3", targetLayer: "grid3", targetColumn: "code"),
      Catalog.Link(layer: "grid3", column: "parent", targetLayer: "grid3", targetColumn: "code"),
      Catalog.Link(layer: "room", column: "house", targetLayer: "house", targetColumn: "fid"),
    ] {
      try StoredCatalog.recordLink(link, in: writer.connection)
    }
  }
}

/// Everything in a snapshot is what the store says now: rows, values, geometry, links.
func expectEqual(_ snapshot: Snapshot, _ store: Store) throws {
  try store.read { reader in
    let stored = try reader.catalog()
    #expect(try snapshot.isCurrent(in: reader))
    #expect(snapshot.catalog.layers.map(\.name) == stored.layers.map(\.layer.name))
    for (index, layer) in stored.layers.enumerated() {
      let segment = try snapshot.segment(index)
      let links = SnapshotPacking.links(of: index, in: stored.catalog)
      var rows = 0
      try reader.scan(layer, columns: Array(layer.layer.columns.indices), geometry: true) { source in
        rows += 1
        guard let row = try segment.row(fid: source.fid) else {
          Issue.record("\(layer.layer.name) lacks fid \(source.fid)")
          return
        }
        for (column, known) in layer.layer.columns.enumerated() {
          let link = links.first { $0.column == column }
          if let link, link.isByFid {
            let ids = try reader.ids(of: stored.layers[link.target], rowids: [source.int(column) ?? -1])
            #expect(try snapshot.value(layer: index, column: column, row: row) == (ids[0].map { .text($0) } ?? .null))
            continue
          }
          let (found, expected) = (try segment.value(column, row), source.value(column))
          #expect(found == expected, "\(layer.layer.name).\(known.name), fid \(source.fid)")
          if let link {
            let target = try snapshot.segment(link.target)
            let key = try #require(target.columnIndex(named: link.targetColumn))
            let targetRow = try #require(try segment.link(column, rows: row..<row + 1)).rows[row]
            if case .text(let text) = expected, try !target.rows(column: key, equals: text).isEmpty {
              #expect(try target.value(key, Int(targetRow)) == expected)
            } else {
              #expect(targetRow == LinkColumn.none)
            }
          }
        }
        var geometry = Geometry(kind: .point)
        let shape = source.readGeometry(into: &geometry) ? geometry : nil
        #expect(sameGeometry(try segment.geometry(rows: row..<row + 1)?.geometry(row), shape))
      }
      #expect(segment.rowCount == rows)
    }
  }
}

@Suite struct SnapshotCurrentTests {
  @Test func aStoreIsPackedOnceAndThenOpened() throws {
    let fixture = try StoreFixture(shelters: 500)
    let store = try Store.open(fixture.path)
    let notices = Notices()
    let snapshot = try notices.current(store)
    #expect(snapshot.path == fixture.path + ".cimx")
    #expect(notices.lines == ["packing the snapshot (1 layer)"])
    try expectEqual(snapshot, store)
    var expected = try store.catalog()
    expected.layers[0].rowCount = 500
    #expect(snapshot.catalog == expected)
    let again = try notices.current(store)
    #expect(notices.lines.count == 1)
    #expect(again.manifest == snapshot.manifest)
    #expect(Set(try listFolder(snapshot.path)) == snapshot.manifest.fileNames)
  }

  @Test func linksOfEveryKindAreResolved() throws {
    let fixture = try StoreFixture()
    try makeLinkedCity(fixture)
    let store = try Store.open(fixture.path)
    let snapshot = try Snapshot.current(for: store)
    try expectEqual(snapshot, store)
    let rooms = try #require(try snapshot.segment(named: "room"))
    let link = try #require(try rooms.link(1))
    #expect(link.isResolvedByFid && link.isSorted)
    #expect((0..<200).filter { link.rows[$0] != LinkColumn.none }.count == 181)
    #expect(snapshot.catalog.layers[link.targetLayer].name == "house")
    for house in 0..<UInt32(40) {
      #expect(link.children(of: house).allSatisfy { link.rows[$0] == house })
      #expect(link.children(of: house).count == (0..<rooms.rowCount).filter { link.rows[$0] == house }.count)
    }
  }

  @Test func onlyWhatChangedIsPackedAgain() throws {
    let fixture = try StoreFixture(shelters: 30)
    try makeLinkedCity(fixture)
    let store = try Store.open(fixture.path)
    let notices = Notices()
    let first = try notices.current(store)
    func files(_ snapshot: Snapshot, _ layer: String) -> (segment: String, links: String?) {
      let entry = snapshot.manifest.layers[snapshot.catalog.layerIndex(named: layer)!]
      return (entry.segmentFile, entry.linksFile)
    }
    // Another value, the same rows in the same order: nothing that names them needs to be touched.
    try fixture.plain().use { try $0.execute("UPDATE house SET height = 99 WHERE id = 'H-3'") }
    let second = try notices.packed(store)
    #expect(notices.lines.last == "bringing the snapshot up to date: house")
    try expectEqual(second, store)
    #expect(files(second, "house").segment != files(first, "house").segment)
    #expect(files(second, "room") == files(first, "room"))
    #expect(files(second, "shelter") == files(first, "shelter"))

    // A row less: rooms keep their segment, their links are new.
    try fixture.plain(spatialite: true).use { try $0.execute("DELETE FROM house WHERE id = 'H-3'") }
    let third = try notices.packed(store)
    try expectEqual(third, store)
    #expect(files(third, "room").segment == files(first, "room").segment)
    #expect(files(third, "room").links != files(first, "room").links)

    // A key changed: what names it by key is linked anew, what does not is not.
    try fixture.plain().use { try $0.execute("UPDATE grid3 SET code = '410104' WHERE id = 'G-1'") }
    let fourth = try notices.packed(store)
    try expectEqual(fourth, store)
    #expect(files(fourth, "house").segment == files(third, "house").segment)
    #expect(files(fourth, "house").links != files(third, "house").links)
    #expect(files(fourth, "room") == files(third, "room"))

    // The first one still reads as it did, although its files are gone.
    #expect(try first.segment(named: "house")?.rowCount == 40)
    #expect(try third.segment(named: "house")?.rowCount == 39)
    #expect(Set(try listFolder(fourth.path)) == fourth.manifest.fileNames)
  }

  @Test func linksToRowsThatAreNotThereAreSaid() throws {
    let fixture = try StoreFixture()
    try makeLinkedCity(fixture)
    try fixture.plain().use { try $0.execute("UPDATE room SET house = 999 WHERE fid = 7") }
    let store = try Store.open(fixture.path)
    let notices = Notices()
    try expectEqual(try notices.current(store), store)
    #expect(
      notices.lines.contains("room.house: 1 rows name a row of house that does not exist (first: fid 999)"))
  }

  @Test(
    "random edits by other programs end in the same snapshot as packing anew", arguments: 1...3 as ClosedRange<UInt64>)
  func randomEdits(seed: UInt64) throws {
    let fixture = try StoreFixture(shelters: 10)
    try makeLinkedCity(fixture, houses: 25, rooms: 60)
    let store = try Store.open(fixture.path)
    var random = SplitMix64(seed: seed)
    let edits = [
      "UPDATE house SET height = height + 1 WHERE fid % 3 = ?", "DELETE FROM house WHERE fid % 17 = ?",
      "UPDATE room SET house = (house * 3 + ?) % 26 + 1", "DELETE FROM room WHERE fid % 23 = ?",
      "UPDATE grid3 SET code = '41010' || ? WHERE fid = 2", "UPDATE house SET grid3 = '41010' || (fid % (2 + ?))",
      "INSERT INTO room (id, house, floor) VALUES ('new' || ?, 3, 1)", "UPDATE shelter SET capacity = ?",
      "UPDATE house SET fid = 1000 + ? WHERE fid = (SELECT max(fid) FROM house)",
      "UPDATE house SET geom = MakePolygon(GeomFromText('LINESTRING(462000 3840000, 462009 3840000, 462009 3840009, "
        + "462000 3840000)', 4547)) WHERE fid % 11 = ?",
    ]
    for _ in 0..<8 {
      try fixture.plain(spatialite: true).use { connection in
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          let edit = edits[.random(in: 0..<edits.count, using: &random)]
          // A row may be there already; then there is nothing to do.
          try? connection.prepare(edit).bind(1, Int64.random(in: 0..<10, using: &random)).run()
        }
      }
      let snapshot = try Snapshot.current(for: store)
      try expectEqual(snapshot, store)
    }
  }

  @Test func aTableMadeAnewByOthersIsTakenUp() throws {
    let fixture = try StoreFixture(shelters: 10)
    let store = try Store.open(fixture.path)
    _ = try Snapshot.current(for: store)
    try fixture.plain(spatialite: true).use { connection in
      try connection.execute(
        "DROP TABLE shelter; CREATE TABLE shelter (fid INTEGER PRIMARY KEY, id TEXT, beds INTEGER)")
      try connection.execute("INSERT INTO shelter VALUES (1, 'A', 4), (5, 'B', 6)")
    }
    let notices = Notices()
    let snapshot = try notices.current(store)
    try expectEqual(snapshot, store)
    #expect(snapshot.catalog.layers[0].columns.map(\.name) == ["id", "beds"])
    #expect(notices.lines.contains { $0.contains("shelter") })
  }

  @Test func damageIsRepaired() throws {
    let fixture = try StoreFixture(shelters: 400)
    try makeLinkedCity(fixture)
    let store = try Store.open(fixture.path)
    let first = try Snapshot.current(for: store)
    for layer in first.manifest.layers {
      for name in [layer.segmentFile, layer.linksFile].compactMap({ $0 }) {
        let path = first.path + "/" + name
        var bytes = try readFile(path)
        bytes[BlockFormat.headerBytes + 3] ^= 4
        try writeFile(bytes, path)
        let damaged = try Snapshot.current(for: store)
        let damage = #expect(throws: SnapshotDamage.self) { try expectReadable(damaged) }
        #expect(damage?.path == path)
        let notices = Notices()
        let repaired = try Snapshot.repaired(
          after: try #require(damage), for: store, notice: { notices.lines.append($0) })
        #expect(notices.lines.first == damage?.message)
        try expectEqual(repaired, store)
      }
    }
  }

  @Test("a snapshot cut short, of another version or of another database is packed anew", arguments: 0..<6)
  func brokenManifests(kind: Int) throws {
    let fixture = try StoreFixture(shelters: 20)
    let store = try Store.open(fixture.path)
    let first = try Snapshot.current(for: store)
    let manifest = first.path + "/" + Manifest.fileName
    var bytes = try readFile(manifest)
    switch kind {
    case 0: bytes = []
    case 1: bytes.removeLast(5)
    case 2: bytes[8] = 77
    case 3: bytes[40] ^= 1
    case 4:
      var other = first.manifest
      other.state.revision.uuid = "another"
      bytes = other.bytes
    default:
      var other = first.manifest
      other.state.revision.token &+= 1
      bytes = other.bytes
    }
    try writeFile(bytes, manifest)
    try expectEqual(try Snapshot.current(for: store), store)
    // A file that is missing, or shorter than it was.
    let segment = first.path + "/" + first.manifest.layers[0].segmentFile
    unlink(segment)
    try expectEqual(try Snapshot.current(for: store), store)
    try writeFile(Array(try readFile(segment).dropLast(100)), segment)
    let cut = try Snapshot.current(for: store)
    let damage = #expect(throws: SnapshotDamage.self) { try cut.segment(0) }
    try expectEqual(try Snapshot.repaired(after: try #require(damage), for: store), store)
  }

  @Test func whereNothingCanBeWrittenTheCacheFolderServes() throws {
    let fixture = try StoreFixture(shelters: 20)
    let cache = ThrowawayFolder()
    // A file where the folder would be.
    try writeFile([], fixture.path + ".cimx")
    let store = try Store.open(fixture.path)
    let folders = [SnapshotFolder.beside(store.path), SnapshotFolder.inCache(store.path, of: cache.file("cache"))]
    let snapshot = try Snapshot.current(for: store, in: folders, notice: { _ in }, progress: { _ in })
    #expect(snapshot.path.hasPrefix(cache.file("cache") + "/cimq/city.sqlite-"))
    try expectEqual(snapshot, store)
    let notices = Notices()
    _ = try Snapshot.current(for: store, in: folders, notice: { notices.lines.append($0) }, progress: { _ in })
    #expect(notices.lines.isEmpty)
    let error = #expect(throws: StoreError.self) {
      try Snapshot.current(for: store, in: [folders[0]], notice: { _ in }, progress: { _ in })
    }
    #expect(error?.failureClass == .file && error?.message.contains("XDG_CACHE_HOME") == true)
  }

  @Test func manyAtOnceEndWithOneSnapshot() async throws {
    let fixture = try StoreFixture(shelters: 300)
    let path = fixture.path
    let manifests = try await withThrowingTaskGroup(of: Manifest.self) { group in
      for _ in 0..<6 {
        group.addTask {
          let store = try Store.open(path)
          let snapshot = try Snapshot.current(for: store)
          try expectReadable(snapshot)
          return snapshot.manifest
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(manifests.count == 6)
    #expect(manifests.allSatisfy { $0 == manifests[0] })
    #expect(Set(try listFolder(path + ".cimx")) == manifests[0].fileNames)
  }

  @Test func packingCanBeStopped() throws {
    struct Stop: Error {}
    let fixture = try StoreFixture(shelters: 20)
    let store = try Store.open(fixture.path)
    #expect(throws: Stop.self) { try Snapshot.current(for: store, progress: { _ in throw Stop() }) }
    #expect(try listFolder(fixture.path + ".cimx") == [SnapshotLock.fileName])
    try expectEqual(try Snapshot.current(for: store), store)
  }
}

/// Reads everything of every layer.
private func expectReadable(_ snapshot: Snapshot) throws {
  for layer in snapshot.catalog.layers.indices { _ = try readEverything(of: try snapshot.segment(layer)) }
}

private func listFolder(_ path: String) throws -> [String] {
  guard let folder = opendir(path) else { throw StoreError(.file, "\(path) is no folder") }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names
}
