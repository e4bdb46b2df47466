/// The values of one column in the order of the source, in flat memory, until the order of rows is known.
///
/// A value that does not fit the column's type (a database may hold anything in any column) is taken as NULL and counted
/// in `misfits`, so that it can be said.
final class ColumnAccumulator {
  enum Source { case integer, flag, number, date, instant, text }

  enum Values {
    /// bool, int, date, timestamp and links by fid.
    case integers(NarrowIntegers)
    case doubles(GrowingBuffer<Double>)
    /// text and lists as JSON.
    case text(TextAccumulator)
  }
  let column: Catalog.Column
  let isFidLink: Bool
  let store: Values
  /// How a table scan is to give the values.
  let source: Source
  private(set) var count = 0
  private(set) var nullCount = 0
  /// A bit for each value; nil while there is no NULL.
  private var valid: GrowingBuffer<UInt64>?
  private(set) var misfits = 0
  private(set) var firstMisfit = 0
  private var sketch = DistinctSketch()

  init(_ column: Catalog.Column, isFidLink: Bool) {
    self.column = column
    self.isFidLink = isFidLink
    source =
      if isFidLink { .integer } else {
        switch column.type {
        case .bool: .flag
        case .int: .integer
        case .double: .number
        case .date: .date
        case .timestamp: .instant
        case .text, .list, .geometry: .text
        }
      }
    store =
      if isFidLink { .integers(NarrowIntegers()) } else {
        switch column.type {
        case .bool, .int, .date, .timestamp: .integers(NarrowIntegers())
        case .double: .doubles(GrowingBuffer())
        case .text, .list, .geometry: .text(TextAccumulator(mayRepeat: column.name.lowercased() != "id"))
        }
      }
  }

  @inline(__always)
  func isValid(_ index: Int) -> Bool {
    guard let valid else { return true }
    return valid[index >> 6] >> UInt64(index & 63) & 1 != 0
  }

  private func markValid() {
    if let valid {
      if count & 63 == 0 { valid.append(0) }
      valid[count >> 6] |= 1 << UInt64(count & 63)
    }
    count += 1
  }

  func appendNull() {
    if valid == nil {
      let words = GrowingBuffer<UInt64>(capacity: count / 64 + 64)
      words.append(repeating: .max, count: count >> 6)
      if count & 63 != 0 { words.append(1 << UInt64(count & 63) - 1) }
      valid = words
    }
    if count & 63 == 0 { valid!.append(0) }
    count += 1
    nullCount += 1
    switch store {
    case .integers(let integers): integers.appendPlaceholder()
    case .doubles(let doubles): doubles.append(0)
    case .text(let text): text.appendPlaceholder()
    }
  }

  private func appendMisfit() {
    if misfits == 0 { firstMisfit = count }
    misfits += 1
    appendNull()
  }

  func append(_ value: Int64) {
    switch store {
    case .integers(let integers):
      switch column.type {
      case .bool where !isFidLink && value != 0 && value != 1: return appendMisfit()
      case .date where !isFidLink && Int64(Int32(truncatingIfNeeded: value)) != value: return appendMisfit()
      default: break
      }
      sketch.insert(hash: SteadyHash.mix(UInt64(bitPattern: value)))
      integers.append(value)
      markValid()
    case .doubles: append(Double(value))
    case .text: appendMisfit()
    }
  }

  func append(_ value: Double) {
    switch store {
    case .doubles(let doubles):
      if value.isNaN { return appendMisfit() }
      sketch.insert(hash: SteadyHash.mix((value == 0 ? 0 : value).bitPattern))
      doubles.append(value)
      markValid()
    case .integers:
      if let whole = Int64(exactly: value), column.type == .int || column.type == .bool || isFidLink {
        append(whole)
      } else {
        appendMisfit()
      }
    case .text: appendMisfit()
    }
  }

  func append(_ text: UnsafeBufferPointer<UInt8>) {
    guard case .text(let accumulator) = store else { return appendMisfit() }
    accumulator.append(text)
    markValid()
  }

  /// Appends a value in the form in which the model holds it. Lists become JSON text.
  func append(_ value: Value) {
    switch value {
    case .null: appendNull()
    case .bool(let flag) where column.type == .bool || column.type == .int: append(Int64(flag ? 1 : 0))
    case .int(let number): append(number)
    case .double(let number): append(number)
    case .date(let days) where column.type == .date: append(Int64(days))
    case .timestamp(let instant) where column.type == .timestamp: append(instant)
    case .text(var text) where column.type == .text || column.type == .list:
      text.withUTF8 { append($0) }
    case .list(let values) where column.type == .list:
      var text = listText(values)
      text.withUTF8 { append($0) }
    case .bool, .text, .date, .timestamp, .list, .geometry: appendMisfit()
    }
  }

  var distinctEstimate: Int {
    let valid = count - nullCount
    switch store {
    case .text(let text): return min(valid, text.dictionaryCount ?? text.sketch.estimate)
    case .integers, .doubles: return min(valid, sketch.estimate)
    }
  }
}

/// A list as JSON: what the store keeps and the snapshot carries.
func listText(_ values: [Value]) -> String {
  var result = "["
  for (i, value) in values.enumerated() {
    if i > 0 { result += "," }
    switch value {
    case .null, .geometry: result += "null"
    case .bool(let flag): result += flag ? "true" : "false"
    case .int(let number): result += String(number)
    case .double(let number): result += number.isFinite ? "\(number)" : "null"
    case .date(let days): result += "\(days)"
    case .timestamp(let instant): result += "\(instant)"
    case .list(let members): result += listText(members)
    case .text(let text): result += JSONString.quoted(text)
    }
  }
  return result + "]"
}
