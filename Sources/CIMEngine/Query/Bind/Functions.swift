/// What the functions on values take and give. Aggregates, and the S_, T_ and A_ functions, are the binder's own.
struct FunctionSignature {
  enum Argument {
    case number, text, bool, time, geometry, any
    /// Metres: a length, or an expression of lengths.
    case length
    /// Text or a list.
    case sized
    /// 'second', 'minute', 'hour', 'day', 'week', 'month' or 'year', written out.
    case timeUnit
    /// The name of a CRS, written out.
    case crs
  }
  enum Result {
    case type(ColumnType)
    /// As the first argument.
    case first
    /// The one type that all arguments have.
    case common
  }
  var function: BoundExpression.Function
  var arguments: [Argument]
  /// How many of the arguments may be left out.
  var optional = 0
  /// The last argument may be repeated.
  var isVariadic = false
  var result: Result

  static func named(_ name: String) -> FunctionSignature? { table[name] }

  private static func f(
    _ function: BoundExpression.Function, _ arguments: [Argument], _ result: Result, optional: Int = 0,
    isVariadic: Bool = false
  ) -> FunctionSignature {
    FunctionSignature(
      function: function, arguments: arguments, optional: optional, isVariadic: isVariadic, result: result)
  }

  private static let table: [String: FunctionSignature] = [
    "CASEI": f(.casei, [.text], .type(.text)), "ACCENTI": f(.accenti, [.text], .type(.text)),
    "ABS": f(.abs, [.number], .first), "CEIL": f(.ceil, [.number], .first), "FLOOR": f(.floor, [.number], .first),
    "ROUND": f(.round, [.number, .number], .first, optional: 1), "SQRT": f(.sqrt, [.number], .type(.double)),
    "POWER": f(.power, [.number, .number], .type(.double)), "MOD": f(.mod, [.number, .number], .common),
    "TRUNC": f(.trunc, [.number], .first), "PI": f(.pi, [], .type(.double)),
    "LTRIM": f(.ltrim, [.text], .type(.text)), "RTRIM": f(.rtrim, [.text], .type(.text)),
    "TO_NUMBER": f(.toNumber, [.any], .type(.double)), "TO_TEXT": f(.toText, [.any], .type(.text)),
    "PINYIN": f(.pinyin, [.text], .type(.text)),
    "WEEKDAY": f(.weekday, [.time], .type(.int)), "TO_DATE": f(.toDate, [.time], .type(.date)),
    "DATE_TRUNC": f(.dateTrunc, [.timeUnit, .time], .type(.timestamp)),
    "DATE_ADD": f(.dateAdd, [.timeUnit, .number, .time], .type(.timestamp)),
    "DATE_DIFF": f(.dateDiff, [.timeUnit, .time, .time], .type(.double)),
    "LON": f(.lon, [.geometry], .type(.double)), "LAT": f(.lat, [.geometry], .type(.double)),
    "HEIGHT": f(.height, [.geometry], .type(.double)), "VOLUME": f(.volume, [.geometry], .type(.double)),
    "SURFACE_AREA": f(.surfaceArea, [.geometry], .type(.double)),
    "DISTANCE3D": f(.distance3D, [.geometry, .geometry], .type(.double)),
    "LN": f(.ln, [.number], .type(.double)), "EXP": f(.exp, [.number], .type(.double)),
    "LOG10": f(.log10, [.number], .type(.double)), "SIGN": f(.sign, [.number], .type(.int)),
    "LEAST": f(.least, [.any], .common, isVariadic: true), "GREATEST": f(.greatest, [.any], .common, isVariadic: true),
    "COALESCE": f(.coalesce, [.any], .common, isVariadic: true), "NULLIF": f(.nullif, [.any, .any], .first),
    "LOWER": f(.lower, [.text], .type(.text)), "UPPER": f(.upper, [.text], .type(.text)),
    "TRIM": f(.trim, [.text], .type(.text)), "LENGTH": f(.length, [.sized], .type(.int)),
    "SUBSTRING": f(.substring, [.text, .number, .number], .type(.text), optional: 1),
    "CONCAT": f(.concat, [.any], .type(.text), isVariadic: true),
    "REPLACE": f(.replace, [.text, .text, .text], .type(.text)), "LEFT": f(.left, [.text, .number], .type(.text)),
    "RIGHT": f(.right, [.text, .number], .type(.text)), "STRPOS": f(.strpos, [.text, .text], .type(.int)),
    "STARTS_WITH": f(.startsWith, [.text, .text], .type(.bool)),
    "ENDS_WITH": f(.endsWith, [.text, .text], .type(.bool)), "YEAR": f(.year, [.time], .type(.int)),
    "MONTH": f(.month, [.time], .type(.int)), "DAY": f(.day, [.time], .type(.int)),
    "HOUR": f(.hour, [.time], .type(.int)), "MINUTE": f(.minute, [.time], .type(.int)),
    "SECOND": f(.second, [.time], .type(.int)), "NOW": f(.now, [], .type(.timestamp)),
    "AREA": f(.area, [.geometry], .type(.double)), "PERIMETER": f(.perimeter, [.geometry], .type(.double)),
    "CENTROID": f(.centroid, [.geometry], .type(.geometry)),
    "POINT_ON_SURFACE": f(.pointOnSurface, [.geometry], .type(.geometry)),
    "BUFFER": f(.buffer, [.geometry, .length], .type(.geometry)),
    "CONVEX_HULL": f(.convexHull, [.geometry], .type(.geometry)),
    "SIMPLIFY": f(.simplify, [.geometry, .length], .type(.geometry)),
    "INTERSECTION": f(.intersection, [.geometry, .geometry], .type(.geometry)),
    "UNION": f(.union, [.geometry, .geometry], .type(.geometry)),
    "DIFFERENCE": f(.difference, [.geometry, .geometry], .type(.geometry)),
    "DISTANCE": f(.distance, [.geometry, .geometry], .type(.double)), "X": f(.x, [.geometry], .type(.double)),
    "Y": f(.y, [.geometry], .type(.double)), "Z": f(.z, [.geometry], .type(.double)),
    "ENVELOPE": f(.envelope, [.geometry], .type(.geometry)), "IS_VALID": f(.isValid, [.geometry], .type(.bool)),
    "MAKE_VALID": f(.makeValid, [.geometry], .type(.geometry)),
    "AS_WKT": f(.asWKT, [.geometry, .crs], .type(.text), optional: 1),
    "AS_GEOJSON": f(.asGeoJSON, [.geometry], .type(.text)),
    LevelSurface.function: f(.levelSurface, [.geometry, .text], .type(.double)),
    WetFloorsNode.function: f(
      .wetFloors, [.text, .text, .any, .number, .number, .number, .number, .number, .number], .type(.double)),
  ]

