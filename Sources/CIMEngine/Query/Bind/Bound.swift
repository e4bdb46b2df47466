package import SpatialIndex

// What the binder makes of a statement: every name resolved, every expression typed, every literal in the working CRS,
// every distance in metres. The planner reads it; it knows nothing of the store behind.

/// A bound FIND, SELECT or COUNT.
package struct BoundFind: Sendable {
  /// Source 0 is the FIND source; the others come from joins, in order. Expressions name sources by index.
  package var sources: [BoundSource]
  package var joins: [BoundJoin]
  /// Conjuncts that read only source 0; they run before NEAREST and before joins.
  package var sourceFilters: [BoundExpression]
  package var nearest: BoundNearest?
  /// Conjuncts on the joined rows (null-extended ones included).
  package var joinedFilters: [BoundExpression]
  /// nil when not grouped. With grouping, items, having and keys of ORDER BY read `.groupKey` and `.aggregate`.
  package var grouping: BoundGrouping?
  package var items: [BoundItem]
  package var distinct: Bool
  package var having: BoundExpression?
  package var orderBy: [BoundSortKey]
  package var limit: Int?
  package var offset: Int?
  /// How each source is measured to give `distance` columns: source index -> metres; see `.distance`.
  package var distances: [BoundDistance]
  /// The source whose geometry and id go into `RowBatch.shapes`; with grouping, the source that the keys identify
  /// (then `shapeKey` is the index of the key that names it); nil gives null shapes with a warning.
  package var shapeSource: Int?
  package var shapeKey: Int?
  /// Said once on stderr: implied links, swapped coordinates, …
  package var notices: [String]
  /// With grouping: links from `shapeSource` to the row that the key names (`GROUP BY grid3` on units: that grid). The
  /// row is the same for all rows of a group.
  package var shapePath: [LinkStep] = []
}

/// A layer or a subquery that rows come from.
package struct BoundSource: Sendable {
  package indirect enum Kind: Sendable {
    /// Index into the catalogue's layers.
    case layer(Int)
    /// A subquery; its items are the source's columns.
    case find(BoundFind)
  }
  package var kind: Kind
  /// The alias, else the layer's name.
  package var name: String
  package var columns: [BoundColumn]
  /// How a spatial clause gets a geometry for a row: empty path = own geometry, else along links
  /// (`person` -> `unit`); nil when there is none.
  package var geometryPath: [LinkStep]?
}

/// A column of a source; `origin` says which column of the catalogue it is unchanged.
package struct BoundColumn: Sendable {
  package var name: String
  package var type: ColumnType?
  package var unit: String?
  package var enumeration: [String]?
  package var origin: ResultColumn.Origin?
}

/// One step along `cimq_link`: a column of one layer that names rows of another.
package struct LinkStep: Sendable, Equatable {
  /// Index of the link column among the columns of `fromLayer`.
  package var fromLayer: Int
  package var column: Int
  package var targetLayer: Int
  /// "fid", "id" or "code", … of the target.
  package var targetColumn: String
}

/// A join of source number `source` to those before it.
package struct BoundJoin: Sendable {
  package enum Condition: Sendable {
    case on(BoundExpression)
    /// Closed ball between the geometries of source 0 (or of `from`) and the joined source. Metres.
    case within(BoundExpression, from: Int)
    case nearest(count: Int, within: BoundExpression?, from: Int)
  }
  package var isLeft: Bool
  /// Index into `sources`.
  package var source: Int
  package var condition: Condition
}

/// NEAREST: the `count` rows of source 0 that are nearest to the reference, `within` in metres.
package struct BoundNearest: Sendable {
  package var count: Int
  package var withTies: Bool
  package var reference: BoundReference
  package var within: BoundExpression?
  /// nil: in a straight line.
  package var road: BoundRoad? = nil
}

/// `BY ROAD [AVOIDING …]`: on foot along the lines of a layer.
package struct BoundRoad: Sendable {
  /// Index into the catalogue's layers.
  package var layer: Int
  /// The areas whose streets are closed.
  package var avoiding: BoundReference?
  /// The areas in words.
  package var label: String
}

/// A column of distances: after NEAREST, after the first WITHIN … OF, or of a JOIN NEAREST / JOIN WITHIN.
package struct BoundDistance: Sendable {
  package enum Measure: Sendable {
    /// From source 0 to the statement's NEAREST reference.
    case nearest
    /// From source 0 to the reference of a WITHIN … OF.
    case reference(BoundReference)
    /// From source 0 to the reference of a WITHIN … OF … BY ROAD.
    case road(BoundReference, BoundRoad)
    /// From `from` to the joined source of join number `join`.
    case join(Int)
  }
  package var measure: Measure
}

/// What rows are grouped by, and what is worked out of each group.
package struct BoundGrouping: Sendable {
  package var keys: [BoundExpression]
  package var aggregates: [BoundAggregate]
}

/// An aggregate of the rows of a group.
package struct BoundAggregate: Sendable {
  package enum Function: String, Sendable { case count, sum, avg, min, max, median, percentile, extent, union }
  package var function: Function
  package var distinct: Bool
  /// nil for COUNT(*).
  package var argument: BoundExpression?
  /// 0…1, for percentile.
  package var fraction: Double?
  package var type: ColumnType
}

