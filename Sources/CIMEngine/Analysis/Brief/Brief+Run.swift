internal import Glibc
internal import SpatialIndex

// `BRIEF reference [RADIUS dist]`: what the duty officer needs to know about a place, on one page.
//
// The page is a table, so that every output format carries it: one row for each figure or feature, in the order of
// `BriefSection.all`, with the columns
//   section  stable name of the part          title   its heading in English and Chinese
//   layer, id, name, phone                    of a feature; of a figure `name` says what is counted
//   value    the figure: people, free places, stock, …        detail  what the value counts, or kind, duty, level
//   distance metres from the place, straight   bearing  degrees from north, clockwise, from the middle of the place
// GeoJSON and the map page draw the place and every feature of the page.

extension StatementContext {
  /// How far around a point a brief looks when no RADIUS is given, in metres. An area is its own limit.
  static var briefRadius: Double { 1_000 }

  func runBrief(_ brief: Brief, into sink: inout any RowSink) throws -> RunReport {
    guard !catalog.isGeographic else {
      throw QueryError(
        .notSupported("BRIEF in a database in degrees"), at: statement.range,
        fix: "import into a database with a projected working CRS")
    }
    guard case .geometries(let places, let label) = try bind(brief.reference), let place = places.first else {
      throw QueryError(
        .invalid("a brief is about one place"), at: brief.reference.range,
        fix: "BRIEF hazard 'HZ-0231' RADIUS 2 km, or BRIEF AT(113.65, 34.76)")
    }
    guard places.count == 1, let box = place.box else {
      throw QueryError(.invalid("a brief is about one place, not \(places.count)"), at: brief.reference.range)
    }
    let isArea = place.kind == .polygon || place.kind == .multiPolygon
    let radius = try brief.radius.map { (e) throws(QueryError) in try metres(e) } ?? (isArea ? nil : Self.briefRadius)
    var page = BriefPage(
      middle: ((box.min[0] + box.max[0]) / 2, (box.min[1] + box.max[1]) / 2), wantsShapes: sink.wantsShapes)
    let reach = radius.map { "within \(Self.text($0)) m" } ?? "inside"
    page.chinese[reach] = radius.map { "\(Self.text($0)) 米以内" } ?? "范围内"
    page.add(
      section: "place", title: "Place 位置", layer: "", id: label, name: reach, detail: try coordinates(of: page.middle),
      shape: place)

    let rules = try store.rules()
    if statement.explain != nil { return try explain(brief, radius, rules, into: &sink) }
    let water = try flood(brief)
    if let water { try addWater(water, to: &page) }
    for section in BriefSection.all {
      try token.check()
      guard let bound = try question(section, brief, radius, rules) else {
        page.missing.append(section.name)
        continue
      }
      if section.query.contains("{band}") {
        page.notices.append(rules.saidAgeBands)
        for band in rules.ageBands { page.chinese[band.band] = band.nameZH }
      }
      if let water, let key = section.exposedBy, let found = try exposure(of: section.layer, to: water, by: key) {
        page.add(section, exposure: found.rows, catalog)
        // The page says who is in the water; those around it are another figure.
        if radius == nil { continue }
      }
      let rows = RowBuffer(wantsShapes: section.kind == .list, token: token)
      var inner: any RowSink = rows
      try execute(bound, isOrdered: true, into: &inner)
      page.add(section, rows, catalog, figuresOf: water == nil ? nil : BriefSection.anyHeight)
      if section.query.contains("{grade}"), !rows.rows.isEmpty { page.notices.append(rules.saidThreatGrades) }
    }
    for grade in rules.threatGrades { page.chinese[grade.grade] = grade.nameZH }
    if !page.missing.isEmpty {
      page.notices.append(
        "the brief has no \(page.missing.joined(separator: ", ")): the database lacks what they need")
    }
    return try page.send(to: &sink, crs: catalog.workingCRS)
  }

  // MARK: Questions

