import TestSupport
import Testing

@testable import CIMEngine

@Suite("Exact sums")
struct ExactSumTests {
  /// The exact sum of doubles as a fraction of 2^-1074, in an array of decimal-free big digits: schoolbook addition.
  private func exact(_ values: [Double]) -> Double {
    // Sorting by magnitude and adding error terms (Shewchuk's expansions) is exact, too, and shares no code.
    var partials: [Double] = []
    for value in values {
      var x = value
      var kept: [Double] = []
      for partial in partials {
        var (a, b) = (x, partial)
        if abs(a) < abs(b) { swap(&a, &b) }
        let high = a + b
        let low = b - (high - a)
        if low != 0 { kept.append(low) }
        x = high
      }
      partials = kept + [x]
    }
    // Adding from the smallest up rounds correctly but for ties, which a correction takes care of.
    guard var sum = partials.popLast() else { return 0 }
    var low = 0.0
    while let next = partials.popLast() {
      let x = sum
      sum = x + next
      low = next - (sum - x)
      if low != 0 { break }
    }
    if let next = partials.last, (low < 0 && next < 0) || (low > 0 && next > 0) {
      let twice = low * 2
      let up = sum + twice
      if twice == up - sum { sum = up }
    }
    return sum
  }

  private func values(_ random: inout SplitMix64, _ kind: Int, _ count: Int) -> [Double] {
    (0..<count).map { _ in
      switch kind {
      case 0: Double.random(in: -1000...1000, using: &random)
      case 1: Double.random(in: -1...1, using: &random) * 1e-9
      case 2: Double.random(in: -1...1, using: &random) * 1e15
      case 3:
        Double(bitPattern: random.next() & 0x800F_FFFF_FFFF_FFFF | UInt64.random(in: 900...1150, using: &random) << 52)
      default: [0.1, -0.1, 1e16, -1e16, 1, 3e-300, 0, -0.0, 0.5][Int.random(in: 0..<9, using: &random)]
      }
    }
  }

  @Test("are rounded once and do not depend on the order", arguments: 0...4)
  func order(kind: Int) {
    var random = SplitMix64(seed: UInt64(kind) + 1)
    for count in [0, 1, 2, 7, 100, 1000] {
      let numbers = values(&random, kind, count)
      let wanted = exact(numbers)
      for _ in 0..<3 {
        let shuffled = numbers.shuffled(using: &random)
        let cut = count / 3
        var (a, b) = (ExactSum(), ExactSum())
        for number in shuffled[..<cut] { a.add(number) }
        for number in shuffled[cut...] { b.add(number) }
        b.add(a)
        #expect(b.value == wanted, "kind \(kind), \(count) values")
      }
    }
  }

  @Test func extremes() {
    var sum = ExactSum()
    for value in [Double.greatestFiniteMagnitude, 1, -Double.greatestFiniteMagnitude] { sum.add(value) }
    #expect(sum.value == 1)
    sum.add(.leastNonzeroMagnitude)
    sum.add(-1)
    #expect(sum.value == .leastNonzeroMagnitude)
    sum.add(.infinity)
    #expect(sum.value == .infinity)
    var negative = ExactSum()
    for _ in 0..<1000 { negative.add(-0.1) }
    #expect(negative.value == -100)
  }
}