/// A column of the result.
package struct BoundItem: Sendable {
  package var expression: BoundExpression
  package var column: ResultColumn
}

/// A key of ORDER BY.
package struct BoundSortKey: Sendable {
  package var expression: BoundExpression
  package var descending: Bool
  package var nullsFirst: Bool
}

/// A reference whose features are known before the rows are: constant in the statement, or another source's row.
package indirect enum BoundReference: Sendable {
  /// Literals, FILE, single features resolved by key: in the working CRS. Several are "one by one".
  case geometries([Geometry], label: String)
  /// All features of a layer (index into the catalogue), one by one.
  case layer(Int)
  /// A subquery's rows, one by one; its shapes count.
  case find(BoundFind)
  /// The geometry of another source in scope.
  case source(Int)
  /// A condition in three dimensions: what it refers to, and what is asked.
  case space(SpaceClause)
}

/// A typed expression. NULL is unknown: comparisons with it are NULL, and a filter keeps only TRUE.
package struct BoundExpression: Sendable {
  package var kind: Kind
  /// nil for a NULL literal.
  package var type: ColumnType?
  /// Offsets into the text, for run-time errors.
  package var range: Range<Int>

  package indirect enum Kind: Sendable {
    case constant(Value)
    case column(source: Int, column: Int)
    /// Along links from a source: column `column` of the last step's target layer; `column == nil` is its geometry.
    case path(source: Int, steps: [LinkStep], column: Int?)
    /// The geometry of a source, through its `geometryPath`.
    case geometry(source: Int)
    /// Index into `BoundFind.distances`.
    case distance(Int)
    case groupKey(Int)
    case aggregate(Int)
    case negate(BoundExpression)
    case not(BoundExpression)
    case and([BoundExpression])
    case or([BoundExpression])
    case compare(Expression.Comparison, BoundExpression, BoundExpression)
    case arithmetic(Expression.Arithmetic, BoundExpression, BoundExpression)
    /// `%` any run, `_` one character, `\` escapes. Pattern may be any text expression.
    case like(BoundExpression, pattern: BoundExpression)
    case inList(BoundExpression, [BoundExpression])
    /// One column subquery.
    case inFind(BoundExpression, BoundFind)
    case isNull(BoundExpression)
    case call(Function, [BoundExpression])
    case choose(cases: [(condition: BoundExpression, result: BoundExpression)], otherwise: BoundExpression?)
    /// OGC Simple Features, exactly; both arguments are geometries.
    case relation(SpatialRelation, BoundExpression, BoundExpression)
    /// A spatial clause on footprints, touching counts: holds if it holds for any feature of the reference.
    case spatial(SpatialTest, source: Int, BoundReference)
    /// Closed ball between two geometry expressions (S_DWITHIN). Metres.
    case within(BoundExpression, BoundExpression, distance: BoundExpression)
    /// Casts and widening (int to double, text to timestamp, …).
    case convert(BoundExpression)
    case interval(BoundExpression?, BoundExpression?)
    case array([BoundExpression])
  }

  /// How a footprint has to lie to the reference. Distances are in metres, touching counts.
  package enum SpatialTest: Sendable {
    /// Covered by the reference.
    case inside
    case intersects
    case touches
    /// Covers the reference.
    case contains
    case within(BoundExpression)
    case beyond(BoundExpression)
    /// Within this many metres on foot. Stands beside `within` the same metres.
    case byRoad(BoundExpression, BoundRoad)
  }

  /// The eight of CQL2 (21-065r2, 7.2 and 7.3).
  package enum SpatialRelation: String, Sendable, CaseIterable {
    case intersects, equals, disjoint, touches, within, overlaps, crosses, contains
  }

  /// Functions on values. The binder knows their signatures, the executor their meaning.
  package enum Function: String, Sendable, CaseIterable {
    case casei, accenti, abs, ceil, floor, round, sqrt, ln, exp, log10, sign, least, greatest, coalesce, nullif
    case power, mod, trunc, pi, ltrim, rtrim, toNumber, toText, pinyin
    case lower, upper, trim, length, substring, concat, replace, left, right, strpos, startsWith, endsWith
    case year, month, day, hour, minute, second, now, weekday, toDate, dateTrunc, dateAdd, dateDiff
    case area, perimeter, lineLength, centroid, pointOnSurface, buffer, convexHull, simplify, intersection, union
    case difference, distance, x, y, z, envelope, isValid, makeValid, asWKT, asGeoJSON
    case lon, lat, height, volume, surfaceArea, distance3D
    /// The level of a water surface at a place: geometry, then the points as text. Written by EXPOSE, not by people.
    case levelSurface
    /// The floors of a building under water: see `WetFloorsNode`. Written by EXPOSE, not by people.
    case wetFloors
    case tAfter, tBefore, tContains, tDisjoint, tDuring, tEquals, tFinishedBy, tFinishes, tIntersects, tMeets
    case tMetBy, tOverlappedBy, tOverlaps, tStartedBy, tStarts
    case aContainedBy, aContains, aEquals, aOverlaps
  }
}
