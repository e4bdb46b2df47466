import SpatialIndex

@testable import CIMEngine

/// Evaluates bound expressions one row at a time, with nothing shared with the engine but types: the oracle.
struct NaiveEvaluation {
  let city: NaiveCity
  /// The source of each index: layer.
  var sourceLayers: [Int]
  var distances: [BoundDistance] = []
  /// The rows of a subquery, by the oracle's own means.
  var subquery: ((BoundFind) throws -> [[Value]])?
  var subqueryShapes: ((BoundFind) throws -> [Geometry?])?

  /// - Parameters:
  ///   - rows: a row of each source, nil where an outer join found none.
  ///   - measured: metres by slot, where an operator measured them.
  func value(_ e: BoundExpression, _ rows: [Int?], measured: [Double?] = []) throws -> Value {
    func eval(_ e: BoundExpression) throws -> Value { try value(e, rows, measured: measured) }
    func truth(_ e: BoundExpression) throws -> Bool? {
      if case .bool(let b) = try eval(e) { return b }
      return nil
    }
    func bool(_ b: Bool?) -> Value { b.map { .bool($0) } ?? .null }
    switch e.kind {
    case .constant(let v): return v
    case .column(let s, let c): return rows[s].map { city.layers[sourceLayers[s]].rows[$0][c] } ?? .null
    case .path(let s, let steps, let c):
      guard let row = follow(s, steps, rows) else { return .null }
      let layer = city.layers[steps.last?.targetLayer ?? sourceLayers[s]]
      if let c { return layer.rows[row][c] }
      return layer.geometries[row].map { .geometry($0) } ?? .null
    case .geometry(let s): return geometry(s, rows).map { .geometry($0) } ?? .null
    case .distance(let slot):
      if slot < measured.count, let metres = measured[slot] { return metres.isNaN ? .null : .double(metres) }
      switch distances[slot].measure {
      case .reference(let reference):
        guard let g = geometry(0, rows), !g.isEmpty else { return .null }
        let metres = try features(reference, rows).map { oracleDistance(g, $0) }.min() ?? .infinity
        return metres.isFinite ? .double(metres) : .null
      default: return .null
      }
    case .groupKey, .aggregate: return .null
    case .negate(let a):
      switch try eval(a) {
      case .int(let v): return .int(-v)
      case .double(let v): return .double(-v)
      default: return .null
      }
    case .not(let a): return bool(try truth(a).map { !$0 })
    case .and(let list):
      let values = try list.map(truth)
      if values.contains(false) { return .bool(false) }
      return values.contains(nil) ? .null : .bool(true)
    case .or(let list):
      let values = try list.map(truth)
      if values.contains(true) { return .bool(true) }
      return values.contains(nil) ? .null : .bool(false)
    case .compare(let op, let a, let b): return bool(compareOp(op, try eval(a), try eval(b)))
    case .arithmetic(let op, let a, let b): return arithmetic(op, try eval(a), try eval(b), type: e.type)
    case .like(let a, let pattern):
      guard case .text(let text) = try eval(a), case .text(let p) = try eval(pattern) else { return .null }
      return .bool(like(Array(text.unicodeScalars), Array(p.unicodeScalars)))
    case .inList(let a, let list):
      let v = try eval(a)
      return bool(memberOf(v, try list.map(eval)))
    case .inFind(let a, let find): return bool(memberOf(try eval(a), try subquery!(find).map { $0[0] }))
    case .isNull(let a): return .bool(try eval(a).isNull)
    case .choose(let cases, let otherwise):
      for one in cases where try truth(one.condition) == true { return widen(try eval(one.result), e.type) }
      return try otherwise.map { widen(try eval($0), e.type) } ?? .null
    case .relation(let relation, let a, let b):
      guard case .geometry(let x) = try eval(a), case .geometry(let y) = try eval(b) else { return .null }
      return .bool(try oracleHolds(SpatialPredicate(relation), x, y))
    case .spatial(let test, let s, let reference):
      guard let g = geometry(s, rows) else { return .null }
      if case .source(let other) = reference, geometry(other, rows) == nil { return .null }
      let features = try features(reference, rows)
      switch test {
      case .inside: return .bool(try features.contains { try oracleHolds(.coveredBy, g, $0) })
      case .intersects: return .bool(try features.contains { try oracleHolds(.intersects, g, $0) })
      case .touches: return .bool(try features.contains { try oracleHolds(.touches, g, $0) })
      case .contains: return .bool(try features.contains { try oracleHolds(.covers, g, $0) })
      case .within(let d):
        guard let metres = try eval(d).number else { return .null }
        return .bool(features.contains { oracleDistance(g, $0) <= metres })
      case .beyond(let d):
        guard let metres = try eval(d).number else { return .null }
        return .bool(!features.contains { oracleDistance(g, $0) <= metres })
      case .byRoad: throw QueryError(.notSupported("BY ROAD in the oracle"))
      }
    case .within(let a, let b, let d):
      guard let metres = try eval(d).number, case .geometry(let x) = try eval(a), case .geometry(let y) = try eval(b)
      else { return .null }
      return .bool(oracleDistance(x, y) <= metres)
    case .convert(let a): return widen(try eval(a), e.type)
    case .array(let list): return .list(try list.map(eval))
    case .interval: return .null
    case .call(let function, let list): return try call(function, try list.map(eval), list, rows)
    }
  }

