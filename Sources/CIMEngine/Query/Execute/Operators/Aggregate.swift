internal import SpatialIndex

/// The running values of one aggregate, by group.
///
/// NULLs are passed over. Sums of integers are kept in 128 bits, sums of doubles exactly (``ExactSum``), so that nothing
/// depends on the order in which rows come.
struct AggregateState {
  let aggregate: BoundAggregate
  private enum Values {
    case counts([Int64])
    case integers([Int128], counts: [Int64])
    case sums([ExactSum], counts: [Int64])
    case extremes([Value])
    case lists([[Double]])
    case boxes([Box2])
    case geometries([[Geometry]])
  }
  private var values: Values
  /// For DISTINCT: the pairs of group and value that were seen.
  private var seen = KeyNumbering()
  /// Whether the argument gives integers.
  private let isInteger: Bool

  init(_ aggregate: BoundAggregate) {
    self.aggregate = aggregate
    isInteger = aggregate.argument?.type == .int || aggregate.argument?.type == .bool
    switch aggregate.function {
    case .count: values = .counts([])
    case .sum, .avg: values = isInteger ? .integers([], counts: []) : .sums([], counts: [])
    case .min, .max: values = .extremes([])
    case .median, .percentile: values = .lists([])
    case .extent: values = .boxes([])
    case .union: values = .geometries([])
    }
  }

  mutating func grow(to count: Int) {
    let current = values
    values = .counts([])
    switch current {
    case .counts(var all):
      if all.count < count { all.append(contentsOf: repeatElement(0, count: count - all.count)) }
      values = .counts(all)
    case .integers(var all, var counts):
      if all.count < count {
        all.append(contentsOf: repeatElement(0, count: count - all.count))
        counts.append(contentsOf: repeatElement(0, count: count - counts.count))
      }
      values = .integers(all, counts: counts)
    case .sums(var all, var counts):
      if all.count < count {
        all.append(contentsOf: repeatElement(ExactSum(), count: count - all.count))
        counts.append(contentsOf: repeatElement(0, count: count - counts.count))
      }
      values = .sums(all, counts: counts)
    case .extremes(var all):
      if all.count < count { all.append(contentsOf: repeatElement(.null, count: count - all.count)) }
      values = .extremes(all)
    case .lists(var all):
      if all.count < count { all.append(contentsOf: repeatElement([], count: count - all.count)) }
      values = .lists(all)
    case .boxes(var all):
      if all.count < count { all.append(contentsOf: repeatElement(.empty, count: count - all.count)) }
      values = .boxes(all)
    case .geometries(var all):
      if all.count < count { all.append(contentsOf: repeatElement([], count: count - all.count)) }
      values = .geometries(all)
    }
  }

  /// Adds a batch. `groups` is empty when there is one group for all.
  mutating func add(_ argument: Operand?, groups: [Int32], count: Int) {
    guard let argument else { return addCounts(nil, groups, count) }
    if argument.isNull { return }
    if aggregate.distinct {
      let vector = argument.vector(count: count)
      var key: [UInt8] = []
      for i in 0..<count where vector.isValid(i) {
        addDistinct(vector[i], group: groups.isEmpty ? 0 : Int(groups[i]), &key)
      }
      return
    }
    if aggregate.function == .count {
      if case .constant = argument { return addCounts(nil, groups, count) }
      return addCounts(argument.vector(count: count).flags, groups, count)
    }
    addVector(argument.vector(count: count), groups)
  }

  private mutating func addDistinct(_ value: Value, group: Int, _ key: inout [UInt8]) {
    key.removeAll(keepingCapacity: true)
    KeyBytes.append(UInt64(group), to: &key)
    KeyBytes.append(value, to: &key)
    let before = seen.count
    let number = key.withUnsafeBytes { seen.insert($0) }
    if number == before { addOne(value, group) }
  }

  private mutating func addOne(_ value: Value, _ group: Int) {
    if aggregate.function == .count {
      addCounts(nil, [Int32(group)], 1)
    } else {
      addVector(Vector(repeating: value, count: 1), [Int32(group)])
    }
  }

  private mutating func addCounts(_ flags: [Bool]?, _ groups: [Int32], _ count: Int) {
    guard case .counts(var all) = values else { return }
    values = .boxes([])
    if groups.isEmpty {
      all[0] += Int64(flags.map { $0.reduce(0) { $0 + ($1 ? 1 : 0) } } ?? count)
    } else if let flags {
      for i in groups.indices { all[Int(groups[i])] += flags[i] ? 1 : 0 }
    } else {
      for group in groups { all[Int(group)] += 1 }
    }
    values = .counts(all)
  }

