internal import CPROJ
internal import Synchronization

/// What is known of a reference system.
public struct CRSInfo: Sendable, Equatable {
  /// As asked for.
  public var crs: CRS
  public var name: String
  /// Longitude and latitude in degrees.
  public var isGeographic: Bool
  public var isProjected: Bool { !isGeographic }
  /// x and y in metres.
  public var isMetric: Bool
  /// Nil where the authority states none.
  public var areaOfUse: Area?
  /// The two-dimensional system to transform with: the horizontal part of a compound system, `crs` itself otherwise.
  public var horizontal: CRS
  /// The vertical part of a compound system.
  public var vertical: CRS?

  /// In degrees; west is greater than east where it crosses the antimeridian.
  public struct Area: Sendable, Equatable {
    public var west: Double
    public var south: Double
    public var east: Double
    public var north: Double

    public init(west: Double, south: Double, east: Double, north: Double) {
      self.west = west
      self.south = south
      self.east = east
      self.north = north
    }

    public func contains(_ longitude: Double, _ latitude: Double, slack: Double = 0) -> Bool {
      guard latitude >= south - slack && latitude <= north + slack else { return false }
      if west <= east { return longitude >= west - slack && longitude <= east + slack }
      return longitude >= west - slack || longitude <= east + slack
    }
  }

  public init(
    crs: CRS, name: String, isGeographic: Bool, isMetric: Bool, areaOfUse: Area?, horizontal: CRS? = nil,
    vertical: CRS? = nil
  ) {
    self.crs = crs
    self.name = name
    self.isGeographic = isGeographic
    self.isMetric = isMetric
    self.areaOfUse = areaOfUse
    self.horizontal = horizontal ?? crs
    self.vertical = vertical
  }

  /// The EPSG code of the horizontal part.
  public var epsgCode: Int? { horizontal.epsgCode }

  private static let cache = Mutex<[CRS: CRSInfo]>([:])

  /// What the system is. Those that cimq knows by heart cost nothing; others open PROJ and its database.
  ///
  /// - Throws: ``CRSError`` for a code that nobody knows, with near ones, and for systems that have no x and y: vertical
  ///   and geocentric ones.
  public static func lookup(_ crs: CRS) throws(CRSError) -> CRSInfo {
    if let info = KnownCRS.info(crs) { return info }
    if let known = cache.withLock({ $0[crs] }) { return known }
    let info = try askPROJ(crs)
    cache.withLock { $0[crs] = info }
    return info
  }

  static func askPROJ(_ crs: CRS) throws(CRSError) -> CRSInfo {
    let functions = try PROJ.functions()
    let context = try PROJ.makeContext(functions)
    defer { _ = functions.pointee.proj_context_destroy(context) }
    return try ask(crs, functions, context)
  }

  private static func ask(
    _ crs: CRS, _ functions: UnsafePointer<cproj>, _ context: OpaquePointer
  ) throws(CRSError) -> CRSInfo {
    let f = functions.pointee
    guard let object = f.proj_create(context, "\(crs.authority):\(crs.code)") else {
      let near = neighbours(of: crs, f, context)
      throw CRSError(
        "\(crs) is no coordinate reference system that PROJ knows"
          + (near.isEmpty ? "" : "\n  did you mean " + near.joined(separator: " or ") + "?"))
    }
    defer { _ = f.proj_destroy(object) }
    switch f.proj_get_type(object) {
    case PJ_TYPE_GEOGRAPHIC_2D_CRS, PJ_TYPE_GEOGRAPHIC_3D_CRS:
      return CRSInfo(
        crs: crs, name: name(object, f), isGeographic: true, isMetric: false, areaOfUse: area(object, f, context))
    case PJ_TYPE_PROJECTED_CRS:
      return CRSInfo(
        crs: crs, name: name(object, f), isGeographic: false, isMetric: isMetric(object, f, context),
        areaOfUse: area(object, f, context))
    case PJ_TYPE_COMPOUND_CRS:
      guard let horizontal = f.proj_crs_get_sub_crs(context, object, 0), let horizontalCRS = identity(horizontal, f)
      else { throw CRSError("the horizontal part of \(crs) has no code of its own; name that system instead") }
      _ = f.proj_destroy(horizontal)
      var info = KnownCRS.info(horizontalCRS)
      if info == nil { info = try ask(horizontalCRS, functions, context) }
      var compound = info!
      compound.crs = crs
      compound.name = name(object, f)
      compound.horizontal = horizontalCRS
      if let vertical = f.proj_crs_get_sub_crs(context, object, 1) {
        compound.vertical = identity(vertical, f)
        _ = f.proj_destroy(vertical)
      }
      return compound
    case PJ_TYPE_VERTICAL_CRS:
      throw CRSError("\(crs) (\(name(object, f))) is a vertical system; name the horizontal one")
    case PJ_TYPE_GEOCENTRIC_CRS:
      throw CRSError(
        "\(crs) (\(name(object, f))) is geocentric; cimq works on maps: name a geographic or projected system")
    default:
      throw CRSError("\(crs) (\(name(object, f))) is no geographic or projected system")
    }
  }

