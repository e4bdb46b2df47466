/// Casts. Text that does not read as the wanted type is NULL, as is a number beyond its range.
final class ConvertNode: Node, @unchecked Sendable {
  let operand: Node

  init(_ operand: Node, to type: ColumnType?) {
    self.operand = operand
    super.init(type: type)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    switch try operand.evaluate(tuples) {
    case .constant(let value): return .constant(convert(value, to: type))
    case .vector(let vector):
      switch (vector.storage, type) {
      case (_, nil): return .vector(vector)
      case (.int(let values), .double):
        return .vector(Vector(.double(values.map { Double($0) }), validity: vector.validity))
      case (.double, .int): return .vector(vector.asIntegers(of: .int))
      case (.date(let values), .timestamp):
        return .vector(Vector(.timestamp(values.map(Calendar.midnight)), validity: vector.validity))
      case (.null(let count), _): return .vector(Vector(.null(count: count)))
      default:
        if vector.columnType == type { return .vector(vector) }
        return .vector(Vector(values: (0..<vector.count).map { convert(vector[$0], to: type) }, type: type))
      }
    }
  }
}

extension Vector {
  /// The type of the values, nil for a vector of NULLs.
  var columnType: ColumnType? {
    switch storage {
    case .bool: .bool
    case .int: .int
    case .double: .double
    case .text, .dictionary: .text
    case .date: .date
    case .timestamp: .timestamp
    case .geometry: .geometry
    case .list: .list
    case .null: nil
    }
  }
}

func convert(_ value: Value, to type: ColumnType?) -> Value {
  guard let type, !value.isNull, value.type != type else { return value }
  switch (value, type) {
  case (.int(let value), .double): return .double(Double(value))
  case (.double(let value), .int): return Int64(exactly: value.rounded(.towardZero)).map { .int($0) } ?? .null
  case (.bool(let value), .int): return .int(value ? 1 : 0)
  case (.bool(let value), .double): return .double(value ? 1 : 0)
  case (.int(let value), .bool): return .bool(value != 0)
  case (.date(let day), .timestamp): return .timestamp(Calendar.midnight(day))
  case (.timestamp(let instant), .date): return .date(Calendar.day(of: instant))
  case (.text(let text), .date): return Calendar.parseDate(text).map { .date($0) } ?? .null
  case (.text(let text), .timestamp): return Calendar.parseTimestamp(text).map { .timestamp($0) } ?? .null
  case (.text(let text), .int): return Int64(text).map { .int($0) } ?? .null
  case (.text(let text), .double):
    return Double(text).flatMap { $0.isFinite ? .double($0) : nil } ?? .null
  case (.text(let text), .bool):
    switch text {
    case "true", "TRUE", "1": return .bool(true)
    case "false", "FALSE", "0": return .bool(false)
    default: return .null
    }
  case (.text(let text), .geometry):
    return (try? WKT.read(text)).map { .geometry($0) } ?? .null
  case (_, .text): return .text(text(of: value))
  default: return .null
  }
}

/// A value as text: numbers in shortest round-trip form, times as RFC 3339, geometry as WKT.
func text(of value: Value) -> String {
  switch value {
  case .null: ""
  case .bool(let value): value ? "true" : "false"
  case .int(let value): String(value)
  case .double(let value):
    // 3.0 as "3", so that a cast reads as it is shown elsewhere.
    Int64(exactly: value).map { abs($0) < 1 << 53 ? String($0) : nil }.flatMap { $0 } ?? "\(value)"
  case .text(let value): value
  case .date(let day): Calendar.dateText(day)
  case .timestamp(let instant): Calendar.timestampText(instant)
  case .list(let values): "[" + values.map { text(of: $0) }.joined(separator: ", ") + "]"
  case .geometry(let value): WKT.write(value)
  }
}

/// `(a, b, …)`: a list for each row.
final class ArrayNode: Node, @unchecked Sendable {
  let elements: [Node]

  init(_ elements: [Node]) {
    self.elements = elements
    super.init(type: .list)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    if elements.allSatisfy({ $0.constant != nil }) { return .constant(.list(elements.map { $0.constant! })) }
    var columns: [[Value]] = []
    for element in elements { columns.append(try element.values(tuples)) }
    return .vector(Vector(.list((0..<tuples.count).map { row in columns.map { $0[row] } })))
  }
}
