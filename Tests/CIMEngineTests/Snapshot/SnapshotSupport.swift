import Glibc
import SpatialIndex
import TestSupport

@testable import CIMEngine

/// Layers and rows for the tests of snapshots.
enum SnapshotSamples {
  /// A layer with a column of every type.
  static func everything(geometry: GeometryKind? = nil, hasZ: Bool = false) -> Catalog.Layer {
    Catalog.Layer(
      name: "thing",
      columns: [
        Catalog.Column(name: "id", type: .text),
        Catalog.Column(name: "name", type: .text, aliases: ["名称"]),
        Catalog.Column(name: "kind", type: .text, enumeration: ["a", "b"]),
        Catalog.Column(name: "flag", type: .bool),
        Catalog.Column(name: "tiny", type: .int),
        Catalog.Column(name: "small", type: .int),
        Catalog.Column(name: "medium", type: .int),
        Catalog.Column(name: "large", type: .int),
        Catalog.Column(name: "height", type: .double, unit: "m"),
        Catalog.Column(name: "day", type: .date),
        Catalog.Column(name: "updated", type: .timestamp),
        Catalog.Column(name: "tags", type: .list),
        Catalog.Column(name: "never", type: .int),
        Catalog.Column(name: "silent", type: .text),
      ],
      geometry: Catalog.GeometryColumn(kind: geometry, hasZ: hasZ), aliases: ["东西"])
  }

  static func rows(
    _ count: Int, seed: UInt64 = 1, shape: (Int, inout SplitMix64) -> Geometry? = { _, _ in nil }
  ) -> [SegmentRow] {
    var random = SplitMix64(seed: seed)
    let kinds = ["", "塔", "a\u{0}b", "zzz", "é", "𠀀"]
    return (0..<count).map { row in
      func orNull(_ value: Value) -> Value { Int.random(in: 0..<5, using: &random) == 0 ? .null : value }
      let values: [Value] = [
        .text("T-\(row * 7919 % 100_003)"),
        orNull(.text("名 \(Int.random(in: 0..<max(1, count), using: &random))")),
        orNull(.text(kinds[Int.random(in: 0..<kinds.count, using: &random)])),
        orNull(.bool(Bool.random(using: &random))),
        orNull(.int(Int64.random(in: -128...127, using: &random))),
        orNull(.int(Int64.random(in: -32768...32767, using: &random))),
        .int(Int64.random(in: Int64(Int32.min)...Int64(Int32.max), using: &random)),
        orNull(.int(Int64.random(in: .min ... .max, using: &random))),
        orNull(.double(Double.random(in: -1e9...1e9, using: &random))),
        orNull(.date(Int32.random(in: -100_000...100_000, using: &random))),
        orNull(.timestamp(Int64.random(in: -1 << 50...1 << 50, using: &random))),
        orNull(.list([.int(Int64(row)), .text("\"x\\\n"), .null, .bool(true)])),
        .null,
        .null,
      ]
      return SegmentRow(fid: Int64(row + 1), values: values, geometry: shape(row, &random))
    }
  }

  static func catalog(_ layers: [Catalog.Layer], links: [Catalog.Link] = []) -> Catalog {
    Catalog(databaseID: "00000000-0000-4000-8000-000000000001", workingCRS: .epsg(4547), layers: layers, links: links)
  }

  static func point(_: Int, _ random: inout SplitMix64) -> Geometry? {
    .point(Double.random(in: 0...10_000, using: &random), Double.random(in: 0...10_000, using: &random))
  }

  /// Points, lines, polygons with and without holes, multi geometries, empty ones, collections, NULL; some with heights.
  static func anything(_: Int, _ random: inout SplitMix64) -> Geometry? {
    let (x, y) = (Double.random(in: 0...10_000, using: &random), Double.random(in: 0...10_000, using: &random))
    func square(_ x: Double, _ y: Double, _ side: Double) -> [Double] {
      [x, y, x + side, y, x + side, y + side, x, y + side, x, y]
    }
    switch Int.random(in: 0..<12, using: &random) {
    case 0: return nil
    case 1: return .point(x, y)
    case 2: return .point(x, y, z: 12.5)
    case 3: return .line([x, y, x + 10, y + 5, x + 20, y])
    case 4: return .polygon([square(x, y, 30)])
    case 5: return .polygon([square(x, y, 30), square(x + 5, y + 5, 10)])
    case 6:
      var multi = Geometry(kind: .multiPolygon)
      multi.appendPart(rings: [square(x, y, 10)])
      multi.appendPart(rings: [square(x + 100, y, 10), square(x + 102, y + 2, 3)])
      return multi
    case 7: return Geometry(kind: .polygon)
    case 8:
      return Geometry(kind: .geometryCollection, members: [.point(x, y), .line([x, y, x + 3, y + 3])])
    case 9:
      return Geometry(
        kind: .lineString, xy: [x, y, x + 1, y + 1], z: [1, .nan], ringOffsets: [0, 2], partOffsets: [0, 1])
    case 10: return Geometry(kind: .geometryCollection)
    default:
      return Geometry(kind: .multiPoint, xy: [x, y, x + 1, y], ringOffsets: [0, 1, 2], partOffsets: [0, 1, 2])
    }
  }
}

/// Geometries with NaN heights equal to themselves.
func sameGeometry(_ a: Geometry?, _ b: Geometry?) -> Bool {
  guard let a, let b else { return a == nil && b == nil }
  func heights(_ geometry: Geometry, _ count: Int) -> [UInt64] {
    // A layer with heights keeps NaN for vertices without one.
    (geometry.z.isEmpty ? Array(repeating: Double.nan, count: count) : geometry.z)
      .map { $0.isNaN ? Double.nan.bitPattern : $0.bitPattern }
  }
  return a.kind == b.kind && a.xy == b.xy && a.ringOffsets == b.ringOffsets && a.partOffsets == b.partOffsets
    && heights(a, a.vertexCount) == heights(b, b.vertexCount) && a.members.count == b.members.count
    && zip(a.members, b.members).allSatisfy { sameGeometry($0, $1) }
}

func readFile(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "r") else { throw StoreError(.file, "\(path) cannot be read") }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65_536)
  while case let n = fread(&chunk, 1, chunk.count, file), n > 0 { bytes += chunk[..<n] }
  return bytes
}

/// Replaces a file by one of another inode, as writers do.
func writeFile(_ bytes: [UInt8], _ path: String) throws {
  let temporary = path + ".part"
  guard let file = fopen(temporary, "w") else { throw StoreError(.file, "\(path) cannot be written") }
  fwrite(bytes, 1, bytes.count, file)
  fclose(file)
  rename(temporary, path)
}
