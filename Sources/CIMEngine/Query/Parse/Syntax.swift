// What the parser makes of a text: names as written, nothing resolved. One tree for both spellings
// (FIND … RETURN …, SELECT … FROM …), for both languages, and for CQL2 text and JSON.
// Trees compare without their source ranges, so that parse(print(tree)) == tree can be asked.

/// A whole text: statements divided by `;`.
public struct Script: Equatable, Sendable {
  public var statements: [Statement]
}

/// One statement: what it asks, whether its plan is shown, and where its result goes.
public struct Statement: Equatable, Sendable {
  /// EXPLAIN, and EXPLAIN ANALYZE, which runs it as well.
  public enum Explain: Sendable { case plan, analyze }
  public enum Body: Equatable, Sendable {
    /// FIND, SELECT and COUNT.
    case find(Find)
    case `let`(name: String, Reference)
    case expose(Expose)
    case allocate(Allocate)
    case link(LinkLayers)
    case brief(Brief)
    case edit(Edit, dryRun: Bool)
    case transaction(TransactionStep)
  }
  public var explain: Explain?
  public var body: Body
  public var export: Export?
  public var range: Range<Int>

  public static func == (a: Self, b: Self) -> Bool {
    a.explain == b.explain && a.body == b.body && a.export == b.export
  }
}

/// `EXPORT TO 'x.geojson' FORMAT geojson CRS GCJ02 PRECISION 6`
public struct Export: Equatable, Sendable {
  public var path: String
  public var format: String?
  public var crs: Name?
  public var precision: Int?
}

/// A name as written, with its place. A quoted name is never a keyword; beyond that quotes mean nothing,
/// so `"height"` and `height` are equal.
public struct Name: Equatable, Sendable {
  public var text: String
  public var quoted: Bool
  public var range: Range<Int>

  public static func == (a: Self, b: Self) -> Bool { a.text == b.text }
}

/// A FIND, SELECT or COUNT: the source, what is joined to it, the conditions, and what is returned in which order.
public struct Find: Equatable, Sendable {
  public var source: Source
  public var joins: [Join] = []
  /// WHERE and every spatial clause (ON FLOOR, BELOW and ABOVE ELEVATION too) of the source, in the order written; all must hold.
  public var filters: [Expression] = []
  public var nearest: Nearest?
  /// nil: no RETURN.
  public var items: [Item]?
  public var distinct = false
  public var groupBy: [Expression] = []
  public var having: Expression?
  public var orderBy: [SortKey] = []
  public var limit: Count?
  public var offset: Count?
  public var range: Range<Int>

  public static func == (a: Self, b: Self) -> Bool {
    a.source == b.source && a.joins == b.joins && a.filters == b.filters && a.nearest == b.nearest
      && a.items == b.items && a.distinct == b.distinct && a.groupBy == b.groupBy && a.having == b.having
      && a.orderBy == b.orderBy && a.limit == b.limit && a.offset == b.offset
  }
}

/// The number after LIMIT, OFFSET and NEAREST: written out, or the value of a parameter.
public enum Count: Equatable, Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
  case number(Int)
  case parameter(Name)

  public init(integerLiteral value: Int) { self = .number(value) }

  public var description: String {
    switch self {
    case .number(let value): String(value)
    case .parameter(let name): "$\(name.text)"
    }
  }
}

/// What follows FIND, JOIN and FROM: `layer`, `$name` or `(find)`, and its alias.
public struct Source: Equatable, Sendable {
  public indirect enum Kind: Equatable, Sendable {
    case layer(Name)
    case set(String)
    case find(Find)
    /// The rows of one layer that a flood meets, each with its `state` and `depth`.
    case expose(Expose)
  }
  public var kind: Kind
  public var alias: Name?
  public var range: Range<Int>

  public static func == (a: Self, b: Self) -> Bool { a.kind == b.kind && a.alias == b.alias }
}

/// `[LEFT] JOIN source ON bool`, `… ON WITHIN dist`, `[LEFT] JOIN NEAREST n source`.
public struct Join: Equatable, Sendable {
  public enum Condition: Equatable, Sendable {
    case on(Expression)
    case within(Expression)
    /// JOIN NEAREST n source [WITHIN dist] [FROM alias]
    case nearest(count: Count, within: Expression?, from: Name?)
  }
  public var isLeft: Bool
  public var source: Source
  public var condition: Condition
  public var range: Range<Int>

