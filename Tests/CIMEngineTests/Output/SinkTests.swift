import Foundation
import Glibc
import SpatialIndex
import TestSupport
import Testing

@testable import CIMEngine

/// One result as a file holds it.
private func written(
  _ format: OutputFormat, _ header: ResultHeader, _ batches: [RowBatch], catalog: Catalog = .small,
  options: OutputOptions = OutputOptions()
) throws -> String {
  let folder = ThrowawayFolder()
  let path = folder.file("result")
  let writer = try ByteWriter(path: path)
  var sink = try format.makeSink(to: writer, catalog: catalog, options: options)
  try sink.begin(header)
  for batch in batches { try sink.write(batch) }
  try sink.end(notices: [])
  try writer.finish()
  return withExtendedLifetime(folder) { String(decoding: ThrowawayFolder.bytes(of: path), as: UTF8.self) }
}

extension Catalog {
  fileprivate static let small = Catalog(
    databaseID: "test", workingCRS: .epsg(4547),
    layers: [
      Layer(
        name: "shelter",
        columns: [
          Column(name: "id", type: .text), Column(name: "name", type: .text, aliases: ["名称"]),
          Column(name: "capacity", type: .int, aliases: ["容量"]),
        ], geometry: GeometryColumn(kind: .point))
    ])
}

private let header = ResultHeader(
  columns: [
    ResultColumn(name: "id", type: .text, origin: .init(layer: "shelter", column: "id")),
    ResultColumn(name: "name", type: .text, origin: .init(layer: "shelter", column: "name")),
    ResultColumn(name: "capacity", type: .int, origin: .init(layer: "shelter", column: "capacity")),
    ResultColumn(name: "distance", type: .double),
  ], crs: .epsg(4547), distanceColumn: 3)

private let batch = RowBatch(
  rowCount: 3,
  columns: [
    Vector(.text(["S-1", "S-2", "S-3"])),
    Vector(.text(["人民公园", "a,\"b\"\n", ""]), validity: [true, true, false]),
    Vector(.int([1200, 0, -5]), validity: [true, false, true]),
    Vector(.double([12.5, 1000.0, 0.1])),
  ])

