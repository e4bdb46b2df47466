import SpatialIndex
import TestSupport

@testable import CIMEngine

/// A database with a few layers, made through the store's own writer.
final class StoreFixture {
  let folder = ThrowawayFolder()
  var path: String { folder.file("city.sqlite") }

  static let shelterColumns = [
    Catalog.Column(name: "name", type: .text), Catalog.Column(name: "capacity", type: .int),
    CitySchema.described(Catalog.Column(name: "status", type: .text), of: "shelter"),
    Catalog.Column(name: "area", type: .double), Catalog.Column(name: "barrier_free", type: .bool),
    Catalog.Column(name: "opened", type: .date),
    CitySchema.described(.init(name: "as_of", type: .timestamp), of: "shelter"),
    Catalog.Column(name: "tags", type: .list),
  ]

  /// - Parameter shelters: how many points in a grid of 100 m.
  init(shelters: Int = 0) throws {
    let store = try Store.create(path, workingCRS: .epsg(4547), notice: "synthetic")
    if shelters > 0 {
      try store.write { writer in
        let layer = try writer.createLayer(
          "shelter", columns: Self.shelterColumns, geometry: .init(kind: .point))
        let table = try TableWriter(layer, isNew: true, conflict: .fail, in: writer.connection)
        try table.begin(columns: Array(1...8))
        for i in 1...shelters { _ = try table.insert(Self.shelter(i), path: "fixture") }
        try table.finish(position: 0)
      }
    }
    try store.finishCreation()
  }

  static func shelter(_ i: Int) -> Feature {
    Feature(
      id: "S-\(i)",
      values: [
        .text("避难场所 \(i)"), .int(Int64(100 * i)), .text(["open", "full", "closed"][i % 3]),
        i % 5 == 0 ? .null : .double(Double(i) + 0.25), .bool(i % 2 == 0), .date(Int32(19_000 + i)),
        .timestamp(1_658_323_800_000_000 + Int64(i) * 1_500_000), .list([.int(Int64(i)), .text("a\"b")]),
      ],
      geometry: i % 7 == 0 ? nil : .point(460_000 + Double(i % 100) * 100, 3_840_000 + Double(i / 100) * 100.125),
      place: .feature(i))
  }

  /// A plain SQLite connection, as any other program would have it.
  func plain(spatialite: Bool = false) throws -> Connection {
    let connection = try Connection(path: path, access: .write)
    if spatialite { try connection.use { try SpatiaLite.load(into: $0) } }
    return connection
  }
}
