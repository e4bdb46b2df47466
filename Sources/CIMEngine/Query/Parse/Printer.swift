/// Prints a tree as canonical English text, so that parse(print(tree)) == tree.
package enum Printer {
  package static func print(_ script: Script) -> String {
    script.statements.map { print($0) }.joined(separator: ";\n")
  }

  package static func print(_ statement: Statement) -> String {
    var parts: [String] = []
    switch statement.explain {
    case .plan: parts.append("EXPLAIN")
    case .analyze: parts.append("EXPLAIN ANALYZE")
    case nil: break
    }
    parts.append(print(statement.body))
    if let export = statement.export {
      parts.append("EXPORT TO \(text(export.path))")
      if let format = export.format { parts.append("FORMAT \(name(format))") }
      if let crs = export.crs { parts.append("CRS \(self.crs(crs))") }
      if let precision = export.precision { parts.append("PRECISION \(precision)") }
    }
    return parts.joined(separator: " ")
  }

  private static func print(_ body: Statement.Body) -> String {
    switch body {
    case .find(let find): return print(find)
    case .let(let name, let reference): return "LET $\(name) = \(print(reference))"
    case .expose(let expose): return print(expose)
    case .allocate(let allocate):
      var parts = ["ALLOCATE \(print(allocate.from)) TO \(print(allocate.to))"]
      parts.append("CAPACITY \(print(allocate.capacity, .additive))")
      if let demand = allocate.demand { parts.append("DEMAND \(print(demand, .additive))") }
      if let maximum = allocate.maximum { parts.append("MAX \(print(maximum, .additive))") }
      if let column = allocate.keepTogether { parts.append("KEEP \(name(column.text)) TOGETHER") }
      if let road = allocate.road { parts.append(print(road)) }
      if let places = allocate.groupBy { parts.append("GROUP BY \(name(places.text))") }
      return parts.joined(separator: " ")
    case .link(let link):
      let otherwise = link.elseNearestWithin.map { " ELSE NEAREST WITHIN \(print($0, .additive))" } ?? ""
      return "LINK \(name(link.layer.text)) TO \(name(link.target.text)) BY INSIDE\(otherwise)"
        + (link.dryRun ? " DRY RUN" : "")
    case .brief(let brief):
      return "BRIEF \(print(brief.reference))" + (brief.radius.map { " RADIUS \(print($0, .additive))" } ?? "")
    case .edit(let edit, let dryRun): return print(edit) + (dryRun ? " DRY RUN" : "")
    case .transaction(let step): return step.rawValue
    }
  }

  private static func print(_ expose: Expose) -> String {
    var parts = ["EXPOSE \(expose.layers.map { name($0.text) }.joined(separator: ", ")) TO \(print(expose.reference))"]
    if let level = expose.level { parts.append("LEVEL \(print(level, .additive))") }
    if expose.byFloor { parts.append("BY FLOOR") }
    if let tolerance = expose.tolerance { parts.append("TOLERANCE \(print(tolerance, .additive))") }
    return (parts + clauses(expose.find)).joined(separator: " ")
  }

  private static func print(_ edit: Edit) -> String {
    switch edit {
    case .insert(let layer, let columns, let rows):
      let head = "INSERT INTO \(name(layer.text)) (\(columns.map { name($0.text) }.joined(separator: ", ")))"
      switch rows {
      case .values(let rows):
        return head + " VALUES " + rows.map { "(\(list($0)))" }.joined(separator: ", ")
      case .find(let find): return head + " " + print(find)
      }
    case .update(let layer, let assignments, let find):
      let set = assignments.map { "\(name($0.column.text)) = \(print($0.value, .or))" }.joined(separator: ", ")
      return "UPDATE \(name(layer.text)) SET \(set) \(find.map { clauses($0).joined(separator: " ") } ?? "ALL")"
    case .delete(let layer, let find):
      return "DELETE FROM \(name(layer.text)) \(find.map { clauses($0).joined(separator: " ") } ?? "ALL")"
    }
  }

  // MARK: Find

  package static func print(_ find: Find) -> String {
    (["FIND \(print(find.source))"] + clauses(find)).joined(separator: " ")
  }

  private static func print(_ source: Source) -> String {
    let kind =
      switch source.kind {
      case .layer(let layer): name(layer.text)
      case .set(let set): "$\(set)"
      case .find(let find): "(\(print(find)))"
      case .expose(let expose): "(\(print(expose)))"
      }
    return kind + (source.alias.map { " AS \(name($0.text))" } ?? "")
  }

  private static func clauses(_ find: Find) -> [String] {
    var parts: [String] = []
    for join in find.joins { parts.append(print(join)) }
    for filter in find.filters { parts.append(clause(filter)) }
    if let nearest = find.nearest {
      parts.append("NEAREST \(nearest.count)\(nearest.withTies ? " WITH TIES" : "") TO \(print(nearest.reference))")
      if let within = nearest.within { parts.append("WITHIN \(print(within, .additive))") }
      if let road = nearest.road { parts.append(print(road)) }
    }
    if !find.groupBy.isEmpty { parts.append("GROUP BY \(list(find.groupBy))") }
    if let having = find.having { parts.append("HAVING \(print(having, .or))") }
    if let items = find.items {
      parts.append("RETURN \(find.distinct ? "DISTINCT " : "")\(items.map { print($0) }.joined(separator: ", "))")
    }
    if !find.orderBy.isEmpty {
      parts.append("ORDER BY \(find.orderBy.map { print($0) }.joined(separator: ", "))")
    }
    if let limit = find.limit { parts.append("LIMIT \(limit)") }
    if let offset = find.offset { parts.append("OFFSET \(offset)") }
    return parts
  }

  private static func clause(_ filter: Expression) -> String {
    switch filter.kind {
    case .spatial, .onFloor, .elevation: return print(filter, .or)
    case .not(let inner):
      if case .spatial = inner.kind { return "NOT \(print(inner, .or))" }
    default: break
    }
    return "WHERE \(print(filter, .or))"
  }

  private static func print(_ join: Join) -> String {
    let left = join.isLeft ? "LEFT " : ""
    switch join.condition {
    case .on(let condition): return "\(left)JOIN \(print(join.source)) ON \(print(condition, .or))"
    case .within(let distance): return "\(left)JOIN \(print(join.source)) ON WITHIN \(print(distance, .additive))"
    case .nearest(let count, let within, let from):
      return "\(left)JOIN NEAREST \(count) \(print(join.source))"
        + (within.map { " WITHIN \(print($0, .additive))" } ?? "") + (from.map { " FROM \(name($0.text))" } ?? "")
    }
  }

  private static func print(_ item: Item) -> String {
    let kind =
      switch item.kind {
      case .all: "*"
      case .allOf(let alias): "\(name(alias.text)).*"
      case .expression(let expression): print(expression, .or)
      }
    return kind + (item.name.map { " AS \(name($0.text))" } ?? "")
  }

  private static func print(_ key: SortKey) -> String {
    print(key.expression, .or) + (key.descending ? " DESC" : "")
      + (key.nullsFirst.map { $0 ? " NULLS FIRST" : " NULLS LAST" } ?? "")
  }

  private static func print(_ road: Road) -> String {
    "BY ROAD" + (road.avoiding.map { " AVOIDING \(print($0))" } ?? "")
  }

  // MARK: References

  package static func print(_ reference: Reference) -> String {
    let kind =
      switch reference.kind {
      case .geometry(let geometry): print(geometry)
      case .named(let layer, let key): name(layer.text) + (key.map { " \(text($0))" } ?? "")
      case .set(let set): "$\(set)"
      case .file(let path): "FILE \(text(path))"
      case .find(let find): "(\(print(find)))"
      }
    return kind + (reference.crs.map { " IN \(crs($0))" } ?? "")
  }

  static func print(_ geometry: GeometryLiteral) -> String {
    switch geometry {
    case .wkt(let geometry): return WKT.write(geometry)
    case .at(let x, let y): return "AT(\(number(x)), \(number(y)))"
    case .bbox(let values): return "BBOX(\(values.map { number($0) }.joined(separator: ", ")))"
    case .circle(let centre, let radius): return "CIRCLE(\(print(centre)), \(print(radius, .additive)))"
    }
  }

  // MARK: Expressions

  package static func print(_ expression: Expression) -> String { print(expression, .or) }

  /// In brackets when it binds less tightly than `level`.
  private static func print(_ expression: Expression, _ level: Parser.Level) -> String {
    let (text, own) = bare(expression)
    return own < level ? "(\(text))" : text
  }

  private static func bare(_ expression: Expression) -> (String, Parser.Level) {
    switch expression.kind {
    case .literal(let value): return (print(value), .primary)
    case .length(let size, let unit): return ("\(number(size)) \(unit)", .primary)
    case .property(let parts): return (property(parts), .primary)
    case .parameter(let name): return ("$\(name)", .primary)
    case .geometry(let geometry, let crs):
      return (print(geometry) + (crs.map { " IN \(self.crs($0))" } ?? ""), .primary)
    case .interval(let low, let high): return ("INTERVAL(\(bound(low)), \(bound(high)))", .primary)
    case .array(let elements): return ("(\(list(elements))\(elements.count == 1 ? "," : ""))", .primary)
    case .call(let function, let arguments, let distinct, let star):
      return (call(function.text, arguments, distinct: distinct, star: star), .primary)
    case .choose(let operand, let cases, let otherwise):
      var parts = ["CASE"]
      if let operand { parts.append(print(operand, .additive)) }
      for item in cases { parts.append("WHEN \(print(item.condition, .or)) THEN \(print(item.result, .or))") }
      if let otherwise { parts.append("ELSE \(print(otherwise, .or))") }
      return (parts.joined(separator: " ") + " END", .primary)
    case .arithmetic(let kind, let left, let right):
      let sign = kind == .div ? "DIV" : kind.rawValue
      switch kind {
      case .add, .subtract:
        return ("\(print(left, .additive)) \(sign) \(print(right, .multiplicative))", .additive)
      case .multiply, .divide, .div, .modulo:
        return ("\(print(left, .multiplicative)) \(sign) \(print(right, .power))", .multiplicative)
      case .power: return ("\(print(left, .primary)) \(sign) \(print(right, .primary))", .power)
      }
    case .compare(let sign, let left, let right):
      return ("\(print(left, .additive)) \(sign.rawValue) \(print(right, .additive))", .predicate)
    case .like, .between, .inList, .inFind, .isNull: return (predicate(expression, not: ""), .predicate)
    case .spatial(let clause): return (print(clause), .predicate)
    case .onFloor(let low, let high): return ("ON FLOOR \(low)\(low == high ? "" : "..\(high)")", .predicate)
    case .elevation(let below, let height):
      return ("\(below ? "BELOW" : "ABOVE") ELEVATION \(print(height, .additive))", .predicate)
    case .not(let inner):
      switch inner.kind {
      case .like, .between, .inList, .inFind, .isNull: return (predicate(inner, not: "NOT "), .predicate)
      default: return ("NOT \(print(inner, .not))", .not)
      }
    case .and(let parts): return (parts.map { print($0, .not) }.joined(separator: " AND "), .and)
    case .or(let parts): return (parts.map { print($0, .and) }.joined(separator: " OR "), .or)
    }
  }

  private static func predicate(_ expression: Expression, not: String) -> String {
    switch expression.kind {
    case .like(let value, let pattern):
      return "\(print(value, .additive)) \(not)LIKE \(print(pattern, .additive))"
    case .between(let value, let low, let high):
      return "\(print(value, .additive)) \(not)BETWEEN \(print(low, .additive)) AND \(print(high, .additive))"
    case .inList(let value, let list): return "\(print(value, .additive)) \(not)IN (\(self.list(list)))"
    case .inFind(let value, let find): return "\(print(value, .additive)) \(not)IN (\(print(find)))"
    case .isNull(let value): return "\(print(value, .additive)) IS \(not)NULL"
    default: return print(expression, .primary)
    }
  }

  private static func print(_ clause: SpatialClause) -> String {
    if case .visible(let distance) = clause.relation {
      return "VISIBLE FROM \(print(clause.reference)) WITHIN \(self.distance(distance))"
    }
    let relation =
      switch clause.relation {
      case .visible: ""
      case .inside: "INSIDE"
      case .intersects: "INTERSECTS"
      case .touches: "TOUCHES"
      case .contains: "CONTAINS"
      case .within(let distance): "WITHIN \(self.distance(distance)) OF"
      case .beyond(let distance): "BEYOND \(self.distance(distance)) OF"
      }
    return "\(relation) \(print(clause.reference))\(clause.in3D ? " IN 3D" : "")"
      + (clause.road.map { " \(print($0))" } ?? "")
  }

  /// `within - 5` could be a column less five, so a distance does not begin with a sign.
  private static func distance(_ distance: Expression) -> String {
    let text = print(distance, .additive)
    return text.hasPrefix("-") ? "(\(text))" : text
  }

  private static func call(_ function: String, _ arguments: [Expression], distinct: Bool, star: Bool) -> String {
    if star { return "\(function)(*)" }
    let isArray = function.hasPrefix("A_") && Words.function(function) != nil
    let printed = arguments.map { argument in
      // CQL2 has no comma after a single element.
      if isArray, case .array(let elements) = argument.kind, elements.count == 1 { return "(\(list(elements)))" }
      return print(argument, .or)
    }
    return "\(function)(\(distinct ? "DISTINCT " : "")\(printed.joined(separator: ", ")))"
  }

  private static func list(_ expressions: [Expression]) -> String {
    expressions.map { print($0, .or) }.joined(separator: ", ")
  }

  private static func bound(_ expression: Expression?) -> String {
    switch expression?.kind {
    case nil: "'..'"
    case .literal(.date(let day)): "'\(TemporalText.text(date: day))'"
    case .literal(.timestamp(let instant)): "'\(TemporalText.text(timestamp: instant))'"
    default: print(expression!, .additive)
    }
  }

  // MARK: Words

  private static func print(_ value: Value) -> String {
    switch value {
    case .null: "NULL"
    case .bool(let value): value ? "TRUE" : "FALSE"
    case .int(let value): String(value)
    case .double(let value): value.description
    case .text(let value): text(value)
    case .date(let day): "DATE('\(TemporalText.text(date: day))')"
    case .timestamp(let instant): "TIMESTAMP('\(TemporalText.text(timestamp: instant))')"
    case .list(let values): "(\(values.map { print($0) }.joined(separator: ", "))\(values.count == 1 ? "," : ""))"
    case .geometry(let geometry): WKT.write(geometry)
    }
  }

  /// Shortest form that reads back to the same number; whole numbers without a point.
  static func number(_ value: Double) -> String {
    var bytes: [UInt8] = []
    NumberText.append(value, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// In single quotes. A backslash before a quote or at the end would be CQL2's escape, so such a text goes in ‘…’.
  static func text(_ value: String) -> String {
    var afterBackslash = false
    var isHazard = false
    for scalar in value.unicodeScalars {
      if scalar == "'", afterBackslash { isHazard = true }
      afterBackslash = scalar == "\\"
    }
    if !isHazard, !afterBackslash { return "'\(doubling("'", in: value))'" }
    return "\u{2018}\(doubling("\u{2019}", in: value))\u{2019}"
  }

  private static func property(_ parts: [Name]) -> String {
    parts.map { name($0.text) }.joined(separator: ".")
  }

  /// A name, in double quotes unless it can be nothing but a name.
  package static func name(_ text: String) -> String {
    var isPlain = !text.isEmpty && !Words.isKeyword(text.uppercased())
    for (i, scalar) in text.unicodeScalars.enumerated() {
      isPlain = isPlain && scalar.isASCII && (i == 0 ? scalar.isIdentifierStart : scalar.isIdentifierPart)
    }
    return isPlain ? text : "\"\(doubling("\"", in: text))\""
  }

  private static func crs(_ crs: Name) -> String {
    let isCode = crs.text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && !crs.text.isEmpty
    return isCode ? crs.text : name(crs.text)
  }

  private static func doubling(_ mark: Unicode.Scalar, in text: String) -> String {
    var view = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      view.append(scalar)
      if scalar == mark { view.append(scalar) }
    }
    return String(view)
  }
}