  func holds(_ e: BoundExpression, _ rows: [Int?], measured: [Double?] = []) throws -> Bool {
    try value(e, rows, measured: measured) == .bool(true)
  }

  func geometry(_ s: Int, _ rows: [Int?]) -> Geometry? {
    let layer = city.layers[sourceLayers[s]]
    if layer.hasGeometry { return rows[s].flatMap { layer.geometries[$0] } }
    return follow(s, [NaiveCity.personToUnit], rows).flatMap { city.layers[NaiveCity.unit].geometries[$0] }
  }

  private func follow(_ s: Int, _ steps: [LinkStep], _ rows: [Int?]) -> Int? {
    guard var row = rows[s] else { return nil }
    for step in steps {
      let key = city.layers[step.fromLayer].rows[row][step.column]
      let target = city.layers[step.targetLayer]
      let column = step.targetColumn == "fid" ? 0 : target.columns.firstIndex { $0.name == step.targetColumn }!
      guard !key.isNull, let next = target.rows.firstIndex(where: { $0[column] == key }) else { return nil }
      row = next
    }
    return row
  }

  func features(_ reference: BoundReference, _ rows: [Int?]) throws -> [Geometry] {
    switch reference {
    case .geometries(let list, _): list
    case .layer(let layer): city.layers[layer].geometries.compactMap { $0 }
    case .source(let s): geometry(s, rows).map { [$0] } ?? []
    case .find(let find): try subqueryShapes!(find).compactMap { $0 }
    case .space: throw QueryError(.notSupported("3D in the naive evaluation"))
    }
  }

  private func widen(_ v: Value, _ type: ColumnType?) -> Value {
    switch (v, type) {
    case (.int(let x), .double): .double(Double(x))
    case (.date(let d), .timestamp): .timestamp(Int64(d) * 86_400_000_000)
    case (.double(let x), .int): x.isFinite && abs(x) < 9e18 ? .int(Int64(x)) : .null
    case (.int(let x), .text): .text("\(x)")
    default: v
    }
  }

  private func order(_ a: Value, _ b: Value) -> Int? {
    switch (a, b) {
    case (.text(let x), .text(let y)):
      let (u, v) = (x.unicodeScalars.map(\.value), y.unicodeScalars.map(\.value))
      return u.lexicographicallyPrecedes(v) ? -1 : u == v ? 0 : 1
    case (.bool(let x), .bool(let y)): return (x ? 1 : 0) - (y ? 1 : 0)
    case (.date(let x), .date(let y)): return x < y ? -1 : x == y ? 0 : 1
    case (.timestamp(let x), .timestamp(let y)): return x < y ? -1 : x == y ? 0 : 1
    default:
      guard let x = a.number, let y = b.number else { return nil }
      return x < y ? -1 : x == y ? 0 : 1
    }
  }

