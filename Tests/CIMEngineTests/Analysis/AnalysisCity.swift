import SpatialIndex
import TestSupport

@testable import CIMEngine

/// A city of a few rows in memory, with what the analyses ask for: people through units, shelters, a flood, grids,
/// streets.
final class AnalysisCity {
  private let fixture: StoreFixture
  let store: Store
  let snapshot: Snapshot

  struct Answer {
    var columns: [String] = []
    var rows: [[Value]] = []
    var shapes: [Geometry?] = []
    var ids: [String?] = []
    var notices: [String] = []
  }

  static func column(_ name: String, _ type: ColumnType, unit: String? = nil) -> Catalog.Column {
    Catalog.Column(name: name, type: type, unit: unit)
  }

  /// - Parameters:
  ///   - people: unit number (1…; nil without one) and household.
  ///   - shelters: place, capacity, occupied, status.
  init(
    units: [(Double, Double)] = [], people: [(unit: Int?, household: String?)] = [],
    shelters: [(place: Geometry?, capacity: Value, occupied: Value, status: String)] = [],
    grids: [(shape: Geometry?, people: Value)] = [], floods: [Geometry] = [], roads: [[Double]]? = nil,
    roadClasses: [String] = [], workingCRS: CRS = .epsg(4547)
  ) throws {
    func layer(_ name: String, _ columns: [Catalog.Column], _ kind: GeometryKind?) -> Catalog.Layer {
      Catalog.Layer(
        name: name, columns: [Self.column("id", .text)] + columns,
        geometry: kind.map { Catalog.GeometryColumn(kind: $0, extent: Box2(0, 0, 10_000, 10_000)) })
    }
    var layers = [
      layer("unit", [], .point),
      layer("person", [Self.column("unit", .text), Self.column("household", .text)], nil),
      layer(
        "shelter",
        [Self.column("capacity", .int), Self.column("occupied", .int), Self.column("status", .text)], nil),
      layer("grid3", [Self.column("people", .double)], .polygon), layer("flood", [], .polygon),
    ]
    layers[2].geometry = Catalog.GeometryColumn(kind: nil, extent: Box2(0, 0, 10_000, 10_000))
    if roads != nil { layers.append(layer("road", [Self.column("class", .text)], .lineString)) }
    let catalog = Catalog(
      databaseID: "00000000-0000-4000-8000-000000000001", workingCRS: workingCRS,
      isGeographic: workingCRS == .wgs84, layers: layers,
      links: [.init(layer: "person", column: "unit", targetLayer: "unit", targetColumn: "fid")])
    func rows(_ list: [([Value], Geometry?)], _ prefix: String) -> [SegmentRow] {
      list.enumerated().map { i, row in
        SegmentRow(fid: Int64(i + 1), values: [.text("\(prefix)-\(i + 1)")] + row.0, geometry: row.1)
      }
    }
    snapshot = try Snapshot.inMemory(
      catalog,
      [
        "unit": rows(units.map { ([], .point($0.0, $0.1)) }, "U"),
        "person": rows(
          people.map { ([$0.unit.map { .int(Int64($0)) } ?? .null, $0.household.map { .text($0) } ?? .null], nil) }, "P"
        ),
        "shelter": rows(shelters.map { ([$0.capacity, $0.occupied, .text($0.status)], $0.place) }, "S"),
        "grid3": rows(grids.map { ([$0.people], $0.shape) }, "G"), "flood": rows(floods.map { ([], $0) }, "F"),
        "road": rows(
          (roads ?? []).enumerated().map { i, line in
            ([i < roadClasses.count ? .text(roadClasses[i]) : .null], .line(line))
          }, "R"),
      ])
    fixture = try StoreFixture()
    store = try Store.open(fixture.path)
  }

  var catalog: Catalog { snapshot.catalog }

  func run(
    _ text: String, threads: Int = 1, token: CancellationToken = CancellationToken()
  ) throws -> Answer {
    let statement = try parse(text, names: KnownNames(catalog), strictCQL2: false).statements[0]
    let context = BindContext(lookup: SnapshotLookup(snapshot)) { _, _ in [] }
    let collector = Collector()
    var sink: any RowSink = collector
    let bound = try bind(statement, in: catalog, context)
    if case .find(let find) = bound.body {
      let executor = Executor(catalog: catalog, tables: SnapshotTables(snapshot), token: token, threads: threads)
      if bound.explain != nil {
        collector.answer.rows = try executor.explain(find).map { [.text($0)] }
      } else {
        try executor.run(find, isOrdered: true, into: &sink)
      }
    } else {
      let inner = StatementContext(
        statement: statement, session: Session(),
        run: QueryRun(token: token, isOrdered: true, threadCount: threads) { _ in
          throw QueryError(.invalid("no export here"))
        }, store: store, snapshot: snapshot, bindContext: context)
      _ = try inner.perform(into: &sink)
    }
    return collector.answer
  }

  private final class Collector: RowSink {
    var answer = Answer()
    var wantsShapes: Bool { true }
    func begin(_ header: ResultHeader) { answer.columns = header.columns.map(\.name) }
    func write(_ batch: RowBatch) {
      for row in 0..<batch.rowCount { answer.rows.append(batch.columns.map { $0[row] }) }
      answer.shapes += batch.shapes
      answer.ids += batch.ids
    }
    func end(notices: [String]) { answer.notices = notices }
  }
}
