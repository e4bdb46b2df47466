/// What a column holds.
public enum ColumnType: String, Sendable, Codable, CaseIterable {
  case bool, int, double, text
  /// A calendar day, as days since 1970-01-01.
  case date
  /// An instant, as microseconds since 1970-01-01T00:00:00Z.
  case timestamp
  case geometry
  /// A list of values (CQL2 arrays; stored as JSON text).
  case list
}

/// One attribute value. NULL is unknown, never zero.
public enum Value: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case text(String)
  /// Days since 1970-01-01.
  case date(Int32)
  /// Microseconds since 1970-01-01T00:00:00Z.
  case timestamp(Int64)
  case list([Value])
  indirect case geometry(Geometry)

  public var isNull: Bool { if case .null = self { true } else { false } }

  /// The type of the value, nil for NULL.
  public var type: ColumnType? {
    switch self {
    case .null: nil
    case .bool: .bool
    case .int: .int
    case .double: .double
    case .text: .text
    case .date: .date
    case .timestamp: .timestamp
    case .list: .list
    case .geometry: .geometry
    }
  }

  /// The value as a number, when it is one.
  public var number: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }
}
