/// What an expression gives for a batch: one value for all rows, or one for each.
enum Operand {
  case constant(Value)
  case vector(Vector)

  func vector(count: Int) -> Vector {
    switch self {
    case .vector(let vector): vector
    case .constant(let value): Vector(repeating: value, count: count)
    }
  }

  var isNull: Bool {
    switch self {
    case .constant(.null): true
    case .vector(let vector): if case .null = vector.storage { true } else { false }
    default: false
    }
  }
}

extension Vector {
  init(repeating value: Value, count: Int) {
    switch value {
    case .null: self.init(.null(count: count))
    case .bool(let value): self.init(.bool(Array(repeating: value, count: count)))
    case .int(let value): self.init(.int(Array(repeating: value, count: count)))
    case .double(let value): self.init(.double(Array(repeating: value, count: count)))
    case .text(let value):
      self.init(.dictionary(Array(repeating: 0, count: count), TextDictionary([value])))
    case .date(let value): self.init(.date(Array(repeating: value, count: count)))
    case .timestamp(let value): self.init(.timestamp(Array(repeating: value, count: count)))
    case .list(let value): self.init(.list(Array(repeating: value, count: count)))
    case .geometry(let value): self.init(.geometry(Array(repeating: value, count: count)))
    }
  }

  /// A vector of `type` from single values; a value of another type becomes NULL. For rare types and small batches.
  init(values: [Value], type: ColumnType?) {
    let valid = values.map { !$0.isNull }
    let validity = valid.allSatisfy { $0 } ? nil : valid
    switch type ?? values.lazy.compactMap(\.type).first {
    case nil: self.init(.null(count: values.count))
    case .bool: self.init(.bool(values.map { if case .bool(let v) = $0 { v } else { false } }), validity: validity)
    case .int: self.init(.int(values.map { if case .int(let v) = $0 { v } else { 0 } }), validity: validity)
    case .double: self.init(.double(values.map { $0.number ?? 0 }), validity: validity)
    case .text: self.init(.text(values.map { if case .text(let v) = $0 { v } else { "" } }), validity: validity)
    case .date: self.init(.date(values.map { if case .date(let v) = $0 { v } else { 0 } }), validity: validity)
    case .timestamp:
      self.init(.timestamp(values.map { if case .timestamp(let v) = $0 { v } else { 0 } }), validity: validity)
    case .list: self.init(.list(values.map { if case .list(let v) = $0 { v } else { [] } }), validity: validity)
    case .geometry:
      self.init(.geometry(values.map { if case .geometry(let v) = $0 { v } else { nil } }), validity: validity)
    }
  }

  /// The strings of a text vector, whatever its storage; nil for other types.
  var strings: [String]? {
    switch storage {
    case .text(let values): values
    case .dictionary(let codes, let dictionary):
      dictionary.strings.isEmpty
        ? Array(repeating: "", count: codes.count)
        : codes.map { dictionary.strings[Int($0)] }
    case .null(let count): Array(repeating: "", count: count)
    default: nil
    }
  }

  /// The values as doubles; nil when they are not numbers.
  var doubles: [Double]? {
    switch storage {
    case .double(let values): values
    case .int(let values): values.map { Double($0) }
    case .null(let count): Array(repeating: 0, count: count)
    default: nil
    }
  }

  /// The validity flags written out.
  var flags: [Bool]? {
    if case .null(let count) = storage { return Array(repeating: false, count: count) }
    return validity
  }

  func selecting(_ indices: [Int32]) -> Vector {
    let validity = validity.map { picked($0, indices) }
    switch storage {
    case .bool(let values): return Vector(.bool(picked(values, indices)), validity: validity)
    case .int(let values): return Vector(.int(picked(values, indices)), validity: validity)
    case .double(let values): return Vector(.double(picked(values, indices)), validity: validity)
    case .text(let values): return Vector(.text(indices.map { values[Int($0)] }), validity: validity)
    case .dictionary(let codes, let d): return Vector(.dictionary(picked(codes, indices), d), validity: validity)
    case .date(let values): return Vector(.date(picked(values, indices)), validity: validity)
    case .timestamp(let values): return Vector(.timestamp(picked(values, indices)), validity: validity)
    case .geometry(let values): return Vector(.geometry(indices.map { values[Int($0)] }), validity: validity)
    case .list(let values): return Vector(.list(indices.map { values[Int($0)] }), validity: validity)
    case .null: return Vector(.null(count: indices.count))
    }
  }
}

/// Both rows valid: the flags of two vectors joined; nil when all are.
func bothValid(_ a: [Bool]?, _ b: [Bool]?) -> [Bool]? {
  guard let a else { return b }
  guard let b else { return a }
  return [Bool](unsafeUninitializedCapacity: a.count) { out, count in
    for i in a.indices { out.initializeElement(at: i, to: a[i] && b[i]) }
    count = a.count
  }
}
