internal import SpatialIndex

/// The constraints of the catalogue, checked before anything is written.
final class EditCheck {
  private let context: StatementContext
  private let state: BindState
  private let layer: Int
  private let targets: [EditPlan.Target]
  /// By target: the layer and column that its values name.
  private let links: [LinkStep?]
  /// Values known to be good, or the fid behind them, by target: rows repeat them.
  private var known: [[String: Int64]]
  /// What the new values tell of a person, by target: an error may end in a log, so it shows them masked.
  private let personal: [PersonalData?]
  private(set) var notices: [String] = []

  /// - Parameter values: what the expressions behind the targets tell of a person; nil for the rest.
  init(
    _ context: StatementContext, _ state: BindState, layer: Int, targets: [EditPlan.Target],
    personal values: [PersonalData?] = []
  ) {
    self.context = context
    self.state = state
    self.layer = layer
    self.targets = targets
    links = targets.map { target in
      guard case .column(let column) = target else { return nil }
      return state.names.steps[layer].first { $0.column == column }
    }
    known = Array(repeating: [:], count: targets.count)
    personal = targets.enumerated().map { i, target in
      if i < values.count, let kind = values[i] { return kind }
      guard case .column(let column) = target else { return nil }
      return context.catalog.personalData(column: column, of: layer)
    }
  }

  private var own: Catalog.Layer { context.catalog.layers[layer] }

  /// The values of a row as its columns hold them.
  ///
  /// - Parameter place: how the row is named in an error.
  func cells(_ values: [Value], place: String, at range: Range<Int>) throws -> [EditPlan.Cell] {
    var result: [EditPlan.Cell] = []
    result.reserveCapacity(values.count)
    for (i, value) in values.enumerated() {
      switch targets[i] {
      case .geometry: result.append(try shape(value, i, place, range))
      case .column(let column):
        if let link = links[i], link.targetColumn.lowercased() == "fid" {
          result.append(try reference(value, i, link, column, place, range))
        } else {
          result.append(try cell(value, i, column, place, range))
        }
      }
    }
    return result
  }

  func text(_ cell: EditPlan.Cell) -> String {
    switch cell {
    case .text(let text): text
    case .int(let number): String(number)
    default: ""
    }
  }

  // MARK: Values

  private func refuse(
    _ what: String, _ column: String, _ place: String, _ range: Range<Int>, fix: String? = nil
  ) -> QueryError {
    QueryError(.invalid("\(place), `\(column)`: \(what)"), at: range, fix: fix)
  }

  /// A value as an error may show it.
  private func shown(_ text: String, _ target: Int) -> String {
    let text = String(text.prefix(60))
    return personal.indices.contains(target) ? personal[target]?.masked(text) ?? text : text
  }

  private func cell(
    _ value: Value, _ target: Int, _ index: Int, _ place: String, _ range: Range<Int>
  ) throws(QueryError) -> EditPlan.Cell {
    let column = own.columns[index]
    if index == 0 {
      switch value {
      case .text(let id) where !id.isEmpty: return .text(id)
      case .int(let id): return .text(String(id))
      default:
        throw refuse("an id is a text that is not empty", column.name, place, range)
      }
    }
    switch (column.type, value) {
    case (_, .null): return .null
    case (.text, .text(let text)):
      guard let allowed = column.enumeration, !allowed.contains(text) else { return .text(text) }
      if let meant = column.valueAliases[text] { return .text(meant) }
      var error = QueryError.unknownValue(text, of: column, named: "\(own.name).\(column.name) (\(place))", at: range)
      if personal[target] != nil {
        // What it was meant for would tell what it is.
        error.reason = .unknownValue(
          shown(text, target), column: "\(own.name).\(column.name) (\(place))", allowed: allowed)
        error.fix = nil
      }
      throw error
    case (.int, .int(let number)): return .int(number)
    case (.int, .double(let number)): if let whole = Int64(exactly: number) { return .int(whole) }
    case (.double, .int(let number)): return .double(Double(number))
    case (.double, .double(let number)):
      if number.isFinite { return .double(number) }
      throw refuse("the number is not finite", column.name, place, range)
    case (.bool, .bool(let flag)): return .int(flag ? 1 : 0)
    case (.date, .date(let days)): return .text(String(decoding: StoredTime.bytes(date: days), as: UTF8.self))
    case (.timestamp, .timestamp(let instant)):
      return .text(String(decoding: StoredTime.bytes(instant: instant), as: UTF8.self))
    case (.timestamp, .date(let days)):
      return .text(String(decoding: StoredTime.bytes(instant: Int64(days) * 86_400_000_000), as: UTF8.self))
    case (.date, .text(let text)):
      var text = text
      if let days = text.withUTF8({ StoredTime.date($0) }) {
        return .text(String(decoding: StoredTime.bytes(date: days), as: UTF8.self))
      }
    case (.timestamp, .text(let text)):
      var text = text
      if let instant = text.withUTF8({ StoredTime.instant($0) }) {
        return .text(String(decoding: StoredTime.bytes(instant: instant), as: UTF8.self))
      }
    case (.list, .list): return .text(value.plainText)
    default: break
    }
    throw QueryError(
      .typeMismatch(
        "\(place), `\(column.name)`: '\(shown(value.plainText, target))' is no \(Self.word(column.type)), which "
          + "`\(own.name).\(column.name)` holds"), at: range)
  }

