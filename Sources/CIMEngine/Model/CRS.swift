/// The name of a coordinate reference system, such as EPSG:4547. What it means is asked of Reproject.
///
/// GCJ-02 and BD-09, the two offset systems of Chinese web maps, are CRSs here like any other.
/// Whatever the authority says of axis order, coordinates in cimq are x (east, longitude) then y.
public struct CRS: Hashable, Sendable, Codable, CustomStringConvertible {
  public var authority: String
  public var code: String

  public init(authority: String, code: String) {
    self.authority = authority
    self.code = code
  }

  public static func epsg(_ code: Int) -> CRS { CRS(authority: "EPSG", code: String(code)) }
  public static let wgs84 = epsg(4326)
  public static let cgcs2000 = epsg(4490)
  public static let gcj02 = CRS(authority: "CIMQ", code: "GCJ02")
  public static let bd09 = CRS(authority: "CIMQ", code: "BD09")

  /// The EPSG code, when the authority is EPSG.
  public var epsgCode: Int? { authority == "EPSG" ? Int(code) : nil }
  public var isOffsetSystem: Bool { authority == "CIMQ" }
  public var description: String { isOffsetSystem ? code : "\(authority):\(code)" }

  /// Reads the spellings met in files, queries and options, or nil: `EPSG:4547`, `4547`, `epsg 4547`,
  /// `urn:ogc:def:crs:EPSG::4547`, `https://www.opengis.net/def/crs/EPSG/0/4547` (also http),
  /// `OGC:CRS84` and its URN, `WGS84`, `CGCS2000`, and `GCJ02`, `GCJ-02`, `gcj02`, `BD09`, `BD-09`.
  /// A compound URN (`urn:ogc:def:crs,crs:EPSG::28992,crs:EPSG::5709`) gives its horizontal part.
  public init?(parsing text: some StringProtocol) {
    let name = text.uppercased().filter { !" \t_".contains($0) }
    switch name.replacing("-", with: "") {
    case "WGS84", "CRS84", "OGC:CRS84", "URN:OGC:DEF:CRS:OGC:1.3:CRS84", "URN:OGC:DEF:CRS:OGC::CRS84",
      "HTTP://WWW.OPENGIS.NET/DEF/CRS/OGC/1.3/CRS84", "HTTPS://WWW.OPENGIS.NET/DEF/CRS/OGC/1.3/CRS84",
      "HTTP://WWW.OPENGIS.NET/DEF/CRS/OGC/0/CRS84H", "URN:OGC:DEF:CRS:OGC:1.3:CRS84H":
      self = .wgs84
      return
    case "CGCS2000": self = .cgcs2000; return
    case "GCJ02", "CIMQ:GCJ02": self = .gcj02; return
    case "BD09", "BD09LL", "CIMQ:BD09": self = .bd09; return
    default: break
    }
    var digits = Substring(name)
    if let comma = digits.firstIndex(of: ","), digits.hasPrefix("URN:") {
      let rest = digits[digits.index(after: comma)...]
      digits = rest.prefix { $0 != "," }
    }
    if let at = digits.lastIndex(where: { $0 == ":" || $0 == "/" }) {
      guard digits.contains("EPSG") else { return nil }
      digits = digits[digits.index(after: at)...]
    } else if digits.hasPrefix("EPSG") {
      digits = digits.dropFirst(4)
    }
    guard let code = Int(digits), code > 0, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
    self = .epsg(code)
  }
}