@Suite("Sorting")
struct SortBufferTests {
  @Test("asks the token all the way, and stops when it says so")
  func asksToken() throws {
    let count = 100_000
    var random = SplitMix64(seed: 3)
    let numbers = (0..<count).map { _ in UInt64.random(in: 0..<1 << 20, using: &random) }
    let texts = numbers.map { $0 % 3 == 0 ? "the same beginning of all" : "the same beginning of all\u{0}\u{0}\($0)" }
    for (key, least) in [
      // 100,000 rows are two pieces, looked at once for their keys and twice for each byte that differs.
      (SortBuffer.Key.numbers(numbers, nulls: nil), 2 * 7),
      (.numbers(numbers, nulls: numbers.map { $0 % 5 == 0 }), 2 * 8),
      (.texts(texts, nulls: nil), 2 * 3),
    ] {
      let token = CancellationToken(stoppingAfterChecks: .max)
      _ = try SortBuffer.sorted([key], [.init()], count: count, token: token)
      #expect(token.checkCount >= least)
      #expect(throws: QueryError(.interrupted)) {
        try SortBuffer.sorted(
          [key], [.init()], count: count, token: CancellationToken(stoppingAfterChecks: token.checkCount - 1))
      }
    }
  }

  @Test("long texts that agree for a while are merged in order, and stably")
  func longTexts() throws {
    var random = SplitMix64(seed: 8)
    let texts = (0..<3_000).map { _ in
      "a\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\(Int.random(in: 0..<700, using: &random))"
    }
    let got = try SortBuffer.sorted(
      [.texts(["a"] + texts, nulls: nil)], [.init()], count: 3_001, token: CancellationToken())
    let all = ["a"] + texts
    let wanted = all.indices.sorted { all[$0] == all[$1] ? $0 < $1 : compareText(all[$0], all[$1]) < 0 }
    #expect(got == wanted.map { Int32($0) })
  }

  @Test("agrees with the library's sort on any keys", arguments: [0, 1, 2, 31, 32, 33, 255, 256, 257, 3000])
  func matchesLibrary(count: Int) throws {
    var random = SplitMix64(seed: UInt64(count) + 9)
    func below(_ n: Int) -> Int { Int.random(in: 0..<n, using: &random) }
    for round in 0..<6 {
      let types = (0...below(3)).map { _ in [ColumnType.int, .double, .text, .bool, .timestamp][below(5)] }
      let columns: [[Value]] = types.map { type in
        (0..<count).map { _ in
          if below(8) == 0 { return .null }
          switch type {
          case .int: return .int(round == 0 ? .min + Int64(below(3)) : Int64(below(20)) - 10)
          case .double: return .double([0, -0.0, 1e300, -1e300, Double(below(100)) - 50, 1.5][below(6)])
          case .text:
            return .text(["", "a", "a\u{0}", "ab", "B-\(below(40))", "B-000000000000\(below(50))", "郑州"][below(7)])
          case .bool: return .bool(below(2) == 0)
          default: return .timestamp(Int64(below(9)) << 40)
          }
        }
      }
      let directions = types.map { _ in
        SortBuffer.Direction(descending: below(2) == 0, nullsFirst: below(2) == 0)
      }
      let keys = zip(columns, types).map { SortBuffer.key(Vector(values: $0, type: $1)) }
      let number = SortBuffer.key(Vector(.int((0..<Int64(count)).map { $0 })))
      let got = try SortBuffer.sorted(
        keys + [number], directions + [.init()], count: count, token: CancellationToken())
      let oracle = NaiveExecution(city: NaiveCity(seed: 1))
      let wanted = (0..<Int32(count)).sorted { a, b in
        for k in columns.indices {
          let order = oracle.order(
            columns[k][Int(a)], columns[k][Int(b)], descending: directions[k].descending,
            nullsFirst: directions[k].nullsFirst)
          if order != 0 { return order < 0 }
        }
        return a < b
      }
      #expect(got == wanted, "\(types)")
    }
  }
}

@Suite("Numbering of keys")
struct KeyNumberingTests {
  @Test func numbersInOrderOfAppearance() {
    var random = SplitMix64(seed: 3)
    var numbering = KeyNumbering()
    var known: [[Value]: Int] = [:]
    var order: [[Value]] = []
    for _ in 0..<4000 {
      let key: [Value] = [
        [.int(Int64(random.next() % 50)), .double(Double(random.next() % 50)), .null, .text("x\(random.next() % 50)")][
          Int(random.next() % 4)], .text(["", "a", "ab"][Int(random.next() % 3)]),
      ]
      // Whole doubles are the integers that they equal.
      let plain = key.map { if case .double(let d) = $0 { Value.int(Int64(d)) } else { $0 } }
      var bytes: [UInt8] = []
      for value in key { KeyBytes.append(value, to: &bytes) }
      let number = bytes.withUnsafeBytes { numbering.insert($0) }
      if let before = known[plain] {
        #expect(number == before)
      } else {
        #expect(number == order.count)
        known[plain] = number
        order.append(plain)
      }
      #expect(bytes.withUnsafeBytes { numbering.find($0) } == number)
    }
    var read: [[Value]] = []
    numbering.forEachKey { _, bytes in
      var at = 0
      var values: [Value] = []
      while at < bytes.count { values.append(KeyBytes.value(bytes, &at)) }
      read.append(values)
    }
    #expect(read == order)
    #expect(KeyNumbering().find(UnsafeRawBufferPointer(start: nil, count: 0)) == nil)
  }
}
