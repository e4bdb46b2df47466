internal import Glibc

/// The form of a source file.
public enum SourceFormat: String, Sendable, CaseIterable {
  case geojson, geojsonseq, csv, tsv, cityjson, cityjsonseq
  /// Anything else: through GDAL's ogr2ogr.
  case other

  static let native: [SourceFormat] = [.geojson, .geojsonseq, .csv, .tsv, .cityjson, .cityjsonseq]

  /// What a path turns out to be on a look at its content.
  enum Finding: Equatable {
    case file(SourceFormat)
    case manifest
    /// A JSON object with a list `tiles` of files.
    case tileIndex
  }

  private static let sequenceExtensions: Set<Substring> = ["jsonl", "ndjson", "geojsonl", "geojsons", "geojsonseq"]
  private static let textExtensions: Set<Substring> = ["csv", "txt", "tsv", "tab"]
  /// What ogr2ogr is known to read and a folder may hold.
  private static let otherExtensions: Set<Substring> = [
    "shp", "gpkg", "fgb", "kml", "kmz", "gml", "dxf", "pbf", "osm", "gpx", "mif", "topojson", "parquet", "dgn", "gdb",
  ]

  static func pathExtension(_ path: String) -> Substring {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
    return Substring(name[name.index(after: dot)...].lowercased())
  }

  /// Whether a file holds what an import has set aside, by its name.
  static func isSideFile(_ path: String) -> Bool {
    let name = path.split(separator: "/").last ?? ""
    return name.split(separator: ".").dropFirst().contains { $0 == "rejected" || $0.hasPrefix("rejected-") }
  }

  /// Whether a folder's file looks like one to import, by its name.
  static func isImportable(_ path: String) -> Bool {
    let ext = pathExtension(path)
    if path.hasSuffix(".ext.json") || isSideFile(path) { return false }
    return ext == "json" || ext == "geojson" || ext == "csv" || ext == "tsv" || sequenceExtensions.contains(ext)
      || otherExtensions.contains(ext)
  }

  /// Tells the form of a file by its content, the name deciding what content leaves open.
  static func find(_ path: String) throws(LoadError) -> Finding {
    let ext = pathExtension(path)
    let reader = try ByteReader(path: path, capacity: 1 << 16)
    while reader.bytes.count < 1 << 12, try reader.fill() {}
    let head = withExtendedLifetime(reader) { Array(reader.bytes.prefix(1 << 12)) }
    let first = head.first { !JSONLines.isSpace($0) }
    if first == JSONLines.separator { return .file(try isCity(path) ? .cityjsonseq : .geojsonseq) }
    if first == UInt8(ascii: "{"), ext != "csv", ext != "tsv" { return try findObject(path, ext) }
    if textExtensions.contains(ext), !head.starts(with: "!table".utf8) {
      return .file(ext == "tsv" || ext == "tab" ? .tsv : .csv)
    }
    // An empty or broken file is best refused by the reader that its name asks for.
    if ext == "json" || ext == "geojson" { return .file(path.hasSuffix(".city.json") ? .cityjson : .geojson) }
    if sequenceExtensions.contains(ext) { return .file(path.contains(".city.") ? .cityjsonseq : .geojsonseq) }
    return .file(.other)
  }

  /// Whether the first record of a sequence is of a city model.
  private static func isCity(_ path: String) throws(LoadError) -> Bool {
    let lines = try JSONLines(path: path)
    guard let root = try lines.next(), let type = root["type"]?.text else { return false }
    return withExtendedLifetime(lines) { type.string.hasPrefix("CityJSON") }
  }

  private static func findObject(_ path: String, _ ext: Substring) throws(LoadError) -> Finding {
    let document = try JSONDocumentReader(path: path)
    let kind = rootKind(document)
    let isSequence: Bool
    if sequenceExtensions.contains(ext) {
      isSequence = true
    } else {
      isSequence = kind == .city || kind == .feature ? holdsSeveral(path) : false
    }
    switch kind {
    case .city: return .file(isSequence ? .cityjsonseq : .cityjson)
    case .feature: return .file(isSequence ? .geojsonseq : .geojson)
    case .collection: return .file(.geojson)
    case .topology: return .file(.other)
    case .manifest: return .manifest
    case .tiles: return .tileIndex
    case .unknown:
      if isSequence { return .file(path.contains(".city.") ? .cityjsonseq : .geojsonseq) }
      return .file(path.hasSuffix(".city.json") ? .cityjson : .geojson)
    }
  }

  private enum RootKind { case city, feature, collection, topology, manifest, tiles, unknown }

  /// Walks the root's members until one tells. Broken JSON tells nothing: its reader says what is wrong.
  private static func rootKind(_ document: JSONDocumentReader) -> RootKind {
    do throws(LoadError) {
      try document.expect(UInt8(ascii: "{"), "`{`")
      while try document.peek() == UInt8(ascii: "\"") {
        let key = try document.value().text?.string ?? ""
        try document.expect(UInt8(ascii: ":"), "`:`")
        switch key {
        case "type":
          let type = try document.value().text?.string ?? ""
          if type.hasPrefix("CityJSON") { return .city }
          if type == "FeatureCollection" { return .collection }
          if type == "Topology" { return .topology }
          if type == "Feature" || GeometryKind.geoJSONNames.contains(type) { return .feature }
        case "CityObjects": return .city
        case "features": return .collection
        case "arcs": return .topology
        case "cimq": return .manifest
        case "tiles": return .tiles
        default: try document.skipValue()
        }
        if key == "type", try document.peek() == UInt8(ascii: "}") { return .unknown }
        guard try document.peek() == UInt8(ascii: ",") else { return .unknown }
        document.pass()
      }
    } catch { return .unknown }
    return .unknown
  }

  /// Whether something follows the first JSON value of the file.
  private static func holdsSeveral(_ path: String) -> Bool {
    guard let document = try? JSONDocumentReader(path: path) else { return false }
    do throws(LoadError) {
      try document.skipValue()
      return try document.peek() == UInt8(ascii: "{")
    } catch { return false }
  }
}