  private mutating func addVector(_ vector: Vector, _ groups: [Int32]) {
    let validity = vector.validity
    let current = values
    values = .counts([])
    switch current {
    case .integers(var all, var counts):
      let numbers: [Int64]
      switch vector.storage {
      case .int(let values): numbers = values
      case .bool(let values): numbers = values.map { $0 ? 1 : 0 }
      default: numbers = (vector.doubles ?? []).map { Int64($0) }
      }
      if groups.isEmpty, validity == nil {
        var sum: Int128 = 0
        for value in numbers { sum += Int128(value) }
        all[0] += sum
        counts[0] += Int64(numbers.count)
      } else {
        for i in numbers.indices where validity?[i] ?? true {
          let group = groups.isEmpty ? 0 : Int(groups[i])
          all[group] += Int128(numbers[i])
          counts[group] += 1
        }
      }
      values = .integers(all, counts: counts)
    case .sums(var all, var counts):
      let numbers = vector.doubles ?? []
      if groups.isEmpty {
        // The sum of a batch is rounded, but batches are the same whatever the number of threads.
        let (sum, count) = AggregateState.sum(numbers, validity)
        all[0].add(sum)
        counts[0] += Int64(count)
      } else if let validity {
        for i in numbers.indices where validity[i] {
          all[Int(groups[i])].add(numbers[i])
          counts[Int(groups[i])] += 1
        }
      } else {
        for i in numbers.indices {
          all[Int(groups[i])].add(numbers[i])
          counts[Int(groups[i])] += 1
        }
      }
      values = .sums(all, counts: counts)
    case .extremes(var all):
      extremes(vector, groups, &all)
      values = .extremes(all)
    case .lists(var all):
      let numbers = vector.doubles ?? []
      for i in numbers.indices where validity?[i] ?? true {
        all[groups.isEmpty ? 0 : Int(groups[i])].append(numbers[i])
      }
      values = .lists(all)
    case .boxes(var all):
      for i in 0..<vector.count {
        guard case .geometry(let geometry) = vector[i], let box = geometry.box else { continue }
        let group = groups.isEmpty ? 0 : Int(groups[i])
        all[group] = all[group].union(box)
      }
      values = .boxes(all)
    case .geometries(var all):
      for i in 0..<vector.count {
        guard case .geometry(let geometry) = vector[i], !geometry.isEmpty else { continue }
        all[groups.isEmpty ? 0 : Int(groups[i])].append(geometry)
      }
      values = .geometries(all)
    case .counts: values = current
    }
  }