  static let temporal: [String: BoundExpression.Function] = [
    "T_AFTER": .tAfter, "T_BEFORE": .tBefore, "T_CONTAINS": .tContains, "T_DISJOINT": .tDisjoint, "T_DURING": .tDuring,
    "T_EQUALS": .tEquals, "T_FINISHEDBY": .tFinishedBy, "T_FINISHES": .tFinishes, "T_INTERSECTS": .tIntersects,
    "T_MEETS": .tMeets, "T_METBY": .tMetBy, "T_OVERLAPPEDBY": .tOverlappedBy, "T_OVERLAPS": .tOverlaps,
    "T_STARTEDBY": .tStartedBy, "T_STARTS": .tStarts,
  ]

  static let array: [String: BoundExpression.Function] = [
    "A_CONTAINEDBY": .aContainedBy, "A_CONTAINS": .aContains, "A_EQUALS": .aEquals, "A_OVERLAPS": .aOverlaps,
  ]

  static let relations: [String: BoundExpression.SpatialRelation] = Dictionary(
    uniqueKeysWithValues: BoundExpression.SpatialRelation.allCases.map { ("S_\($0.rawValue.uppercased())", $0) })

  static let aggregates: [String: BoundAggregate.Function] = [
    "COUNT": .count, "SUM": .sum, "AVG": .avg, "MIN": .min, "MAX": .max, "MEDIAN": .median, "PERCENTILE": .percentile,
    "EXTENT": .extent,
  ]

  /// The aggregate that a call is; UNION is one with a single argument.
  static func aggregate(_ name: String, _ argumentCount: Int) -> BoundAggregate.Function? {
    name == "UNION" ? (argumentCount == 1 ? .union : nil) : aggregates[name]
  }
}

extension Expression {
  /// Whether an aggregate stands in it, outside of subqueries.
  var hasAggregate: Bool {
    switch kind {
    case .call(let name, let arguments, _, _):
      return FunctionSignature.aggregate(name.text, arguments.count) != nil || arguments.contains(where: \.hasAggregate)
    case .not(let a), .isNull(let a), .elevation(_, let a), .inFind(let a, _): return a.hasAggregate
    case .and(let list), .or(let list), .array(let list): return list.contains(where: \.hasAggregate)
    case .compare(_, let a, let b), .arithmetic(_, let a, let b), .like(let a, let b):
      return a.hasAggregate || b.hasAggregate
    case .between(let a, let b, let c): return a.hasAggregate || b.hasAggregate || c.hasAggregate
    case .inList(let a, let list): return a.hasAggregate || list.contains(where: \.hasAggregate)
    case .choose(let operand, let cases, let otherwise):
      return operand?.hasAggregate ?? false || otherwise?.hasAggregate ?? false
        || cases.contains { $0.condition.hasAggregate || $0.result.hasAggregate }
    case .literal, .interval, .property, .parameter, .length, .geometry, .spatial, .onFloor: return false
    }
  }
}
