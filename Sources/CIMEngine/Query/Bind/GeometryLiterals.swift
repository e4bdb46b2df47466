internal import SpatialIndex

/// Geometries of the text in the working CRS.
struct GeometryLiterals {
  let state: BindState

  init(_ state: BindState) { self.state = state }

  /// - Parameter metres: gives the radius of a circle.
  /// - Throws: for an unknown CRS, for longitude and latitude in the wrong order, and for places that cannot be brought
  ///   into the working CRS.
  func geometry(
    _ literal: GeometryLiteral, crs name: Name?, at range: Range<Int>,
    metres: (Expression) throws(QueryError) -> Double
  ) throws(QueryError) -> Geometry {
    let crs = try name.map { (name) throws(QueryError) in try state.crs(name) } ?? .wgs84
    let transform: CRSTransform
    let isGeographic: Bool
    do {
      transform = try CRSTransform.between(crs, state.catalog.workingCRS)
      isGeographic = try CRSInfo.lookup(crs).isGeographic
    } catch { throw QueryError(.invalid(error.message), at: range) }

    func working(_ geometry: Geometry) throws(QueryError) -> Geometry {
      try checkOrder(geometry, isGeographic: isGeographic, crs, literal, at: range)
      do { return try transform.transformed(geometry) } catch {
        throw QueryError(.badGeometry(error.message), at: range)
      }
    }
    switch literal {
    case .at(let x, let y): return try working(.point(x, y))
    case .wkt(let geometry): return try working(geometry)
    case .bbox(let values):
      return try working(try box(values, isGeographic: isGeographic && !transform.isIdentity, at: range))
    case .circle(let centre, let radius):
      let centre = try geometry(centre, crs: name, at: range, metres: metres)
      return try circle(centre, radius: try metres(radius), at: range)
    }
  }

  // MARK: Axis order

  /// x is longitude, y latitude. What is impossible, or far from the data and near it when swapped, is refused; what is
  /// far from it either way is said.
  private func checkOrder(
    _ geometry: Geometry, isGeographic: Bool, _ crs: CRS, _ literal: GeometryLiteral, at range: Range<Int>
  ) throws(QueryError) {
    guard isGeographic, let box = geometry.box else { return }
    let (x, y) = ((box.min[0] + box.max[0]) / 2, (box.min[1] + box.max[1]) / 2)
    let isImpossible = box.max[1] > 90 || box.min[1] < -90
    let area = state.areaOfUse
    // A degree beyond the area is still on its maps.
    let isNear = area.map { $0.contains(x, y, slack: 1) } ?? true
    let isNearSwapped = abs(x) <= 90 && (area.map { $0.contains(y, x, slack: 1) } ?? true)
    if isImpossible || !isNear && isNearSwapped {
      let latitude = abs(box.max[1]) > abs(box.min[1]) ? box.max[1] : box.min[1]
      let what =
        isImpossible
        ? "\(Printer.number(latitude)) is no latitude"
        : "longitude \(Printer.number(x)), latitude \(Printer.number(y)) is far from the area of \(state.catalog.workingCRS)"
      var fix = "did you swap lon and lat?"
      if case .at(let x, let y) = literal, isNearSwapped {
        fix += " Write AT(\(Printer.number(y)), \(Printer.number(x)))"
      }
      if isNearSwapped { throw QueryError(.badGeometry(what), at: range, fix: fix) }
      throw QueryError(
        .badGeometry(what), at: range,
        fix: crs == .wgs84 ? "x is longitude, y latitude; name the CRS of other coordinates: IN EPSG:4547" : nil)
    }
    if !isNear {
      state.note(
        "the place at longitude \(Printer.number(x)), latitude \(Printer.number(y)) lies outside the area of "
          + "\(state.catalog.workingCRS): distances there are not exact")
    }
  }

  // MARK: Boxes

  /// A box in degrees that is to be projected gets points along its sides, so that they follow the parallels; one whose
  /// west is east of its east crosses the antimeridian and becomes two.
  private func box(_ values: [Double], isGeographic: Bool, at range: Range<Int>) throws(QueryError) -> Geometry {
    let (west, south) = (values[0], values[1])
    let (east, north) = values.count == 6 ? (values[3], values[4]) : (values[2], values[3])
    guard south <= north else {
      throw QueryError(
        .badGeometry("the south of the box, \(Printer.number(south)), lies north of its north"), at: range,
        fix: "write BBOX(west, south, east, north)")
    }
    if west > east {
      let crosses = state.catalog.isGeographic && west <= 180 && east >= -180
      guard crosses else {
        throw QueryError(
          .badGeometry("the west of the box, \(Printer.number(west)), lies east of its east"), at: range,
          fix: "write BBOX(west, south, east, north)")
      }
      var result = Geometry(kind: .multiPolygon)
      result.appendPart(rings: [ring(west, south, 180, north, step: nil)])
      result.appendPart(rings: [ring(-180, south, east, north, step: nil)])
      return result
    }
    return .polygon([ring(west, south, east, north, step: isGeographic ? 0.005 : nil)])
  }

  private func ring(_ west: Double, _ south: Double, _ east: Double, _ north: Double, step: Double?) -> [Double] {
    var result: [Double] = []
    func side(_ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double) {
      let length = max(abs(x1 - x0), abs(y1 - y0))
      let count = step.map { Int(max(1, min(400, (length / $0).rounded(.up)))) } ?? 1
      for i in 0..<count {
        let t = Double(i) / Double(count)
        result.append(x0 + (x1 - x0) * t)
        result.append(y0 + (y1 - y0) * t)
      }
    }
    side(west, south, east, south)
    side(east, south, east, north)
    side(east, north, west, north)
    side(west, north, west, south)
    return result + [west, south]
  }

  // MARK: Circles

  /// Everything within `radius` of `centre`, as a polygon: 720 corners around a point (5 mm off at 500 m).
  private func circle(_ centre: Geometry, radius: Double, at range: Range<Int>) throws(QueryError) -> Geometry {
    guard !state.catalog.isGeographic else {
      throw QueryError(
        .notSupported("CIRCLE in a database in degrees"), at: range, fix: "use WITHIN \(Printer.number(radius)) m OF …")
    }
    guard radius > 0, radius.isFinite else {
      throw QueryError(.badGeometry("the radius of a circle is greater than zero"), at: range)
    }
    if centre.kind == .point, !centre.isEmpty {
      return .polygon([Circle.ring(centre.xy[0], centre.xy[1], radius: radius, corners: 720)])
    }
    do throws(StoreError) {
      return try GEOSGeometry(centre).buffer(radius, quadrantSegments: 180).geometry()
    } catch { throw QueryError(.failed(error.message), at: range) }
  }
}