  func compareOp(_ op: Expression.Comparison, _ a: Value, _ b: Value) -> Bool? {
    guard let o = order(a, b) else { return nil }
    switch op {
    case .equal: return o == 0
    case .notEqual: return o != 0
    case .less: return o < 0
    case .lessOrEqual: return o <= 0
    case .greater: return o > 0
    case .greaterOrEqual: return o >= 0
    }
  }

  private func memberOf(_ v: Value, _ list: [Value]) -> Bool? {
    if list.isEmpty { return false }
    if v.isNull { return nil }
    if list.contains(where: { order(v, $0) == 0 }) { return true }
    return list.contains(.null) ? nil : false
  }

  private func arithmetic(_ op: Expression.Arithmetic, _ a: Value, _ b: Value, type: ColumnType?) -> Value {
    if case .int(let x) = a, case .int(let y) = b, op != .divide, op != .power {
      switch op {
      case .add: return widen(.int(x + y), type)
      case .subtract: return widen(.int(x - y), type)
      case .multiply: return widen(.int(x * y), type)
      case .div: return y == 0 ? .null : widen(.int(x / y), type)
      default: return y == 0 ? .null : widen(.int(x % y), type)
      }
    }
    guard let x = a.number, let y = b.number else { return .null }
    let z: Double
    switch op {
    case .add: z = x + y
    case .subtract: z = x - y
    case .multiply: z = x * y
    case .divide: z = x / y
    case .power: z = power(x, y)
    case .div: z = (x / y).rounded(.towardZero)
    case .modulo: z = x.truncatingRemainder(dividingBy: y)
    }
    return z.isFinite ? widen(.double(z), type) : .null
  }

  /// Whole exponents only.
  private func power(_ x: Double, _ y: Double) -> Double {
    var result = 1.0
    for _ in 0..<Int(abs(y)) { result *= x }
    return y < 0 ? 1 / result : result
  }

  private func like(_ text: [Unicode.Scalar], _ pattern: [Unicode.Scalar]) -> Bool {
    guard let first = pattern.first else { return text.isEmpty }
    let rest = Array(pattern.dropFirst())
    switch first {
    case "%": return (0...text.count).contains { like(Array(text.dropFirst($0)), rest) }
    case "_": return !text.isEmpty && like(Array(text.dropFirst()), rest)
    case "\\" where !rest.isEmpty:
      return text.first == rest[0] && like(Array(text.dropFirst()), Array(rest.dropFirst()))
    default: return text.first == first && like(Array(text.dropFirst()), rest)
    }
  }

  private func call(_ f: BoundExpression.Function, _ a: [Value], _ e: [BoundExpression], _ rows: [Int?]) throws -> Value
  {
    switch f {
    case .coalesce: return a.first { !$0.isNull } ?? .null
    case .abs:
      if case .int(let x) = a[0] { return .int(abs(x)) }
      return a[0].number.map { .double(abs($0)) } ?? .null
    case .casei:
      guard case .text(let t) = a[0] else { return .null }
      return .text(t.uppercased().lowercased())
    case .length:
      guard case .text(let t) = a[0] else { return .null }
      return .int(Int64(t.unicodeScalars.count))
    case .area:
      guard case .geometry(let g) = a[0] else { return .null }
      return .double(try GEOSGeometry(g).area())
    case .distance:
      guard case .geometry(let x) = a[0], case .geometry(let y) = a[1] else { return .null }
      let metres = oracleDistance(x, y)
      return metres.isFinite ? .double(metres) : .null
    default: return .null
    }
  }
}

func oracleHolds(_ predicate: SpatialPredicate, _ a: Geometry, _ b: Geometry) throws -> Bool {
  // The union of a collection's members stands for it.
  let a = a.kind == .geometryCollection ? try GEOSGeometry(a).unaryUnion().geometry() : a
  let b = b.kind == .geometryCollection ? try GEOSGeometry(b).unaryUnion().geometry() : b
  return try GEOSGeometry(a).holds(predicate, try GEOSGeometry(b))
}

/// Infinity for an empty geometry.
func oracleDistance(_ a: Geometry, _ b: Geometry) -> Double {
  if a.isEmpty || b.isEmpty { return .infinity }
  return (try? GEOSGeometry(a).distance(to: GEOSGeometry(b))) ?? .infinity
}