  /// Four chains, so that an addition does not wait for the one before.
  private static func sum(_ numbers: [Double], _ validity: [Bool]?) -> (Double, Int) {
    var lanes = SIMD4<Double>()
    if let validity {
      var count = 0
      for i in numbers.indices where validity[i] {
        lanes[i & 3] += numbers[i]
        count += 1
      }
      return (lanes.sum(), count)
    }
    var i = 0
    numbers.withUnsafeBufferPointer { numbers in
      while i + 4 <= numbers.count {
        lanes += SIMD4(numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3])
        i += 4
      }
      while i < numbers.count {
        lanes[i & 3] += numbers[i]
        i += 1
      }
    }
    return (lanes.sum(), numbers.count)
  }

  private func extremes(_ vector: Vector, _ groups: [Int32], _ all: inout [Value]) {
    let wantsLess = aggregate.function == .min
    func isBetter(_ a: Value, _ b: Value) -> Bool {
      guard let order = compareValues(a, b) else { return b.isNull }
      return wantsLess ? order < 0 : order > 0
    }
    if groups.isEmpty {
      var best: Value = .null
      switch vector.storage {
      case .int(let values):
        var found: Int64?
        for i in values.indices where vector.validity?[i] ?? true {
          found = found.map { wantsLess ? min($0, values[i]) : max($0, values[i]) } ?? values[i]
        }
        best = found.map { .int($0) } ?? .null
      case .double(let values):
        var found: Double?
        for i in values.indices where vector.validity?[i] ?? true {
          found = found.map { wantsLess ? min($0, values[i]) : max($0, values[i]) } ?? values[i]
        }
        best = found.map { .double($0) } ?? .null
      default:
        for i in 0..<vector.count where vector.isValid(i) && (best.isNull || isBetter(vector[i], best)) {
          best = vector[i]
        }
      }
      if !best.isNull, all[0].isNull || isBetter(best, all[0]) { all[0] = best }
      return
    }
    for i in 0..<vector.count where vector.isValid(i) {
      let value = vector[i]
      let group = Int(groups[i])
      if all[group].isNull || isBetter(value, all[group]) { all[group] = value }
    }
  }

  /// Adds the groups of another worker; `map` gives the group here for each there.
  mutating func merge(_ other: AggregateState, _ map: [Int32]) {
    if aggregate.distinct {
      var key: [UInt8] = []
      other.seen.forEachKey { _, bytes in
        let group = Int(bytes.loadUnaligned(as: UInt64.self))
        var at = 8
        addDistinct(KeyBytes.value(bytes, &at), group: Int(map[group]), &key)
      }
      return
    }
    let current = values
    values = .counts([])
    switch (current, other.values) {
    case (.counts(var all), .counts(let theirs)):
      for (i, value) in theirs.enumerated() { all[Int(map[i])] += value }
      values = .counts(all)
    case (.integers(var all, var counts), .integers(let theirs, let theirCounts)):
      for i in theirs.indices {
        all[Int(map[i])] += theirs[i]
        counts[Int(map[i])] += theirCounts[i]
      }
      values = .integers(all, counts: counts)
    case (.sums(var all, var counts), .sums(let theirs, let theirCounts)):
      for i in theirs.indices {
        all[Int(map[i])].add(theirs[i])
        counts[Int(map[i])] += theirCounts[i]
      }
      values = .sums(all, counts: counts)
    case (.extremes(var all), .extremes(let theirs)):
      for i in theirs.indices where !theirs[i].isNull {
        extremes(Vector(repeating: theirs[i], count: 1), [map[i]], &all)
      }
      values = .extremes(all)
    case (.lists(var all), .lists(let theirs)):
      for i in theirs.indices { all[Int(map[i])].append(contentsOf: theirs[i]) }
      values = .lists(all)
    case (.boxes(var all), .boxes(let theirs)):
      for i in theirs.indices { all[Int(map[i])] = all[Int(map[i])].union(theirs[i]) }
      values = .boxes(all)
    case (.geometries(var all), .geometries(let theirs)):
      for i in theirs.indices { all[Int(map[i])].append(contentsOf: theirs[i]) }
      values = .geometries(all)
    default: values = current
    }
  }

  /// The results by group.
  func results() throws(QueryError) -> [Value] {
    switch values {
    case .counts(let all): return all.map { .int($0) }
    case .integers(let all, let counts):
      if aggregate.function == .avg {
        return all.indices.map { counts[$0] == 0 ? .null : .double(Double(all[$0]) / Double(counts[$0])) }
      }
      var result: [Value] = []
      for i in all.indices {
        if counts[i] == 0 {
          result.append(.null)
        } else if aggregate.type == .double {
          result.append(.double(Double(all[i])))
        } else if let sum = Int64(exactly: all[i]) {
          result.append(.int(sum))
        } else {
          throw QueryError(
            .failed("SUM gives a whole number beyond 64 bits"), at: aggregate.argument?.range,
            fix: "multiply by 1.0 to sum decimal numbers")
        }
      }
      return result
    case .sums(let all, let counts):
      return all.indices.map { i in
        if counts[i] == 0 { return .null }
        let sum = all[i].value
        let value = aggregate.function == .avg ? sum / Double(counts[i]) : sum
        return value.isFinite ? .double(value) : .null
      }
    case .extremes(let all): return all
    case .lists(let all):
      let fraction = aggregate.function == .median ? 0.5 : aggregate.fraction ?? 0.5
      return all.map { AggregateState.percentile($0, fraction) }
    case .boxes(let all): return all.map { $0.isEmpty ? .null : .geometry(.rectangle($0)) }
    case .geometries(let all):
      var result: [Value] = []
      for members in all { result.append(try AggregateState.union(members)) }
      return result
    }
  }

  /// Interpolated between the two nearest ranks, as PERCENTILE_CONT.
  private static func percentile(_ numbers: [Double], _ fraction: Double) -> Value {
    if numbers.isEmpty { return .null }
    let sorted = numbers.sorted()
    let rank = max(0, min(1, fraction)) * Double(sorted.count - 1)
    let low = Int(rank.rounded(.down))
    let high = min(sorted.count - 1, low + 1)
    return .double(sorted[low] + (sorted[high] - sorted[low]) * (rank - Double(low)))
  }

  private static func union(_ members: [Geometry]) throws(QueryError) -> Value {
    if members.isEmpty { return .null }
    // In an order of their own, so that the vertices of the result start at the same place every time.
    let sorted = members.map { (WKB.write($0), $0) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
    do throws(StoreError) {
      let collection = Geometry(kind: .geometryCollection, members: sorted)
      return .geometry(try GEOSGeometry(collection).unaryUnion().geometry())
    } catch {
      throw QueryError(.failed(error.message))
    }
  }
}

extension KeyBytes {
  /// Reads back what ``append(_:to:)-(Value,_)`` wrote.
  static func value(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) -> Value {
    let tag = bytes[at]
    at += 1
    func word() -> UInt64 {
      defer { at += 8 }
      return bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
    }
    switch tag {
    case 1: return .bool(false)
    case 2: return .bool(true)
    case 3: return .int(Int64(bitPattern: word()))
    case 4: return .double(Double(bitPattern: word()))
    case 5:
      let count = Int(word())
      defer { at += count }
      return .text(String(decoding: bytes[at..<at + count], as: UTF8.self))
    case 6: return .date(Int32(truncatingIfNeeded: Int64(bitPattern: word())))
    case 7: return .timestamp(Int64(bitPattern: word()))
    case 8:
      let count = Int(word())
      return .list((0..<count).map { _ in value(bytes, &at) })
    case 9:
      let count = Int(word())
      defer { at += count }
      return (try? WKB.read(UnsafeRawBufferPointer(rebasing: bytes[at..<at + count]))).map { .geometry($0) } ?? .null
    default: return .null
    }
  }
}
