import Glibc
import SpatialIndex

@testable import CIMEngine

/// A promise that some bytes broke.
struct FuzzFault: Error { var what: String }

/// What reads bytes of strangers. Each target may refuse its input with the errors of the engine; whatever it accepts must
/// keep a promise (reading what was written gives the same), and nothing may crash or hang. `scripts/torture fuzz` runs them
/// under libFuzzer, the tests run each over its corpus.
enum FuzzTarget: String, CaseIterable {
  case cityjson, cityjsonseq, geojson, geojsonseq, csv, sources, parser, wkt, wkb, blob, segment, links, manifest,
    container, rtree, space

  func run(_ bytes: UnsafeRawBufferPointer) throws {
    switch self {
    case .cityjson, .cityjsonseq, .geojson, .geojsonseq, .csv: try FuzzFiles.read(self, bytes)
    case .sources: try FuzzFiles.open(bytes)
    case .parser: try FuzzTexts.parse(bytes)
    case .wkt: try FuzzTexts.wkt(bytes)
    case .wkb: try FuzzTexts.wkb(bytes)
    case .blob: try FuzzTexts.blob(bytes)
    case .segment, .links: try FuzzSnapshot.sealed(self, bytes)
    case .manifest: try FuzzSnapshot.manifest(bytes)
    case .container: try FuzzSnapshot.container(bytes)
    case .rtree: try FuzzSnapshot.tree(bytes)
    case .space: try FuzzSnapshot.space(bytes)
    }
  }

  func run(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try run($0) } }
}

/// Statements, filters and geometries: what is read, written and read again is the same.
enum FuzzTexts {
  static func parse(_ bytes: UnsafeRawBufferPointer) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    if let script = try? CIMEngine.parse(text) {
      let printed = Printer.print(script)
      guard let again = try? CIMEngine.parse(printed), again == script else { throw fault(text, printed) }
    }
    if let filter = try? parseFilter(text, strictCQL2: true) { try check(filter, text) }
    if let filter = try? parseFilterJSON(text) { try check(filter, text) }
  }

  private static func check(_ filter: Expression, _ text: String) throws {
    let printed = Printer.print(filter)
    // Strictly, because a name in Chinese may come apart into words of the language otherwise.
    guard let again = try? parseFilter(printed, strictCQL2: true), again == filter else { throw fault(text, printed) }
  }

  private static func fault(_ text: String, _ printed: String) -> FuzzFault {
    FuzzFault(what: "is read, but its print is not the same: \(text)\n\(printed)")
  }

  static func wkt(_ bytes: UnsafeRawBufferPointer) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let geometry = try? WKT.read(text) else { return }
    try check(geometry, sound: true)
    let printed = WKT.write(geometry)
    guard let again = try? WKT.read(printed), same(again, geometry) else { throw fault(text, printed) }
    try stored(geometry)
  }

  static func wkb(_ bytes: UnsafeRawBufferPointer) throws {
    guard let geometry = try? WKB.read(bytes) else { return }
    try check(geometry, sound: true)
    guard let again = try? WKB.read(WKB.write(geometry)), same(again, geometry) else {
      throw FuzzFault(what: "WKB is not read as it was written: \(geometry)")
    }
    try stored(geometry)
  }

  static func blob(_ bytes: UnsafeRawBufferPointer) throws {
    let box = SpatiaLiteBlob.box(of: bytes)
    guard let (geometry, srid) = try? SpatiaLiteBlob.read(Array(bytes)) else { return }
    try check(geometry, sound: true)
    if box == nil, !geometry.isEmpty { throw FuzzFault(what: "a blob with a geometry and without a box") }
    guard let written = SpatiaLiteBlob.write(geometry, srid: srid) else { return }
    guard let again = try? SpatiaLiteBlob.read(written), again.srid == srid, same(again.geometry, geometry) else {
      throw FuzzFault(what: "a blob is not read as it was written: \(geometry)")
    }
  }

  /// What is read comes back from the store as it was.
  private static func stored(_ geometry: Geometry) throws {
    guard geometry.kind != .geometryCollection, let blob = SpatiaLiteBlob.write(geometry, srid: 4547) else { return }
    guard let again = try? SpatiaLiteBlob.read(blob), same(again.geometry, geometry) else {
      throw FuzzFault(what: "the store would not give back \(WKT.write(geometry))")
    }
  }

  /// Equal, with heights that are NaN equal to themselves.
  static func same(_ a: Geometry, _ b: Geometry) -> Bool {
    a.kind == b.kind && a.xy == b.xy && a.ringOffsets == b.ringOffsets && a.partOffsets == b.partOffsets
      && a.z.map(\.sortable) == b.z.map(\.sortable) && a.members.count == b.members.count
      && zip(a.members, b.members).allSatisfy { same($0, $1) }
  }

  /// Offsets hang together and coordinates are finite, as every user of a geometry relies on; then every measure is taken.
  static func check(_ geometry: Geometry, sound: Bool) throws {
    guard geometry.ringOffsets.first == 0, geometry.partOffsets.first == 0,
      Int(geometry.ringOffsets.last!) * 2 == geometry.xy.count,
      Int(geometry.partOffsets.last!) == geometry.ringOffsets.count - 1,
      zip(geometry.ringOffsets, geometry.ringOffsets.dropFirst()).allSatisfy({ $0 <= $1 }),
      zip(geometry.partOffsets, geometry.partOffsets.dropFirst()).allSatisfy({ $0 <= $1 }),
      geometry.z.isEmpty || geometry.z.count == geometry.vertexCount, geometry.xy.allSatisfy(\.isFinite)
    else { throw FuzzFault(what: "a geometry that contradicts itself: \(geometry)") }
    for member in geometry.members { try check(member, sound: sound) }
  }
}

extension Double {
  /// A bit pattern that is one for all NaNs and for both zeros.
  fileprivate var sortable: UInt64 { isNaN ? .max : self == 0 ? 0 : bitPattern }
}
