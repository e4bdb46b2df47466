extension FindBinder {
  mutating func call(
    _ name: Name, _ arguments: [Expression], distinct: Bool, star: Bool, _ e: Expression
  ) throws(QueryError) -> BoundExpression {
    let function = name.text
    if let aggregate = FunctionSignature.aggregate(function, arguments.count) {
      return try self.aggregate(aggregate, function, arguments, distinct: distinct, star: star, e)
    }
    if distinct || star {
      throw QueryError(
        .invalid("\(distinct ? "DISTINCT" : "`*`") stands in an aggregate such as COUNT, not in \(function)"),
        at: e.range)
    }
    if let relation = FunctionSignature.relations[function] {
      try expect(2, arguments, function, e)
      let (a, b) = (try geometry(arguments[0], function), try geometry(arguments[1], function))
      return make(.relation(relation, a, b), .bool, e)
    }
    if function == "S_DWITHIN" || function == "S_BEYOND" { return try within(function, arguments, e) }
    if let temporal = FunctionSignature.temporal[function] {
      try expect(2, arguments, function, e)
      let (a, b) = (try period(arguments[0], function), try period(arguments[1], function))
      return make(.call(temporal, [a, b]), .bool, e)
    }
    if let array = FunctionSignature.array[function] {
      try expect(2, arguments, function, e)
      let (a, b) = (try list(arguments[0], function), try list(arguments[1], function))
      return make(.call(array, [a, b]), .bool, e)
    }
    guard let signature = FunctionSignature.named(function) else { throw unknownFunction(name) }
    return try call(signature, function, arguments, e)
  }

  private func unknownFunction(_ name: Name) -> QueryError {
    var fix: String?
    let upper = name.text.uppercased()
    if FunctionSignature.relations["S_" + upper] != nil { fix = "did you mean S_\(upper)?" }
    if fix == nil, ["ST_", "T_"].contains(where: { upper.hasPrefix($0) }) {
      let plain = "S_" + upper.drop { $0 != "_" }.dropFirst()
      if Words.function(plain) != nil { fix = "did you mean \(plain)?" }
    }
    if fix == nil {
      let known = Words.functions.flatMap { [$0.name] + $0.chinese }
      fix = Spelling.nearest(to: name.text, among: known).map { "did you mean \($0)?" }
    }
    return QueryError(.unknownFunction(name.text), at: name.range, fix: fix)
  }

  private func expect(_ count: Int, _ arguments: [Expression], _ function: String, _ e: Expression) throws(QueryError) {
    guard arguments.count == count else {
      throw QueryError(.invalid("\(function) takes \(count) arguments, not \(arguments.count)"), at: e.range)
    }
  }

  // MARK: Functions on values

  private mutating func call(
    _ signature: FunctionSignature, _ function: String, _ arguments: [Expression], _ e: Expression
  ) throws(QueryError) -> BoundExpression {
    let most = signature.arguments.count
    let least = most - signature.optional
    guard arguments.count >= least, signature.isVariadic || arguments.count <= most else {
      let wanted = signature.isVariadic ? "\(least) or more" : least == most ? "\(most)" : "\(least) or \(most)"
      let noun = wanted == "1" ? "argument" : "arguments"
      throw QueryError(
        .invalid("\(function) takes \(wanted) \(noun), not \(arguments.count)"), at: e.range)
    }
    if case .common = signature.result {
      let (bound, type) = try common(arguments, "the arguments of \(function)")
      return make(.call(signature.function, bound), type, e)
    }
    if signature.function == .nullif {
      let (a, b) = try comparable(arguments[0], arguments[1])
      return make(.call(.nullif, [a, b]), a.type, e)
    }
    if signature.function == .height || signature.function == .volume,
      let measure = try measure(signature.function, arguments[0], e)
    {
      return measure
    }
    var bound: [BoundExpression] = []
    for (i, argument) in arguments.enumerated() {
      bound.append(try self.argument(argument, signature.arguments[min(i, most - 1)], function))
    }
    // LENGTH of a line is another function than that of a text.
    if signature.function == .length, bound[0].type == .geometry { return make(.call(.lineLength, bound), .double, e) }
    let type: ColumnType? = if case .type(let type) = signature.result { type } else { bound.first?.type }
    if [.asWKT, .asGeoJSON, .lon, .lat].contains(signature.function) {
      // Results are WGS 84 unless a CRS is named; the executor knows only the working CRS's coordinates.
      let place = e.range
      let target = bound.count > 1 ? bound[1] : text(CRS.wgs84.description, at: place)
      bound = [bound[0], text(catalog.workingCRS.description, at: place), target]
    }
    return make(.call(signature.function, bound), type, e)
  }

  private mutating func argument(_ e: Expression, _ kind: FunctionSignature.Argument, _ function: String)
    throws(QueryError) -> BoundExpression
  {
    switch kind {
    case .number: return try number(e, function)
    case .text: return try text(e, function)
    case .time: return try time(e, function)
    case .geometry: return try geometry(e, function)
    case .length: return try bind(distance: e)
    case .bool: return try bind(condition: e)
    case .any: return try bind(e)
    case .timeUnit:
      guard case .literal(.text(let word)) = e.kind, let unit = TimeUnit(spelling: word) else {
        throw QueryError(
          .typeMismatch("\(function) takes a unit of time first, not \(describe(e))"), at: e.range,
          fix: "write 'second', 'minute', 'hour', 'day', 'week', 'month' or 'year'")
      }
      return text(unit.rawValue, at: e.range)
    case .crs:
      guard case .literal(.text(let name)) = e.kind else {
        throw QueryError(
          .typeMismatch("\(function) takes the name of a CRS, not \(describe(e))"), at: e.range,
          fix: "write \(function)(geom, 'EPSG:4547')")
      }
      return text(try state.crs(Name(text: name, quoted: true, range: e.range)).description, at: e.range)
    case .sized:
      let bound = try bind(e)
      guard [nil, .text, .list, .geometry].contains(bound.type) else {
        throw wrong(e, bound, function, "a text or a line")
      }
      return bound
    }
  }

  private func text(_ value: String, at range: Range<Int>) -> BoundExpression {
    BoundExpression(kind: .constant(.text(value)), type: .text, range: range)
  }

  /// HEIGHT and VOLUME of a row's own geometry: the layer's columns know them where the geometry is a footprint. A unit
  /// is the prism over its floor area from `z_min` to `z_max`. nil where the layer has no such columns.
  private mutating func measure(_ function: BoundExpression.Function, _ argument: Expression, _ e: Expression)
    throws(QueryError) -> BoundExpression?
  {
    guard case .geometry(let source) = try geometry(argument, e.name ?? "HEIGHT").kind,
      case .layer(let layer) = sources[source].bound.kind
    else { return nil }
    func column(_ name: String) -> BoundExpression? {
      guard let index = names.column(name, of: layer),
        [.double, .int].contains(sources[source].bound.columns[index].type)
      else { return nil }
      return make(.column(source: source, column: index), sources[source].bound.columns[index].type, e)
    }
    if let own = column(function == .height ? "height" : "volume") { return own }
    guard let low = column("z_min"), let high = column("z_max") else { return nil }
    let height = make(.arithmetic(.subtract, high, low), .double, e)
    if function == .height { return height }
    guard let area = column("area") else { return nil }
    return make(.arithmetic(.multiply, area, height), .double, e)
  }

  private func wrong(_ e: Expression, _ bound: BoundExpression, _ function: String, _ wanted: String) -> QueryError {
    QueryError(.typeMismatch("\(function) takes \(wanted); \(describe(e)) is \(TypeName.of(bound.type))"), at: e.range)
  }

  mutating func geometry(_ e: Expression, _ function: String) throws(QueryError) -> BoundExpression {
    // An alias alone is a row; its geometry is what is meant.
    if case .property(let parts) = e.kind, parts.count == 1,
      let source = sources.firstIndex(where: { isNamed($0, parts[0].text) }),
      (try? resolve(parts, at: e.range)) == nil
    {
      throw QueryError(
        .typeMismatch("\(function) takes a geometry; `\(parts[0].text)` is a row"), at: e.range,
        fix: "write `\(sources[source].bound.name).geom`")
    }
    let bound = try bind(e)
    guard bound.type == nil || bound.type == .geometry else { throw wrong(e, bound, function, "a geometry") }
    return bound
  }

  private mutating func time(_ e: Expression, _ function: String) throws(QueryError) -> BoundExpression {
    let bound = try bind(e)
    let like = BoundExpression(kind: .constant(.null), type: .timestamp, range: e.range)
    let time = try coerced(bound, e, like: like)
    guard [nil, .date, .timestamp].contains(time.type) else { throw wrong(e, time, function, "a date or a time") }
    return time
  }

  // MARK: CQL2's families

  /// S_DWITHIN(a, b, 500 m), S_DWITHIN(a, b, 500, 'm'), and S_BEYOND, which is its opposite.
  private mutating func within(_ function: String, _ arguments: [Expression], _ e: Expression) throws(QueryError)
    -> BoundExpression
  {
    guard arguments.count == 3 || arguments.count == 4 else {
      throw QueryError(
        .invalid("\(function) takes two geometries and a distance"), at: e.range, fix: "write \(function)(a, b, 500 m)")
    }
    let (a, b) = (try geometry(arguments[0], function), try geometry(arguments[1], function))
    var distance = arguments[2]
    if arguments.count == 4 {
      guard case .literal(.text(let word)) = arguments[3].kind, let unit = Words.unit(word.uppercased()),
        case .literal(let value) = distance.kind, let size = value.number
      else {
        throw QueryError(
          .unknownUnit(describe(arguments[3])), at: arguments[3].range, fix: "write \(function)(a, b, 500 m)")
      }
      distance.kind = .length(size, unit: unit)
    }
    let test = make(.within(a, b, distance: try bind(distance: distance)), .bool, e)
    return function == "S_DWITHIN" ? test : make(.not(test), .bool, e)
  }

  /// An instant or an INTERVAL.
  private mutating func period(_ e: Expression, _ function: String) throws(QueryError) -> BoundExpression {
    guard case .interval(let low, let high) = e.kind else { return try time(e, function) }
    let from = try low.map { (e) throws(QueryError) in try time(e, "INTERVAL") }
    let to = try high.map { (e) throws(QueryError) in try time(e, "INTERVAL") }
    if case .constant(let a)? = from?.kind, case .constant(let b)? = to?.kind, let start = instant(a),
      let end = instant(b), start > end
    {
      throw QueryError(.invalid("the interval ends before it starts"), at: e.range)
    }
    return make(.interval(from, to), nil, e)
  }

  private func instant(_ value: Value) -> Int64? {
    switch value {
    case .date(let day): Int64(day) * 86_400_000_000
    case .timestamp(let micros): micros
    default: nil
    }
  }

  private mutating func list(_ e: Expression, _ function: String) throws(QueryError) -> BoundExpression {
    let bound = try bind(e)
    guard bound.type == nil || bound.type == .list else { throw wrong(e, bound, function, "a list such as ('a', 'b')") }
    return bound
  }

  // MARK: Aggregates

  private mutating func aggregate(
    _ function: BoundAggregate.Function, _ name: String, _ arguments: [Expression], distinct: Bool, star: Bool,
    _ e: Expression
  ) throws(QueryError) -> BoundExpression {
    switch aggregateRule {
    case .allowed: break
    case .insideAggregate:
      throw QueryError(.invalid("an aggregate inside an aggregate"), at: e.range)
    case .forbidden(let place):
      throw QueryError(
        .invalid("\(name)(…) looks at many rows and cannot stand in \(place)"), at: e.range,
        fix: place == "WHERE" ? "use HAVING after GROUP BY" : nil)
    }
    if star, function != .count { throw QueryError(.invalid("only COUNT takes `*`"), at: e.range) }
    let wanted = function == .percentile ? 2 : 1
    guard star || arguments.count == wanted else {
      throw QueryError(
        .invalid(
          "\(name) takes \(wanted == 1 ? "one argument" : "a value and a share from 0 to 1"), not \(arguments.count)"),
        at: e.range,
        fix: function == .max
          ? "for the greatest of several values write GREATEST(…)"
          : function == .min
            ? "for the least of several values write LEAST(…)" : function == .count ? "write COUNT(*)" : nil)
    }
    aggregateRule = .insideAggregate
    defer { aggregateRule = .allowed }
    var aggregate = BoundAggregate(function: function, distinct: distinct, argument: nil, fraction: nil, type: .int)
    if !star {
      let argument = try self.argument(arguments[0], Self.argument(of: function), name)
      if function == .min || function == .max, argument.type == .geometry || argument.type == .list {
        throw wrong(arguments[0], argument, name, "a value that has an order")
      }
      aggregate.argument = argument
      aggregate.type = Self.result(of: function, argument.type)
    }
    if function == .percentile {
      guard case .literal(let value) = arguments[1].kind, let share = value.number, (0...1).contains(share) else {
        throw QueryError(
          .invalid("the share of PERCENTILE is a number from 0 to 1"), at: arguments[1].range,
          fix: "write PERCENTILE(\(Printer.print(arguments[0])), 0.9)")
      }
      aggregate.fraction = share
    }
    aggregates.append(aggregate)
    return make(.aggregate(aggregates.count - 1), aggregate.type, e)
  }

  private static func argument(of function: BoundAggregate.Function) -> FunctionSignature.Argument {
    switch function {
    case .count, .min, .max: .any
    case .sum, .avg, .median, .percentile: .number
    case .extent, .union: .geometry
    }
  }

  private static func result(of function: BoundAggregate.Function, _ type: ColumnType?) -> ColumnType {
    switch function {
    case .count: .int
    case .sum: type == .int ? .int : .double
    case .min, .max: type ?? .text
    case .avg, .median, .percentile: .double
    case .extent, .union: .geometry
    }
  }
}

extension Expression {
  /// The function that a call calls.
  fileprivate var name: String? { if case .call(let name, _, _, _) = kind { name.text } else { nil } }
}

/// A unit of time as DATE_TRUNC, DATE_ADD and DATE_DIFF take it.
enum TimeUnit: String, CaseIterable {
  case second, minute, hour, day, week, month, year

  init?(spelling: String) {
    var word = spelling.lowercased()
    let chinese = [
      "秒": "second", "分钟": "minute", "小时": "hour", "天": "day", "日": "day", "周": "week", "月": "month", "年": "year",
    ]
    if let english = chinese[word] { word = english }
    if word.hasSuffix("s") { word.removeLast() }
    self.init(rawValue: word)
  }
}