  private static func word(_ type: ColumnType) -> String {
    switch type {
    case .bool: "TRUE or FALSE"
    case .int: "whole number"
    case .double: "number"
    case .text: "text"
    case .date: "date such as DATE('2022-07-20')"
    case .timestamp: "time such as TIMESTAMP('2022-07-20T13:30:00Z')"
    case .geometry: "geometry"
    case .list: "list"
    }
  }

  /// The fid behind the id that a column linked by fid names.
  private func reference(
    _ value: Value, _ target: Int, _ link: LinkStep, _ column: Int, _ place: String, _ range: Range<Int>
  ) throws -> EditPlan.Cell {
    if value.isNull { return .null }
    let id = value.plainText
    if let fid = known[target][id] { return .int(fid) }
    let segment = try context.snapshot.segment(link.targetLayer)
    guard let row = try segment.row(id: id) else {
      throw refuse(
        "'\(shown(id, target))' names no \(context.catalog.layers[link.targetLayer].name)", own.columns[column].name,
        place, range)
    }
    let fid = try segment.fid(row)
    known[target][id] = fid
    return .int(fid)
  }

  // MARK: Geometry

  private func shape(_ value: Value, _ target: Int, _ place: String, _ range: Range<Int>) throws -> EditPlan.Cell {
    guard let column = own.geometry else { return .null }
    let geometry: Geometry
    switch value {
    case .null: return .null
    case .geometry(let shape): geometry = shape
    default:
      throw QueryError(
        .typeMismatch("\(place), `\(column.name)`: '\(shown(value.plainText, target))' is no geometry"), at: range,
        fix: "write AT(lon, lat) or WKT such as POLYGON((…)) without quotes")
    }
    if geometry.isEmpty { return .null }
    if let kind = column.kind, geometry.kind != kind, geometry.kind.multi != kind {
      throw refuse(
        "a \(geometry.kind.spatialiteName), where the layer holds \(kind.spatialiteName)", column.name, place, range)
    }
    if column.hasZ, geometry.z.isEmpty || geometry.z.contains(where: \.isNaN) {
      throw refuse(
        "the layer holds heights, and this geometry has none", column.name, place, range,
        fix: "write it with Z, such as POINT Z (lon lat height)")
    }
    if !column.hasZ, geometry.hasZ {
      note("heights of geometries are left out: `\(own.name)` holds none")
    }
    guard geometry.xy.allSatisfy(\.isFinite) else {
      throw refuse("a coordinate is not a finite number", column.name, place, range)
    }
    if geometry.kind != .point {
      let finding: GeometryInvalidity?
      do { finding = try GEOSGeometry(geometry).invalidity() } catch {
        throw refuse(error.message, column.name, place, range)
      }
      if let finding {
        throw refuse("not a valid geometry: \(finding)", column.name, place, range, fix: "MAKE_VALID(…) repairs it")
      }
    }
    return .geometry(geometry)
  }

  private func note(_ text: String) { if !notices.contains(text) { notices.append(text) } }

  // MARK: Keys