  /// The FIND of a section; nil when the database lacks what it needs.
  private func question(
    _ section: BriefSection, _ brief: Brief, _ radius: Double?, _ rules: CityRules
  ) throws(QueryError) -> BoundFind? {
    guard let layer = catalog.layerIndex(named: section.layer).map({ catalog.layers[$0] }),
      section.needs.allSatisfy({ need in layer.columns.contains { $0.name.lowercased() == need } })
    else { return nil }
    var context = bindContext
    context.session.sets["brief"] = brief.reference
    let near = radius.map { "WITHIN \(Self.text($0)) m OF $brief" } ?? "INTERSECTS $brief"
    let text = section.query.replacing("{near}", with: near)
      .replacing("{dry}", with: try flood(brief) == nil ? "" : "NOT INTERSECTS $brief")
      .replacing("{metres}", with: radius == nil ? "" : ", distance")
      .replacing("{order}", with: radius == nil ? "id" : "distance, id")
      .replacing("{band}", with: Printer.print(rules.ageBand(of: .column(["age"]))))
      .replacing("{grade}", with: Printer.print(rules.threatGrade(of: .column(["threat_people"]))))
    let script = try CIMEngine.parse(text, names: KnownNames(catalog))
    do {
      guard case .find(let find) = try CIMEngine.bind(script.statements[0], in: catalog, context).body else {
        return nil
      }
      return find
    } catch {
      // The text is ours, so a place in it means nothing to the user.
      if case .invalid = error.reason { return nil }
      throw QueryError(error.reason, at: statement.range, fix: error.fix)
    }
  }

  /// The plan of every question on the page.
  private func explain(
    _ brief: Brief, _ radius: Double?, _ rules: CityRules, into sink: inout any RowSink
  ) throws -> RunReport {
    let isMetered = statement.explain == .analyze
    let executor = Executor(
      catalog: catalog, tables: SnapshotTables(snapshot, path: store.path), token: token, threads: run.threadCount,
      isMetered: isMetered)
    var lines: [String] = []
    for section in BriefSection.all {
      if let bound = try question(section, brief, radius, rules) {
        lines.append("\(section.name):")
        lines += try executor.explain(bound, analyze: isMetered).map { "  " + $0 }
      } else {
        lines.append("\(section.name): left out, the database lacks what it needs")
      }
    }
    var report = RunReport()
    report.rowCount = lines.count
    try sink.begin(ResultHeader(columns: [ResultColumn(name: "plan", type: .text)], crs: catalog.workingCRS))
    try sink.write(RowBatch(rowCount: lines.count, columns: [Vector(.text(lines))]))
    try sink.end(notices: [])
    return report
  }

  /// The place when it is a feature of a layer with water levels.
  private func flood(_ brief: Brief) throws(QueryError) -> Reference? {
    let names = CatalogNames.of(catalog)
    let reference = try BindState(catalog, bindContext).expand(brief.reference)
    guard case .named(let name, _?) = reference.kind, let flood = names.layer(name.text),
      names.column("water_z", of: flood) != nil
    else { return nil }
    return reference
  }

  /// What the water of a flood reaches: EXPOSE of people, units and buildings.
  private func addWater(_ flood: Reference, to page: inout BriefPage) throws {
    for layer in ["person", "unit", "building"] where catalog.layerIndex(named: layer) != nil {
      guard let found = try exposure(of: layer, to: flood, by: "layer") else {
        page.missing.append("at_risk of \(layer)")
        continue
      }
      page.notices += found.notices.filter { !page.notices.contains($0) && !$0.hasPrefix("rule age bands") }
      page.add(exposure: found.rows, of: layer)
    }
  }

  /// The totals of an EXPOSE of a layer; nil where nobody knows heights, and so what is wet.
  private func exposure(
    of layer: String, to flood: Reference, by key: String
  ) throws -> (rows: RowBuffer, notices: [String])? {
    let text = "EXPOSE \(layer) TO \(Printer.print(flood)) GROUP BY \(key)"
    var inner = try CIMEngine.parse(text, names: KnownNames(catalog)).statements[0]
    guard case .expose(let expose) = inner.body else { return nil }
    inner.range = statement.range
    let context = StatementContext(
      statement: inner, session: session, run: run, store: store, snapshot: snapshot, bindContext: bindContext,
      transaction: transaction)
    let rows = RowBuffer(token: token)
    var sink: any RowSink = rows
    do {
      return (rows, try context.runExpose(expose, into: &sink).notices)
    } catch let error as QueryError {
      guard case .invalid = error.reason else { throw error }
      return nil
    }
  }

  private func metres(_ e: Expression) throws(QueryError) -> Double {
    let state = BindState(catalog, bindContext)
    let metres = try FindBinder(state).constantMetres(e)
    guard metres >= 0, metres.isFinite else {
      throw QueryError(.invalid("a radius is not negative"), at: e.range)
    }
    return metres
  }

  static func text(_ number: Double) -> String {
    Int64(exactly: number).map { String($0) } ?? "\(number)"
  }