@Suite("Result formats") struct SinkTests {
  @Test func csvFollowsRFC4180() throws {
    #expect(
      try written(.csv, header, [batch]) == """
        id,name,capacity,distance
        S-1,人民公园,1200,12.5
        S-2,"a,""b""\n",,1000.0
        S-3,,-5,0.1\n
        """)
  }

  @Test func emptyStringAndNullDiffer() throws {
    let header = ResultHeader(columns: [ResultColumn(name: "a", type: .text)], crs: .wgs84)
    let batch = RowBatch(rowCount: 2, columns: [Vector(.text(["", ""]), validity: [true, false])])
    #expect(try written(.csv, header, [batch]) == "a\n\"\"\n\n")
    #expect(try written(.jsonl, header, [batch]) == "{\"a\":\"\"}\n{\"a\":null}\n")
  }

  @Test func jsonIsOneArray() throws {
    let header = ResultHeader(columns: [ResultColumn(name: "count", type: .int)], crs: .wgs84)
    #expect(
      try written(.json, header, [RowBatch(rowCount: 1, columns: [Vector(.int([22400]))])]) == "[{\"count\":22400}]\n")
    #expect(try written(.json, header, []) == "[]\n")
  }

  @Test func jsonNeverWritesNaN() throws {
    let header = ResultHeader(columns: [ResultColumn(name: "x", type: .double)], crs: .wgs84)
    let batch = RowBatch(rowCount: 3, columns: [Vector(.double([.nan, .infinity, 1e-7]))])
    #expect(try written(.jsonl, header, [batch]) == "{\"x\":null}\n{\"x\":null}\n{\"x\":1e-07}\n")
  }

  @Test func jsonEscapes() throws {
    let header = ResultHeader(columns: [ResultColumn(name: "q\"", type: .text)], crs: .wgs84)
    let batch = RowBatch(rowCount: 1, columns: [Vector(.text(["\u{1}\t\\\"é中"]))])
    #expect(try written(.jsonl, header, [batch]) == #"{"q\"":"\u0001\t\\\"é中"}"# + "\n")
  }

  @Test func tableAlignsChinese() throws {
    let text = try written(.table, header, [batch])
    let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
    #expect(lines[0].contains("│ name"))
    let columns = lines[2...].map { line in line.prefix(upTo: line.lastIndex(of: "│")!) }.map(DisplayWidth.of)
    #expect(Set(columns).count == 1)
    var options = OutputOptions()
    options.chinese = true
    #expect(try written(.table, header, [batch], options: options).contains("名称"))
  }

  @Test func pointsBecomeLonLat() throws {
    let header = ResultHeader(
      columns: [ResultColumn(name: "geom", type: .geometry, origin: .init(layer: "shelter", column: "geom"))],
      crs: .epsg(4547))
    let batch = RowBatch(
      rowCount: 2, columns: [Vector(.geometry([.point(463373.915, 3846931.204), nil]), validity: [true, false])])
    #expect(try written(.csv, header, [batch]) == "lon,lat\n113.6,34.75\n,\n")
  }

  @Test func geojsonIsRFC7946() throws {
    let header = ResultHeader(columns: [ResultColumn(name: "id", type: .text)], crs: .wgs84, hasShapes: true)
    // Clockwise outer ring, counter-clockwise hole: both are turned.
    let shape = Geometry.polygon([[0, 0, 0, 4, 4, 4, 4, 0, 0, 0], [1, 1, 2, 1, 2, 2, 1, 2, 1, 1]])
    let batch = RowBatch(
      rowCount: 2, columns: [Vector(.text(["a", "b"]))], shapes: [shape, nil], ids: ["a", "b"])
    let text = try written(.geojson, header, [batch])
    let document = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(document["type"] as? String == "FeatureCollection")
    #expect(document["bbox"] as? [Double] == [0, 0, 4, 4])
    #expect(text.hasSuffix(",\"bbox\":[0,0,4,4]}\n"))
    #expect(text.contains("[[[0,0],[4,0],[4,4],[0,4],[0,0]],[[1,1],[1,2],[2,2],[2,1],[1,1]]]"))
    #expect(text.contains("\"geometry\":null"))
    #expect(document["crs"] == nil)
    #expect(try written(.geojson, header, []).contains("\"features\":[\n]"))
  }

  @Test func dates() throws {
    let header = ResultHeader(
      columns: [ResultColumn(name: "d", type: .date), ResultColumn(name: "t", type: .timestamp)], crs: .wgs84)
    let batch = RowBatch(
      rowCount: 2, columns: [Vector(.date([19_193, -1])), Vector(.timestamp([1_658_304_000_500_000, -1]))])
    #expect(
      try written(.csv, header, [batch])
        == "d,t\n2022-07-20,2022-07-20T08:00:00.5Z\n1969-12-31,1969-12-31T23:59:59.999999Z\n")
  }

  @Test func unfinishedFileLeavesNothing() throws {
    let folder = ThrowawayFolder()
    do {
      let sink = try FileSink(path: folder.file("result.csv"), format: nil, catalog: .small, options: OutputOptions())
      try sink.begin(header)
      try sink.write(batch)
    }
    #expect(Folder.names(in: folder.path) == [])
  }

  @Test func markdownEscapesPipes() throws {
    let header = ResultHeader(columns: [ResultColumn(name: "a", type: .text)], crs: .wgs84)
    let batch = RowBatch(rowCount: 1, columns: [Vector(.text(["x|y"]))])
    #expect(try written(.markdown, header, [batch]) == "| a |\n| --- |\n| x\\|y |\n")
  }
}