  private static func name(_ object: OpaquePointer, _ f: cproj) -> String {
    f.proj_get_name(object).map { String(cString: $0) } ?? ""
  }

  private static func identity(_ object: OpaquePointer, _ f: cproj) -> CRS? {
    guard let authority = f.proj_get_id_auth_name(object, 0), let code = f.proj_get_id_code(object, 0) else {
      return nil
    }
    return CRS(authority: String(cString: authority), code: String(cString: code))
  }

  private static func area(_ object: OpaquePointer, _ f: cproj, _ context: OpaquePointer) -> Area? {
    var (west, south, east, north) = (0.0, 0.0, 0.0, 0.0)
    guard f.proj_get_area_of_use(context, object, &west, &south, &east, &north, nil) != 0, west > -1000 else {
      return nil
    }
    return Area(west: west, south: south, east: east, north: north)
  }

  private static func isMetric(_ object: OpaquePointer, _ f: cproj, _ context: OpaquePointer) -> Bool {
    guard let system = f.proj_crs_get_coordinate_system(context, object) else { return false }
    defer { _ = f.proj_destroy(system) }
    for axis in 0..<min(2, f.proj_cs_get_axis_count(context, system)) {
      var factor = 0.0
      guard f.proj_cs_get_axis_info(context, system, axis, nil, nil, nil, &factor, nil, nil, nil) != 0, factor == 1
      else { return false }
    }
    return true
  }

  /// Systems whose code is one slip of the finger away: two digits swapped, one too many, the last one wrong.
  private static func neighbours(of crs: CRS, _ f: cproj, _ context: OpaquePointer) -> [String] {
    guard crs.authority == "EPSG", crs.code.count <= 6 else { return [] }
    let digits = Array(crs.code)
    var candidates: [String] = []
    for i in digits.indices.dropLast() where digits[i] != digits[i + 1] {
      var swapped = digits
      swapped.swapAt(i, i + 1)
      candidates.append(String(swapped))
    }
    for i in digits.indices where digits.count > 4 {
      var shorter = digits
      shorter.remove(at: i)
      candidates.append(String(shorter))
    }
    if let last = digits.last?.wholeNumberValue {
      for other in [last - 1, last + 1] where (0...9).contains(other) {
        candidates.append(String(digits.dropLast()) + String(other))
      }
    }
    var found: [String] = []
    for code in candidates where found.count < 3 {
      guard let object = f.proj_create(context, "EPSG:\(code)") else { continue }
      defer { _ = f.proj_destroy(object) }
      let type = f.proj_get_type(object)
      guard type == PJ_TYPE_PROJECTED_CRS || type == PJ_TYPE_GEOGRAPHIC_2D_CRS else { continue }
      let text = "EPSG:\(code) (\(name(object, f)))"
      if !found.contains(text) { found.append(text) }
    }
    return found
  }
}