  /// Longitude and latitude of the middle, and the same in GCJ-02 for phone maps.
  private func coordinates(of middle: (x: Double, y: Double)) throws -> String {
    func text(_ crs: CRS) throws -> String {
      let transform = try CRSTransform.between(catalog.workingCRS, crs)
      let xy = try transform.transformed(.point(middle.x, middle.y)).xy
      return "\(Self.rounded(xy[0])),\(Self.rounded(xy[1]))"
    }
    return "WGS 84 \(try text(.wgs84)); GCJ-02 \(try text(.gcj02))"
  }

  private static func rounded(_ degrees: Double) -> String { "\((degrees * 1e6).rounded() / 1e6)" }
}

/// The page as columns.
private struct BriefPage {
  let middle: (x: Double, y: Double)
  let wantsShapes: Bool
  var notices: [String] = []
  /// Sections and parts that the database cannot tell.
  var missing: [String] = []
  /// What fixed words and values are called in Chinese.
  var chinese = BriefSection.words
  /// Details of two parts.
  private var chineseParts: [String: [String]] = [:]
  private var titles: [String: String] = ["Place 位置": "位置"]
  private var texts: [[String?]] = Array(repeating: [], count: 7)
  private var values: [Double?] = []
  private var distances: [Double?] = []
  private var bearings: [Double?] = []
  private var shapes: [Geometry?] = []

  private static let names = ["section", "title", "layer", "id", "name", "phone", "detail"]

  init(middle: (x: Double, y: Double), wantsShapes: Bool) {
    self.middle = middle
    self.wantsShapes = wantsShapes
  }

  mutating func add(
    section: String, title: String, layer: String, id: String?, name: String?, phone: String? = nil, detail: String?,
    value: Double? = nil, distance: Double? = nil, shape: Geometry? = nil
  ) {
    for (i, text) in [section, title, layer, id, name, phone, detail].enumerated() { texts[i].append(text) }
    values.append(value)
    distances.append(distance)
    bearings.append(section == "place" ? nil : shape.flatMap(bearing))
    shapes.append(shape)
  }

  /// Totals of an EXPOSE of one layer.
  mutating func add(exposure found: RowBuffer, of layer: String) {
    let title = "At risk of the water 受水威胁"
    titles[title] = "受水威胁"
    let row = found.rows.first ?? []
    for (state, count) in Self.states(row, found.names) {
      add(section: "at_risk", title: title, layer: layer, id: nil, name: state, detail: layer, value: count)
    }
    if let column = found.names.firstIndex(of: "wet_floors"), column < row.count, let floors = row[column].number {
      add(
        section: "at_risk", title: title, layer: layer, id: nil, name: "floors under water", detail: layer,
        value: floors)
    }
  }

  /// Totals of an EXPOSE by one key: a row for each key and state, so that they add up to the totals of the layer.
  mutating func add(_ section: BriefSection, exposure found: RowBuffer, _ catalog: Catalog) {
    begin(section, catalog)
    if found.rows.isEmpty { add(section, id: nil, name: "none", detail: nil, value: 0) }
    // `scenario` and `layer` come first.
    for row in found.rows {
      for (state, count) in Self.states(row, found.names) {
        add(section, id: nil, name: row[2].isNull ? "unknown" : row[2].plainText, detail: state, value: count)
      }
    }
  }

  /// How many are in each state; who is wet is said also when it is nobody.
  private static func states(_ row: [Value], _ names: [String]) -> [(state: String, count: Double)] {
    ["wet", "dry", "unknown"].compactMap { state in
      let count = names.firstIndex(of: state).flatMap { $0 < row.count ? row[$0].number : nil } ?? 0
      return state == "wet" || count > 0 ? (state, count) : nil
    }
  }

  private mutating func begin(_ section: BriefSection, _ catalog: Catalog) {
    titles[section.title] = section.chinese
    guard let layer = catalog.layerIndex(named: section.layer) else { return }
    if let name = catalog.layers[layer].aliases.first { chinese[section.layer] = name }
    chinese.merge(catalog.chineseValues(ofLayer: layer)) { old, _ in old }
  }

  private mutating func add(_ section: BriefSection, id: String?, name: String?, detail: String?, value: Double?) {
    add(
      section: section.name, title: section.title, layer: section.layer, id: id, name: name, detail: detail,
      value: value)
  }

