/// A format that is written through GDAL's `ogr2ogr`, and what it cannot hold.
enum OGRFormat: String, CaseIterable, Sendable {
  case gpkg, fgb, shp, kml, gml, dxf

  init?(name: String) {
    switch name.lowercased() {
    case "gpkg", "geopackage": self = .gpkg
    case "fgb", "flatgeobuf": self = .fgb
    case "shp", "shapefile", "esri shapefile": self = .shp
    case "kml": self = .kml
    case "gml": self = .gml
    case "dxf": self = .dxf
    default: return nil
    }
  }

  /// By extension.
  init?(path: String) {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."),
      let format = OGRFormat(rawValue: name[name.index(after: dot)...].lowercased())
    else { return nil }
    self = format
  }

  /// GDAL's name for it.
  var driver: String {
    switch self {
    case .gpkg: "GPKG"
    case .fgb: "FlatGeobuf"
    case .shp: "ESRI Shapefile"
    case .kml: "KML"
    case .gml: "GML"
    case .dxf: "DXF"
    }
  }

  /// KML is in WGS 84 whatever is asked for.
  var isWGS84Only: Bool { self == .kml }

  /// Whether one file holds one kind of geometry only.
  var holdsOneKind: Bool { self == .shp }

  /// Bytes of a column's name, and of a text, when they are limited.
  var nameLimit: Int? { self == .shp ? 10 : nil }
  var textLimit: Int? { self == .shp ? 254 : nil }

  /// The files that make up one: those without which it cannot be read come last.
  func companions(of stem: String) -> [String] {
    switch self {
    case .shp: ["prj", "cpg", "shx", "dbf", "shp"].map { "\(stem).\($0)" }
    case .gml: ["\(stem).xsd", "\(stem).gml"]
    default: ["\(stem).\(rawValue)"]
    }
  }
}
