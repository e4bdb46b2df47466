/// Replaces the sets in a tree by their references, so that a LET keeps its meaning when another is made anew.
enum SetExpansion {
  /// - Parameter budget: how many references may still be put in; sets of sets grow fast.
  static func expand(_ reference: Reference, _ sets: [String: Reference], _ budget: inout Int) throws(QueryError)
    -> Reference
  {
    var result = reference
    switch reference.kind {
    case .set(let name):
      guard let set = sets[name] else { return reference }
      budget -= size(set)
      guard budget > 0 else {
        throw QueryError(.limit("the sets in this LET stand for too much text"), at: reference.range)
      }
      // The set's own places are those of another text.
      result.kind = set.kind
      result.crs = set.crs
    case .find(let find): result.kind = .find(try expand(find, sets, &budget))
    case .geometry, .named, .file: break
    }
    return result
  }

  private static func expand(_ find: Find, _ sets: [String: Reference], _ budget: inout Int) throws(QueryError) -> Find
  {
    var result = find
    result.source = try expand(find.source, sets, &budget)
    for i in find.joins.indices {
      result.joins[i].source = try expand(find.joins[i].source, sets, &budget)
      if case .on(let condition) = find.joins[i].condition {
        result.joins[i].condition = .on(try expand(condition, sets, &budget))
      }
    }
    for i in find.filters.indices { result.filters[i] = try expand(find.filters[i], sets, &budget) }
    if let nearest = find.nearest { result.nearest!.reference = try expand(nearest.reference, sets, &budget) }
    if let avoiding = find.nearest?.road?.avoiding {
      result.nearest!.road!.avoiding = try expand(avoiding, sets, &budget)
    }
    if let having = find.having { result.having = try expand(having, sets, &budget) }
    for i in find.items?.indices ?? 0..<0 {
      if case .expression(let expression) = find.items![i].kind {
        result.items![i].kind = .expression(try expand(expression, sets, &budget))
      }
    }
    for i in find.groupBy.indices { result.groupBy[i] = try expand(find.groupBy[i], sets, &budget) }
    for i in find.orderBy.indices {
      result.orderBy[i].expression = try expand(find.orderBy[i].expression, sets, &budget)
    }
    return result
  }

  private static func expand(_ source: Source, _ sets: [String: Reference], _ budget: inout Int) throws(QueryError)
    -> Source
  {
    var result = source
    switch source.kind {
    case .set(let name):
      // A set of one feature or of a geometry stays a set; the source's own binding says what is wrong.
      guard let set = sets[name] else { return source }
      budget -= size(set)
      guard budget > 0 else {
        throw QueryError(.limit("the sets in this LET stand for too much text"), at: source.range)
      }
      if let kind = Source.Kind(set) { result.kind = kind }
      if result.alias == nil { result.alias = Name(text: name, quoted: false, range: source.range) }
    case .find(let find): result.kind = .find(try expand(find, sets, &budget))
    case .expose(var expose):
      expose.reference = try expand(expose.reference, sets, &budget)
      expose.find = try expand(expose.find, sets, &budget)
      result.kind = .expose(expose)
    case .layer: break
    }
    return result
  }

  private static func expand(_ e: Expression, _ sets: [String: Reference], _ budget: inout Int) throws(QueryError)
    -> Expression
  {
    var result = e
    switch e.kind {
    case .literal, .property, .parameter, .length, .onFloor, .geometry, .interval: break
    case .not(let a): result.kind = .not(try expand(a, sets, &budget))
    case .and(let list): result.kind = .and(try expand(list, sets, &budget))
    case .or(let list): result.kind = .or(try expand(list, sets, &budget))
    case .compare(let sign, let a, let b):
      result.kind = .compare(sign, try expand(a, sets, &budget), try expand(b, sets, &budget))
    case .arithmetic(let sign, let a, let b):
      result.kind = .arithmetic(sign, try expand(a, sets, &budget), try expand(b, sets, &budget))
    case .like(let a, let pattern):
      result.kind = .like(try expand(a, sets, &budget), pattern: try expand(pattern, sets, &budget))
    case .between(let a, let low, let high):
      result.kind = .between(
        try expand(a, sets, &budget), low: try expand(low, sets, &budget), high: try expand(high, sets, &budget))
    case .inList(let a, let list):
      result.kind = .inList(try expand(a, sets, &budget), try expand(list, sets, &budget))
    case .inFind(let a, let find):
      result.kind = .inFind(try expand(a, sets, &budget), try expand(find, sets, &budget))
    case .isNull(let a): result.kind = .isNull(try expand(a, sets, &budget))
    case .call(let name, let arguments, let distinct, let star):
      result.kind = .call(name, try expand(arguments, sets, &budget), distinct: distinct, star: star)
    case .choose(let operand, let cases, let otherwise):
      var made: [Expression.When] = []
      for one in cases {
        made.append(
          Expression.When(
            condition: try expand(one.condition, sets, &budget), result: try expand(one.result, sets, &budget)))
      }
      result.kind = .choose(
        operand: try operand.map { (e) throws(QueryError) in try expand(e, sets, &budget) }, cases: made,
        otherwise: try otherwise.map { (e) throws(QueryError) in try expand(e, sets, &budget) })
    case .array(let list): result.kind = .array(try expand(list, sets, &budget))
    case .spatial(var clause):
      clause.reference = try expand(clause.reference, sets, &budget)
      if let avoiding = clause.road?.avoiding { clause.road?.avoiding = try expand(avoiding, sets, &budget) }
      result.kind = .spatial(clause)
    case .elevation(let below, let height): result.kind = .elevation(below: below, try expand(height, sets, &budget))
    }
    return result
  }

  private static func expand(_ list: [Expression], _ sets: [String: Reference], _ budget: inout Int)
    throws(QueryError) -> [Expression]
  {
    var result: [Expression] = []
    for e in list { result.append(try expand(e, sets, &budget)) }
    return result
  }

  /// About how much text a set stands for.
  private static func size(_ reference: Reference) -> Int {
    if case .find = reference.kind { return 1 + Printer.print(reference).utf8.count / 64 }
    return 1
  }
}

extension Source.Kind {
  /// The rows that a reference stands for: a subquery or a whole layer; nil for anything else.
  init?(_ reference: Reference) {
    switch reference.kind {
    case .find(let find): self = .find(find)
    case .named(let layer, nil): self = .layer(layer)
    default: return nil
    }
  }
}