  /// - Parameter detail: what is said beside figures.
  mutating func add(_ section: BriefSection, _ found: RowBuffer, _ catalog: Catalog, figuresOf detail: String?) {
    begin(section, catalog)
    let common = section.kind == .figures ? detail : nil
    func at(_ name: String) -> Int? { found.names.firstIndex(of: name) }
    for (index, row) in found.rows.prefix(BriefSection.mostShown).enumerated() {
      let shape = found.wantsShapes ? found.shapes[index] : nil
      func text(_ name: String) -> String? {
        guard let column = at(name), !row[column].isNull else { return nil }
        if case .text(let text) = row[column] { return text }
        return row[column].number.map { StatementContext.text($0) }
      }
      var detail = text("detail") ?? common
      if let more = text("detail2") {
        let both = detail.map { "\($0), \(more)" } ?? more
        // Grades of threats are added by name later; values of the layer are known here.
        chineseParts[both] = [detail, more].compactMap { $0 }
        detail = both
      }
      add(
        section: section.name, title: section.title, layer: section.layer, id: text("id"),
        name: text("name") ?? (section.kind == .figures ? "unknown" : nil), phone: text("phone"),
        detail: detail, value: at("value").flatMap { row[$0].number },
        distance: at("distance").flatMap { row[$0].number }, shape: shape)
    }
    // Nothing found is an answer too, and not the same as a question left out.
    if found.rows.isEmpty {
      add(section, id: nil, name: "none", detail: nil, value: 0)
    } else if found.rows.count > BriefSection.mostShown {
      notices.append("\(section.name): \(BriefSection.mostShown) of \(found.rows.count) are shown")
    }
  }

  /// Grid bearing in degrees from north, clockwise, to one decimal.
  private func bearing(to shape: Geometry) -> Double? {
    guard let box = shape.box else { return nil }
    let (dx, dy) = ((box.min[0] + box.max[0]) / 2 - middle.x, (box.min[1] + box.max[1]) / 2 - middle.y)
    if dx == 0, dy == 0 { return nil }
    let degrees = atan2(dx, dy) * 180 / .pi
    return (((degrees < 0 ? degrees + 360 : degrees) * 10).rounded() / 10).truncatingRemainder(dividingBy: 360)
  }

  mutating func send(to sink: inout any RowSink, crs: CRS) throws -> RunReport {
    func number(_ name: String) -> ResultColumn { ResultColumn(name: name, type: .double) }
    var columns = Self.names.map { ResultColumn(name: $0, type: .text) }
    columns.insert(number("value"), at: 6)
    columns += [number("distance"), number("bearing")]
    for (both, parts) in chineseParts { chinese[both] = parts.map { chinese[$0] ?? $0 }.joined(separator: "，") }
    // Section, title and layer say in three ways which part of the page a row belongs to.
    columns[1].chineseValues = titles
    columns[4].chineseValues = chinese
    columns[7].chineseValues = chinese
    var header = ResultHeader(
      columns: columns, crs: crs, distanceColumn: columns.count - 2, hasShapes: true, rowCount: values.count)
    header.page = ResultHeader.Page(heading: 1, hidden: [0, 2])
    try sink.begin(header)
    for rows in runs { try sink.write(batch(rows)) }
    try sink.end(notices: notices)
    var report = RunReport()
    report.notices = notices
    report.rowCount = values.count
    return report
  }

  /// Rows whose figure is a whole number and rows where it is not, apart: people are counted in whole numbers, and what
  /// sensors say is not.
  private var runs: [Range<Int>] {
    var result: [Range<Int>] = []
    var start = 0
    for i in values.indices.dropFirst() where isWhole(i) != isWhole(i - 1) {
      result.append(start..<i)
      start = i
    }
    return values.isEmpty ? [] : result + [start..<values.count]
  }

  private func isWhole(_ row: Int) -> Bool { values[row].map { Int64(exactly: $0) != nil } ?? true }

  private func batch(_ rows: Range<Int>) -> RowBatch {
    func vector(_ numbers: ArraySlice<Double?>) -> Vector {
      Vector(.double(numbers.map { $0 ?? 0 }), validity: numbers.map { $0 != nil })
    }
    var columns = texts.map { texts in
      Vector(.text(texts[rows].map { $0 ?? "" }), validity: texts[rows].map { $0 != nil })
    }
    var figures = vector(values[rows])
    if rows.allSatisfy(isWhole) { figures.storage = .int(values[rows].map { Int64($0 ?? 0) }) }
    columns.insert(figures, at: 6)
    columns += [vector(distances[rows]), vector(bearings[rows])]
    return RowBatch(
      rowCount: rows.count, columns: columns, shapes: wantsShapes ? Array(shapes[rows]) : [],
      ids: wantsShapes ? Array(texts[3][rows]) : [])
  }
}
