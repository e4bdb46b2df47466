internal import SpatialIndex

/// The running values of one aggregate, by group.
///
/// NULLs are passed over. Sums of integers are kept in 128 bits, sums of doubles exactly (``ExactSum``), so that nothing
/// depends on the order in which rows come.
struct AggregateState {
  let aggregate: BoundAggregate
  // One of these, by group, and the counts beside sums. In fields of their own, so that they are changed where they lie.
  private var counts: [Int64] = []
  private var integers: [Int128] = []
  private var sums: [ExactSum] = []
  private var extremes: [Value] = []
  private var lists: [[Double]] = []
  private var boxes: [Box2] = []
  private var geometries: [[Geometry]] = []
  /// For DISTINCT: the pairs of group and value that were seen.
  private var seen = KeyNumbering()
  /// Whether the argument gives integers.
  private let isInteger: Bool

  init(_ aggregate: BoundAggregate) {
    self.aggregate = aggregate
    isInteger = aggregate.argument?.type == .int || aggregate.argument?.type == .bool
  }

  mutating func grow(to count: Int) {
    func grow<T>(_ values: inout [T], _ empty: @autoclosure () -> T) {
      if values.count < count { values.append(contentsOf: repeatElement(empty(), count: count - values.count)) }
    }
    switch aggregate.function {
    case .count: grow(&counts, 0)
    case .sum, .avg:
      grow(&counts, 0)
      if isInteger { grow(&integers, 0) } else { grow(&sums, ExactSum()) }
    case .min, .max: grow(&extremes, .null)
    case .median, .percentile: grow(&lists, [])
    case .extent: grow(&boxes, .empty)
    case .union: grow(&geometries, [])
    }
  }

  /// Bytes a group takes, about.
  var bytesPerGroup: Int {
    switch aggregate.function {
    case .count: 8
    case .sum, .avg: isInteger ? 24 : 8 + MemoryLayout<ExactSum>.stride
    case .min, .max: MemoryLayout<Value>.stride
    case .extent: MemoryLayout<Box2>.stride
    case .median, .percentile, .union: 16
    }
  }

  /// What DISTINCT remembers, in bytes.
  var seenByteCount: Int { aggregate.distinct ? seen.byteCount : 0 }

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

  /// Adds rows that are only counted, to one group.
  mutating func addCount(_ count: Int, group: Int = 0) { counts[group] += Int64(count) }

  /// Whether the number of values is asked for, however often each comes.
  var countsValues: Bool { aggregate.function == .count && !aggregate.distinct }

  /// Counts the rows of a batch whose flag is set.
  mutating func add(flags: ColumnFlags, groups: [Int32], count: Int) {
    switch flags {
    case .all: addCounts(nil, groups, count)
    case .some(let flags): addCounts(flags, groups, count)
    }
  }

  private mutating func addCounts(_ flags: [Bool]?, _ groups: [Int32], _ count: Int) {
    if groups.isEmpty {
      counts[0] += Int64(flags.map { $0.reduce(0) { $0 + ($1 ? 1 : 0) } } ?? count)
    } else if let flags {
      for i in groups.indices { counts[Int(groups[i])] += flags[i] ? 1 : 0 }
    } else {
      for group in groups { counts[Int(group)] += 1 }
    }
  }

  private mutating func addVector(_ vector: Vector, _ groups: [Int32]) {
    let validity = vector.validity
    switch aggregate.function {
    case .count: break
    case .sum, .avg: if isInteger { addIntegers(vector, groups) } else { addDoubles(vector, groups) }
    case .min, .max: addExtremes(vector, groups)
    case .median, .percentile:
      let numbers = vector.doubles ?? []
      for i in numbers.indices where validity?[i] ?? true {
        lists[groups.isEmpty ? 0 : Int(groups[i])].append(numbers[i])
      }
    case .extent:
      for i in 0..<vector.count {
        guard case .geometry(let geometry) = vector[i], let box = geometry.box else { continue }
        let group = groups.isEmpty ? 0 : Int(groups[i])
        boxes[group] = boxes[group].union(box)
      }
    case .union:
      for i in 0..<vector.count {
        guard case .geometry(let geometry) = vector[i], !geometry.isEmpty else { continue }
        geometries[groups.isEmpty ? 0 : Int(groups[i])].append(geometry)
      }
    }
  }

