import Glibc
import SpatialIndex
import TestSupport

@testable import CIMEngine

/// Sound inputs of every target, to start from: fixtures, and small things that the engine writes itself.
enum FuzzSeeds {
  private static let fixtures = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Fixtures"

  static func seeds(of target: FuzzTarget) -> [[UInt8]] {
    switch target {
    case .cityjson: files(["two-buildings.city.json"]) + texts(cities)
    case .cityjsonseq: files(["two-buildings.city.jsonl"])
    case .geojson: files(["bureau/ward.geojson"]) + texts(features)
    case .geojsonseq: files(["bureau/below/sensor.geojsonl"]) + texts(features).map { [0x1E] + $0 + [10] }
    case .csv: (files(["bureau/shelter.csv", "bureau/event.csv", "bureau/codes.csv"]) + texts(tables)).map { [0] + $0 }
    case .sources:
      files(["bureau/cimq.json", "bureau/shelter.csv", "tiles/index.json"]).map { [0] + $0 } + texts(indexes)
    case .parser: texts(["FIND a WHERE b = 1 RETURN c", #"{"op":"=","args":[{"property":"b"},1]}"#])
    case .wkt: shapes.map { Array(WKT.write($0).utf8) }
    case .wkb: shapes.map { WKB.write($0) }
    case .blob: shapes.compactMap { SpatiaLiteBlob.write($0, srid: 4547) } + texts([tinyPoint])
    case .segment: packed.filter { $0.name.hasSuffix(".seg") }.map { FuzzSnapshot.unsealed($0.bytes) }
    case .links: packed.filter { $0.name.hasSuffix(".links") }.map { FuzzSnapshot.unsealed($0.bytes) }
    case .manifest: packed.filter { $0.name == Manifest.fileName }.map { Array($0.bytes[24...]) }
    case .container: packed.filter { $0.name.hasSuffix(".seg") }.map(\.bytes)
    case .rtree: trees
    case .space: [spaceFile]
    }
  }

  private static func texts(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }

  private static func files(_ names: [String]) -> [[UInt8]] {
    names.compactMap { try? readFile(fixtures + "/" + $0) }
  }

  private static let features = [
    #"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4547"}},"features":[{"type":"Feature","id":7,"properties":{"id":"a","n":1.5,"t":"2024-01-02T03:04:05Z","l":[1,"x",null],"o":{"k":true}},"geometry":{"type":"MultiPolygon","coordinates":[[[[0,0,1],[4,0,1],[4,4,1],[0,4,1],[0,0,1]],[[1,1,1],[2,1,1],[2,2,1],[1,2,1],[1,1,1]]]]}}]}"#,
    #"{"type":"Feature","properties":null,"geometry":{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},{"type":"LineString","coordinates":[[1e300,2],[3,-4]]}]}}"#,
    #"{"type":"Feature","properties":{},"geometry":null}"#,
  ]
  private static let cities = [
    #"{"type":"CityJSON","version":"2.0","transform":{"scale":[1,1,1],"translate":[0,0,0]},"metadata":{"referenceSystem":"https://www.opengis.net/def/crs/EPSG/0/4547"},"CityObjects":{"a":{"type":"Building","attributes":{"x":1,"y":"s"},"children":["p"],"geometry":[{"type":"MultiSurface","lod":"0","boundaries":[[[0,1,2]]]}]},"p":{"type":"BuildingPart","parents":["a"],"geometry":[{"type":"Solid","lod":"2.2","boundaries":[[[[0,1,2]],[[0,1,3]],[[1,2,3]],[[0,2,3]]]],"semantics":{"surfaces":[{"type":"RoofSurface"}],"values":[[0,null,0,0]]}}]}},"vertices":[[0,0,0],[9,0,0],[0,9,0],[0,0,9]]}"#,
    #"{"type":"CityJSON","version":"1.1","transform":{"scale":[1,1,1],"translate":[0,0,0]},"CityObjects":{"t":{"type":"SolitaryVegetationObject","geometry":[{"type":"GeometryInstance","template":0,"boundaries":[0],"transformationMatrix":[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]}]},"w":{"type":"WaterBody","geometry":[{"type":"MultiLineString","lod":"1","boundaries":[[0,1]]},{"type":"MultiPoint","lod":"0","boundaries":[1]}]}},"geometry-templates":{"templates":[{"type":"MultiSurface","lod":"1","boundaries":[[[0,1,2]]]}],"vertices-templates":[[0,0,0],[1,0,0],[0,1,0]]},"vertices":[[5,5,5],[6,6,6]]}"#,
  ]
  private static let tables = [
    "id,lon,lat,n,t,flag\na,113.6,34.7,1,2024-01-02,true\n\"b\"\"c\",-1e2,+4,,\"x\ny\",false\n",
    "code;wkt\r\n007;\"POLYGON((0 0,1 0,1 1,0 0))\"\r\n8;POINT EMPTY\r\n", "\u{FEFF}编号\tX\tY\n一\t1\t2\n",
    "id,geom\n1,0101000000000000000000F03F0000000000000040\n", "id,name\n1,\"\n",
  ]
  private static let indexes = [
    "\u{1}" + #"{"tiles":["a.json",{"file":"b/c.city.json"},{"path":"d"},{"location":"e"}]}"#,
    "\u{1}" + #"{"tiles":["/etc/passwd","../../etc/passwd"]}"#, "\u{5}" + #"{"type":"CityJSONFeature"}"#,
    "\u{2}" + #"{"type":"Point","coordinates":[1,2]}"#,
  ]
  private static let tinyPoint = "\u{0}\u{1}"

  private static let shapes: [Geometry] = {
    let ring = [0.0, 0, 4, 0, 4, 4, 0, 4, 0, 0]
    let hole = [1.0, 1, 2, 1, 2, 2, 1, 2, 1, 1]
    var multi = Geometry(kind: .multiPolygon)
    multi.appendPart(rings: [ring, hole])
    multi.appendPart(rings: [ring.map { $0 + 9 }])
    var raised = Geometry(kind: .lineString)
    raised.appendPart(rings: [[1.5, -2.5, 1e9, 3]], z: [[1, 2]])
    let single: [Geometry] = [
      .point(113.625, 34.75), .point(1, 2, z: 3), .line([0, 0, 1, 1]), .polygon([ring, hole]), multi, raised,
      Geometry(kind: .multiPoint, xy: [1, 2, 3, 4], ringOffsets: [0, 1, 2], partOffsets: [0, 1, 2]),
    ]
    return single + [Geometry(kind: .geometryCollection, members: [single[0], single[2], single[3]])]
  }()

  private static let packed: [(name: String, bytes: [UInt8])] = {
    let (catalog, rows) = damageSamples(16)
    guard let folder = try? PackedFolder(catalog, rows) else { return [] }
    return folder.files.compactMap { name in (try? readFile(folder.path + "/" + name)).map { (name, $0) } }
  }()

  /// Of the layer whose links are damaged.
  static let partSegment = packed.first { $0.name.hasPrefix("part") && $0.name.hasSuffix(".seg") }?.bytes

  private static let trees: [[UInt8]] = {
    var random = SplitMix64(seed: 5)
    func box<let D: Int>(_ side: Double) -> Box<D> {
      var box = Box<D>.empty
      for d in 0..<D {
        let low = Double.random(in: 0...100, using: &random)
        (box.min[d], box.max[d]) = (low, low + side)
      }
      return box
    }
    let flat: [[Box<2>]] = [[], [box(0)], (0..<17).map { _ in box(5) }, (0..<40).map { _ in box(0) }]
    let solid: [[Box<3>]] = [[box(1)], (0..<20).map { _ in box(4) }]
    return flat.map { PackedRTree($0).withBytes { [0] + Array($0) } }
      + solid.map { PackedRTree($0).withBytes { [1] + Array($0) } }
  }()

  private static let spaceFile: [UInt8] = {
    let boxes = (0..<20).map { i in
      let low = Double(i * 7 % 50)
      return Box<3>(min: [low, low + 1, 3], max: [low + 2, low + 3, 9])
    }
    let folder = ThrowawayFolder()
    let path = folder.file("a.space")
    SpaceIndex(boxes, withoutHeights: [3, 7]).keep(at: path)
    return (try? readFile(path)).map { FuzzSnapshot.unsealed($0) } ?? []
  }()
}
