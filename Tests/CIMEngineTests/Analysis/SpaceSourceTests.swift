import SpatialIndex
import Testing

@testable import CIMEngine

@Suite("Heights of rows")
struct SpaceSourceTests {
  @Test func aFlatShapeHasABoxWithoutHeight() {
    #expect(Geometry.point(1, 2, z: 3).spaceBox == Box<3>(min: [1, 2, 3], max: [1, 2, 3]))
    #expect(Geometry.point(1, 2).spaceBox == nil)
    var slope = Geometry(kind: .lineString)
    slope.appendPart(rings: [[0, 0, 5, 1]], z: [[7, .nan]])
    #expect(slope.spaceBox == Box<3>(min: [0, 0, 7], max: [5, 1, 7]))
    let both = Geometry(kind: .geometryCollection, members: [.point(0, 0, z: -1), slope])
    #expect(both.spaceBox == Box<3>(min: [0, 0, -1], max: [5, 1, 7]))
  }

  @Test("columns that tell heights, in their order") func columns() throws {
    func column(_ name: String, unit: String? = nil) -> Catalog.Column {
      var column = Catalog.Column(name: name, type: .double)
      column.unit = unit
      return column
    }
    let layer = Catalog.Layer(
      name: "thing",
      columns: [
        Catalog.Column(name: "id", type: .text), column("z_min"), column("Z_MAX", unit: "m"), column("ground_z"),
        column("height"),
      ],
      geometry: Catalog.GeometryColumn(kind: nil))
    let square = Geometry.rectangle(Box2(0, 0, 2, 1))
    let rows: [([Value], Geometry?, ClosedRange<Double>?)] = [
      ([.double(3), .double(6), .double(0), .double(50)], square, 3...6),
      ([.double(6), .double(3), .null, .null], square, 3...6),
      ([.double(4), .double(4), .null, .null], square, 4...4),
      ([.double(3), .null, .double(1), .double(9)], square, 1...10),
      ([.null, .null, .double(1), .double(0)], square, 1...1),
      ([.null, .null, .double(1), .double(-2)], square, nil),
      ([.null, .null, .double(1), .null], square, nil),
      ([.null, .double(.infinity), .double(2), .double(2)], square, 2...4),
      ([.double(1), .double(2), .null, .null], Geometry.point(5, 5, z: 9), 1...2),
      ([.null, .null, .null, .null], Geometry.point(5, 5, z: 9), 9...9),
      ([.double(1), .double(2), .null, .null], nil, nil),
      ([.double(1), .double(2), .null, .null], Geometry(kind: .polygon), nil),
    ]
    let snapshot = try Snapshot.inMemory(
      Catalog(databaseID: "test", workingCRS: .epsg(4547), layers: [layer]),
      [
        "thing": rows.enumerated().map { i, row in
          SegmentRow(fid: Int64(i + 1), values: [.text("\(i)")] + row.0, geometry: row.1)
        }
      ])
    let segment = try snapshot.segment(0)
    let heights = HeightColumns(segment)
    for (i, (values, geometry, expected)) in rows.enumerated() {
      let row = try #require(try segment.row(fid: Int64(i + 1)))
      let box = try heights.box(of: row)
      #expect(box.map { $0.min[2]...$0.max[2] } == expected, "\(values) \(String(describing: geometry))")
      var body = Body(origin: .zero)
      try heights.add(row, to: &body)
      body.finish()
      #expect(body.isEmpty == (expected == nil), "a row has a body where it has a box")
      if let box, let flat = geometry?.box {
        #expect(box.min[0] == flat.min[0] && box.min[1] == flat.min[1])
        #expect(box.max[0] == flat.max[0] && box.max[1] == flat.max[1])
      }
    }
  }
}
