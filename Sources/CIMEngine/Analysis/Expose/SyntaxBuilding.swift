// Trees made by a statement that is carried out as FINDs.

extension Expression {
  static func number(_ value: Double) -> Expression { Expression(kind: .literal(.double(value)), range: 0..<0) }
  static func text(_ value: String) -> Expression { Expression(kind: .literal(.text(value)), range: 0..<0) }
  static var null: Expression { Expression(kind: .literal(.null), range: 0..<0) }

  /// A column, or a path along links to one.
  static func column(_ parts: [String]) -> Expression {
    Expression(kind: .property(parts.map { Name(text: $0, quoted: true, range: 0..<0) }), range: 0..<0)
  }

  static func call(_ function: String, _ arguments: [Expression], star: Bool = false) -> Expression {
    Expression(
      kind: .call(Name(text: function, quoted: false, range: 0..<0), arguments, distinct: false, star: star),
      range: 0..<0)
  }

  /// CASE WHEN … THEN … ELSE … END
  static func choose(
    _ cases: [(condition: Expression, result: Expression)], otherwise: Expression? = nil
  ) -> Expression {
    Expression(
      kind: .choose(
        operand: nil, cases: cases.map { When(condition: $0.condition, result: $0.result) }, otherwise: otherwise),
      range: 0..<0)
  }

  static func either(_ a: Expression, _ b: Expression) -> Expression { Expression(kind: .or([a, b]), range: 0..<0) }
  static func both(_ a: Expression, _ b: Expression) -> Expression { Expression(kind: .and([a, b]), range: 0..<0) }

  var isUnknown: Expression { Expression(kind: .isNull(self), range: 0..<0) }
  func compared(_ sign: Comparison, _ other: Expression) -> Expression {
    Expression(kind: .compare(sign, self, other), range: 0..<0)
  }
  func with(_ sign: Arithmetic, _ other: Expression) -> Expression {
    Expression(kind: .arithmetic(sign, self, other), range: 0..<0)
  }

  var isNullLiteral: Bool { if case .literal(.null) = kind { true } else { false } }

  /// The same tree with `change` applied to every part, innermost first; finds inside are left alone.
  func mapped(_ change: (Expression) -> Expression) -> Expression {
    func each(_ list: [Expression]) -> [Expression] { list.map { $0.mapped(change) } }
    var result = self
    switch kind {
    case .literal, .property, .parameter, .length, .onFloor, .geometry, .interval, .inFind: break
    case .not(let a): result.kind = .not(a.mapped(change))
    case .and(let list): result.kind = .and(each(list))
    case .or(let list): result.kind = .or(each(list))
    case .compare(let sign, let a, let b): result.kind = .compare(sign, a.mapped(change), b.mapped(change))
    case .arithmetic(let sign, let a, let b): result.kind = .arithmetic(sign, a.mapped(change), b.mapped(change))
    case .like(let a, let pattern): result.kind = .like(a.mapped(change), pattern: pattern.mapped(change))
    case .between(let a, let low, let high):
      result.kind = .between(a.mapped(change), low: low.mapped(change), high: high.mapped(change))
    case .inList(let a, let list): result.kind = .inList(a.mapped(change), each(list))
    case .isNull(let a): result.kind = .isNull(a.mapped(change))
    case .call(let name, let arguments, let distinct, let star):
      result.kind = .call(name, each(arguments), distinct: distinct, star: star)
    case .choose(let operand, let cases, let otherwise):
      result.kind = .choose(
        operand: operand?.mapped(change),
        cases: cases.map { When(condition: $0.condition.mapped(change), result: $0.result.mapped(change)) },
        otherwise: otherwise?.mapped(change))
    case .array(let list): result.kind = .array(each(list))
    case .spatial(var clause):
      switch clause.relation {
      case .within(let d): clause.relation = .within(d.mapped(change))
      case .beyond(let d): clause.relation = .beyond(d.mapped(change))
      default: break
      }
      result.kind = .spatial(clause)
    case .elevation(let below, let height): result.kind = .elevation(below: below, height.mapped(change))
    }
    return change(result)
  }

  /// Every name in the tree, as written.
  var properties: [[Name]] {
    var found: [[Name]] = []
    _ = mapped { e in
      if case .property(let parts) = e.kind { found.append(parts) }
      return e
    }
    return found
  }
}

extension Item {
  init(_ expression: Expression, as name: String? = nil) {
    self.init(kind: .expression(expression), name: name.map { Name(text: $0, quoted: true, range: 0..<0) })
  }
}