  /// Ids are unique, references name something, and nothing that is named goes away.
  func keys(_ plan: inout EditPlan, _ places: [Range<Int>]) throws {
    let segment = try context.snapshot.segment(layer)
    func place(_ i: Int) -> Range<Int> { places.indices.contains(i) ? places[i] : context.statement.range }
    func name(_ i: Int) -> String { plan.kind == .insert ? "row \(i + 1)" : "'\(plan.rows[i].id)'" }

    if let slot = targets.firstIndex(of: .column(0)) {
      let moving = plan.kind == .update ? Set(plan.rows.map(\.fid)) : []
      var seen = Set<String>()
      for i in plan.rows.indices {
        let id = text(plan.rows[i].cells[slot])
        guard seen.insert(id).inserted else {
          throw refuse("'\(shown(id, slot))' is given twice", own.columns[0].name, name(i), place(i))
        }
        if let row = try segment.row(id: id), !moving.contains(try segment.fid(row)) {
          throw refuse(
            "'\(shown(id, slot))' is in the layer `\(own.name)` already", own.columns[0].name, name(i), place(i),
            fix: plan.kind == .insert ? "UPDATE \(own.name) SET … WHERE id = '\(shown(id, slot))' changes it" : nil)
        }
      }
    }
    for (slot, link) in links.enumerated() {
      guard let link, link.targetColumn.lowercased() != "fid", case .column(let column) = targets[slot] else {
        continue
      }
      let target = try context.snapshot.segment(link.targetLayer)
      guard let key = target.columnIndex(named: link.targetColumn) else { continue }
      // Rows of the layer itself may name each other.
      var coming = Set<String>()
      if link.targetLayer == layer, let own = targets.firstIndex(of: .column(key)) {
        coming = Set(plan.rows.map { text($0.cells[own]) })
      }
      var good = Set<String>()
      for i in plan.rows.indices {
        let value = plan.rows[i].cells[slot]
        if value == .null { continue }
        let wanted = text(value)
        if good.contains(wanted) || coming.contains(wanted) { continue }
        guard try hasKey(wanted, target, key) else {
          throw refuse(
            "'\(shown(wanted, slot))' names no \(context.catalog.layers[link.targetLayer].name) "
              + "(by its `\(link.targetColumn)`)",
            own.columns[column].name, name(i), place(i))
        }
        good.insert(wanted)
      }
    }
    if plan.kind != .insert { try EditReferences(context, state, layer).check(plan) }
  }

  private func hasKey(_ key: String, _ target: Segment, _ column: Int) throws -> Bool {
    switch target.columnView(column) {
    case .text, .dictionary: return try !target.rows(column: column, equals: key).isEmpty
    default:
      for row in 0..<target.rowCount where try target.value(column, row).plainText == key { return true }
      return false
    }
  }
}

/// Whether rows of other layers name what an edit takes away.
private struct EditReferences {
  private let context: StatementContext
  private let state: BindState
  private let layer: Int

  init(_ context: StatementContext, _ state: BindState, _ layer: Int) {
    self.context = context
    self.state = state
    self.layer = layer
  }

  func check(_ plan: EditPlan) throws {
    let segment = try context.snapshot.segment(layer)
    for (child, steps) in state.names.steps.enumerated() {
      for step in steps where step.targetLayer == layer {
        // By row of the edited layer: what goes away.
        var going: [UInt32: Int] = [:]
        for (i, row) in plan.rows.enumerated() where try goes(row, plan, step, segment) {
          if let number = try segment.row(fid: row.fid) { going[UInt32(number)] = i }
        }
        if going.isEmpty { continue }
        try refuse(going, plan, child, step)
      }
    }
  }

  /// Whether an edit takes away the key by which a row is named.
  private func goes(_ row: EditPlan.Row, _ plan: EditPlan, _ step: LinkStep, _ segment: Segment) throws -> Bool {
    if plan.kind == .delete { return true }
    guard step.targetColumn.lowercased() != "fid", let key = segment.columnIndex(named: step.targetColumn),
      let slot = plan.targets.firstIndex(of: .column(key)), let number = try segment.row(fid: row.fid)
    else { return false }
    let old = try segment.value(key, number)
    switch row.cells[slot] {
    case .text(let text): return !old.isNull && old.plainText != text
    case .int(let value): return !old.isNull && old.plainText != String(value)
    default: return !old.isNull
    }
  }

  private func refuse(_ going: [UInt32: Int], _ plan: EditPlan, _ child: Int, _ step: LinkStep) throws {
    let other = try context.snapshot.segment(child)
    guard let link = try other.link(step.column) else { return }
    var gone = RowSet(rowCount: try context.snapshot.segment(layer).rowCount)
    for row in going.keys { gone.insert(Int(row)) }
    let deleted = child == layer && plan.kind == .delete ? Set(plan.rows.map(\.fid)) : []
    // A child whose own reference is rewritten by the same statement does not hold on to the old key.
    let rewritten =
      child == layer && plan.kind == .update && plan.targets.contains(.column(step.column))
      ? Set(plan.rows.map(\.fid)) : []
    var count = 0
    var example: (child: Int, target: UInt32)?
    for row in 0..<other.rowCount {
      let target = link.rows[row]
      if target == LinkColumn.none || !gone.contains(Int(target)) { continue }
      if !deleted.isEmpty || !rewritten.isEmpty {
        let fid = try other.fid(row)
        if deleted.contains(fid) || rewritten.contains(fid) { continue }
      }
      count += 1
      example = example ?? (row, target)
    }
    guard count > 0, let example, let i = going[example.target] else { return }
    let names = context.catalog.layers
    throw QueryError(
      .invalid(
        "'\(plan.rows[i].id)': \(count) \(count == 1 ? "row" : "rows") of `\(names[child].name)` name it in "
          + "`\(names[child].columns[step.column].name)`, such as '\(try other.id(example.child))'"),
      at: context.statement.range, fix: "change or delete those first")
  }
}