  public static func == (a: Self, b: Self) -> Bool {
    a.isLeft == b.isLeft && a.source == b.source && a.condition == b.condition
  }
}

/// `NEAREST n [WITH TIES] TO reference [WITHIN dist] [BY ROAD [AVOIDING reference]]`
public struct Nearest: Equatable, Sendable {
  public var count: Count
  public var withTies: Bool
  public var reference: Reference
  public var within: Expression?
  public var road: Road?
  public var range: Range<Int>

  public static func == (a: Self, b: Self) -> Bool {
    a.count == b.count && a.withTies == b.withTies && a.reference == b.reference && a.within == b.within
      && a.road == b.road
  }
}

/// `BY ROAD [AVOIDING reference]`
public struct Road: Equatable, Sendable {
  public var avoiding: Reference?
}

/// One of what RETURN and SELECT list: `*`, `alias.*`, or an expression and its name.
public struct Item: Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    case all
    case allOf(Name)
    case expression(Expression)
  }
  public var kind: Kind
  public var name: Name?
}

/// `expr [ASC | DESC] [NULLS FIRST | LAST]`
public struct SortKey: Equatable, Sendable {
  public var expression: Expression
  public var descending = false
  /// nil: NULLs last ascending, first descending.
  public var nullsFirst: Bool?
}

/// What a spatial clause or NEAREST looks at.
public struct Reference: Equatable, Sendable {
  public indirect enum Kind: Equatable, Sendable {
    case geometry(GeometryLiteral)
    /// A layer, or an alias in scope; the key is looked up in id, then code, then name.
    case named(Name, key: String?)
    /// `$name`: a set of LET, else a parameter that carries WKT or "lon,lat" text.
    case set(String)
    case file(String)
    case find(Find)
  }
  public var kind: Kind
  /// `IN GCJ02`, `IN EPSG:4547`.
  public var crs: Name?
  public var range: Range<Int>

  public static func == (a: Self, b: Self) -> Bool { a.kind == b.kind && a.crs == b.crs }
}

/// A geometry as written, its coordinates in the CRS named beside it, else WGS 84 longitude, latitude.
public indirect enum GeometryLiteral: Equatable, Sendable {
  case wkt(Geometry)
  /// AT(lon, lat)
  case at(Double, Double)
  /// BBOX(west, south[, low], east, north[, high])
  case bbox([Double])
  case circle(GeometryLiteral, radius: Expression)
}

/// An expression as written, with its place.
public struct Expression: Equatable, Sendable {
  public var kind: Kind
  public var range: Range<Int>

  public static func == (a: Self, b: Self) -> Bool { a.kind == b.kind }

  public indirect enum Kind: Equatable, Sendable {
    /// NULL, numbers, 'text', TRUE, FALSE, DATE('…') and TIMESTAMP('…') when their text is a literal.
    case literal(Value)
    /// INTERVAL(a, b); a bound is a DATE, TIMESTAMP, a property, or nil for '..'.
    case interval(Expression?, Expression?)
    /// `name`, `alias.name`, `link.path.name`: the parts as written.
    case property([Name])
    case parameter(String)
    /// `500 m`: the number as written and its unit ("m", "km", "m2", "km2", "ha", "mu").
    case length(Double, unit: String)
    /// `x NOT LIKE p`, `x IS NOT NULL` and the like are NOT around the plain form, as in CQL2-JSON.
    case not(Expression)
    case and([Expression])
    case or([Expression])
    case compare(Comparison, Expression, Expression)
    /// `-x` is `-1 * x`, as in CQL2-JSON.
    case arithmetic(Arithmetic, Expression, Expression)
    case like(Expression, pattern: Expression)
    case between(Expression, low: Expression, high: Expression)
    case inList(Expression, [Expression])
    case inFind(Expression, Find)
    case isNull(Expression)
    /// Any call: S_*, T_*, A_*, CASEI, COUNT, ABS, … A known function has its English name in capitals,
    /// any other its name as written. COUNT(*) has `star`.
    case call(Name, [Expression], distinct: Bool, star: Bool)
    /// CASE [operand] WHEN … THEN … [ELSE …] END
    case choose(operand: Expression?, cases: [When], otherwise: Expression?)
    case geometry(GeometryLiteral, crs: Name?)
    case array([Expression])
    /// INSIDE, INTERSECTS, TOUCHES, CONTAINS, WITHIN … OF, BEYOND … OF as a primary.
    case spatial(SpatialClause)
    /// ON FLOOR low..high (high == low for one floor)
    case onFloor(Int, Int)
    /// BELOW (or ABOVE) ELEVATION dist
    case elevation(below: Bool, Expression)
  }