  private mutating func addIntegers(_ vector: Vector, _ groups: [Int32]) {
    let numbers: [Int64]
    switch vector.storage {
    case .int(let values): numbers = values
    case .bool(let values): numbers = values.map { $0 ? 1 : 0 }
    default: numbers = (vector.doubles ?? []).map { Int64($0) }
    }
    if groups.isEmpty, vector.validity == nil {
      var sum: Int128 = 0
      for value in numbers { sum += Int128(value) }
      integers[0] += sum
      counts[0] += Int64(numbers.count)
    } else if let validity = vector.validity {
      for i in numbers.indices where validity[i] {
        let group = groups.isEmpty ? 0 : Int(groups[i])
        integers[group] += Int128(numbers[i])
        counts[group] += 1
      }
    } else {
      for i in numbers.indices {
        integers[Int(groups[i])] += Int128(numbers[i])
        counts[Int(groups[i])] += 1
      }
    }
  }

  private mutating func addDoubles(_ vector: Vector, _ groups: [Int32]) {
    let numbers = vector.doubles ?? []
    if groups.isEmpty {
      // The sum of a batch is rounded, but batches are the same whatever the number of threads.
      let (sum, count) = AggregateState.sum(numbers, vector.validity)
      addSum(sum, count: count)
    } else if let validity = vector.validity {
      for i in numbers.indices where validity[i] {
        sums[Int(groups[i])].add(numbers[i])
        counts[Int(groups[i])] += 1
      }
    } else {
      for i in numbers.indices {
        sums[Int(groups[i])].add(numbers[i])
        counts[Int(groups[i])] += 1
      }
    }
  }

  /// Adds the sum of some values, already rounded, to the one group there is.
  mutating func addSum(_ sum: Double, count: Int) {
    sums[0].add(sum)
    counts[0] += Int64(count)
  }

  /// As ``addSum(_:count:)``, for integers.
  mutating func addSum(_ sum: Int128, count: Int) {
    integers[0] += sum
    counts[0] += Int64(count)
  }

  /// Adds a value to the extreme of the one group there is.
  mutating func addExtreme(_ value: Value) {
    if extremes[0].isNull || isBetter(value, extremes[0]) { extremes[0] = value }
  }