  /// `WHEN condition THEN result`; after `CASE operand` the condition is what the operand is compared with.
  public struct When: Equatable, Sendable {
    public var condition: Expression
    public var result: Expression
  }
  /// The comparisons; the raw values are their signs in CQL2.
  public enum Comparison: String, Sendable, CaseIterable {
    case equal = "="
    case notEqual = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
  }
  /// The operators on numbers and dates; the raw values are their signs in CQL2.
  public enum Arithmetic: String, Sendable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case power = "^"
    case div
    case modulo = "%"
  }
}

/// `INSIDE`, `INTERSECTS`, `TOUCHES`, `CONTAINS`, `WITHIN dist OF`, `BEYOND dist OF` or `VISIBLE FROM`, and its
/// reference.
public struct SpatialClause: Equatable, Sendable {
  /// How a row has to lie to the reference; touching counts, distances are closed.
  public indirect enum Relation: Equatable, Sendable {
    case inside, intersects, touches, contains
    case within(Expression)
    case beyond(Expression)
    /// VISIBLE FROM reference WITHIN dist: in three dimensions.
    case visible(within: Expression)
  }
  public var relation: Relation
  public var reference: Reference
  public var in3D = false
  public var road: Road?
}

// MARK: City statements

/// `EXPOSE layers TO reference [LEVEL expr] [BY FLOOR] [TOLERANCE dist] { clause }`
public struct Expose: Equatable, Sendable {
  public var layers: [Name]
  public var reference: Reference
  public var level: Expression?
  public var byFloor: Bool
  public var tolerance: Expression?
  /// The clauses, held as a FIND over the first layer.
  public var find: Find
}

/// `ALLOCATE source TO source CAPACITY expr [DEMAND expr] [MAX dist] [KEEP column TOGETHER] [BY ROAD …]
/// [GROUP BY places]`
public struct Allocate: Equatable, Sendable {
  public var from: Source
  public var to: Source
  public var capacity: Expression
  public var demand: Expression?
  public var maximum: Expression?
  public var keepTogether: Name?
  public var road: Road?
  /// GROUP BY the places: their loads instead of the assignments.
  public var groupBy: Name?
}

/// `LINK layer TO layer BY INSIDE [ELSE NEAREST WITHIN dist] [DRY RUN]`
public struct LinkLayers: Equatable, Sendable {
  public var layer: Name
  public var target: Name
  public var elseNearestWithin: Expression?
  public var dryRun: Bool
}

/// `BRIEF reference [RADIUS dist]`
public struct Brief: Equatable, Sendable {
  public var reference: Reference
  public var radius: Expression?
}

/// BEGIN, COMMIT, ROLLBACK: edits between them are kept together or not at all.
public enum TransactionStep: String, Equatable, Sendable {
  case begin = "BEGIN"
  case commit = "COMMIT"
  case rollback = "ROLLBACK"
}

/// INSERT, UPDATE and DELETE.
public enum Edit: Equatable, Sendable {
  /// `VALUES rows`, or the rows that a FIND gives.
  public enum Rows: Equatable, Sendable {
    case values([[Expression]])
    case find(Find)
  }
  /// `column = expr` of SET.
  public struct Assignment: Equatable, Sendable {
    public var column: Name
    public var value: Expression
  }
  case insert(into: Name, columns: [Name], Rows)
  /// `find` holds the clauses over the layer; nil means ALL.
  case update(Name, [Assignment], find: Find?)
  case delete(Name, find: Find?)
}