  /// Whether values of a block may be better than the extreme of the one group there is.
  @inline(__always)
  func mayImprove<T>(_ column: FixedColumn<T>, _ block: Int, _ value: (T) -> Value) -> Bool {
    switch aggregate.function {
    case .min, .max:
      guard column.hasValues(inBlock: block) else { return false }
      if extremes[0].isNull { return true }
      return isBetter(
        value(aggregate.function == .min ? column.blockMinimums[block] : column.blockMaximums[block]), extremes[0])
    default: return true
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

  private func isBetter(_ a: Value, _ b: Value) -> Bool {
    guard let order = compareValues(a, b) else { return b.isNull }
    return aggregate.function == .min ? order < 0 : order > 0
  }

  private mutating func addExtremes(_ vector: Vector, _ groups: [Int32]) {
    let wantsLess = aggregate.function == .min
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
      if !best.isNull { addExtreme(best) }
      return
    }
    for i in 0..<vector.count where vector.isValid(i) {
      let value = vector[i]
      let group = Int(groups[i])
      if extremes[group].isNull || isBetter(value, extremes[group]) { extremes[group] = value }
    }
  }

  /// Adds the groups of another worker; `map` gives the group here for each there.
  mutating func merge(_ other: AggregateState, _ map: [Int32], token: CancellationToken) throws(QueryError) {
    if aggregate.distinct {
      var key: [UInt8] = []
      try other.seen.forEachKey { (number, bytes) throws(QueryError) in
        if number & 0xFFFF == 0 { try token.check() }
        let group = Int(bytes.loadUnaligned(as: UInt64.self))
        var at = 8
        addDistinct(KeyBytes.value(bytes, &at), group: Int(map[group]), &key)
      }
      return
    }
    for i in other.counts.indices { counts[Int(map[i])] += other.counts[i] }
    for i in other.integers.indices { integers[Int(map[i])] += other.integers[i] }
    for i in other.sums.indices { sums[Int(map[i])].add(other.sums[i]) }
    for i in other.extremes.indices where !other.extremes[i].isNull {
      let group = Int(map[i])
      if extremes[group].isNull || isBetter(other.extremes[i], extremes[group]) { extremes[group] = other.extremes[i] }
    }
    for i in other.lists.indices {
      if i & 0xFFF == 0 { try token.check() }
      lists[Int(map[i])].append(contentsOf: other.lists[i])
    }
    for i in other.boxes.indices { boxes[Int(map[i])] = boxes[Int(map[i])].union(other.boxes[i]) }
    for i in other.geometries.indices { geometries[Int(map[i])].append(contentsOf: other.geometries[i]) }
  }

  /// The results by group.
  func results(token: CancellationToken) throws(QueryError) -> Vector {
    let type = aggregate.type
    switch aggregate.function {
    case .count: return Vector(.int(counts))
    case .sum, .avg: return isInteger ? try integerResults() : sumResults()
    case .min, .max: return converted(extremes, type)
    case .median, .percentile:
      let fraction = aggregate.function == .median ? 0.5 : aggregate.fraction ?? 0.5
      var values: [Value] = []
      values.reserveCapacity(lists.count)
      for (i, list) in lists.enumerated() {
        if i & 0xFF == 0 || list.count > 4_096 { try token.check() }
        values.append(AggregateState.percentile(list, fraction))
      }
      return converted(values, type)
    case .extent: return converted(boxes.map { $0.isEmpty ? .null : .geometry(.rectangle($0)) }, type)
    case .union:
      var result: [Value] = []
      for members in geometries {
        try token.check()
        result.append(try AggregateState.union(members))
      }
      return converted(result, type)
    }
  }

  private func converted(_ values: [Value], _ type: ColumnType?) -> Vector {
    Vector(values: values.map { convert($0, to: $0.type == .int ? type : nil) }, type: type)
  }

  private func integerResults() throws(QueryError) -> Vector {
    let valid = counts.map { $0 > 0 }
    let validity = valid.contains(false) ? valid : nil
    if aggregate.function == .avg {
      return Vector(
        .double(integers.indices.map { valid[$0] ? Double(integers[$0]) / Double(counts[$0]) : 0 }), validity: validity)
    }
    if aggregate.type == .double { return Vector(.double(integers.map { Double($0) }), validity: validity) }
    var result: [Int64] = []
    result.reserveCapacity(integers.count)
    for sum in integers {
      guard let small = Int64(exactly: sum) else {
        throw AggregateState.sumTooLarge(at: aggregate.argument?.range)
      }
      result.append(small)
    }
    return Vector(.int(result), validity: validity)
  }

  static func sumTooLarge(at range: Range<Int>?) -> QueryError {
    QueryError(
      .failed("SUM gives a whole number beyond 64 bits"), at: range,
      fix: "multiply by 1.0 to sum decimal numbers")
  }

  private func sumResults() -> Vector {
    var values: [Double] = []
    var valid: [Bool] = []
    values.reserveCapacity(sums.count)
    valid.reserveCapacity(sums.count)
    for i in sums.indices {
      let sum = counts[i] == 0 ? .nan : sums[i].value
      let value = aggregate.function == .avg ? sum / Double(counts[i]) : sum
      values.append(value.isFinite ? value : 0)
      valid.append(value.isFinite)
    }
    return Vector(.double(values), validity: valid.contains(false) ? valid : nil)
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
