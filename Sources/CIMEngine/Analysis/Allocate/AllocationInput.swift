/// The rows of one side of an ALLOCATE, read from a FIND: ids, two values and a geometry each.
final class AllocationRows: RowSink {
  private(set) var ids: [String] = []
  /// Rows of a group whose key is NULL: people of whom nobody knows where they belong.
  private(set) var nameless: Set<Int> = []
  /// By item of the FIND, by row.
  private(set) var values: [[Value]]
  private(set) var notices: [String] = []
  private let take: (Geometry?) throws -> Void
  private let token: CancellationToken
  private let name: String
  private let isGrouped: Bool

  /// - Parameter take: is shown the geometry of each row, in order.
  init(
    _ name: String, columns: Int, isGrouped: Bool = false, token: CancellationToken,
    take: @escaping (Geometry?) throws -> Void
  ) {
    self.name = name
    self.isGrouped = isGrouped
    values = Array(repeating: [], count: columns)
    self.take = take
    self.token = token
  }

  var wantsShapes: Bool { true }
  func begin(_ header: ResultHeader) throws {}

  func write(_ batch: RowBatch) throws {
    try token.use(bytes: batch.rowCount * (48 + 24 * values.count))
    for row in 0..<batch.rowCount {
      guard row < batch.ids.count, let id = batch.ids[row] else {
        if isGrouped {
          nameless.insert(ids.count)
          ids.append("")
          try take(nil)
          continue
        }
        throw QueryError(
          .invalid("the rows of `\(name)` have no id"),
          fix: "allocate the rows of a layer, without GROUP BY and DISTINCT")
      }
      ids.append(id)
      try take(row < batch.shapes.count ? batch.shapes[row] : nil)
    }
    for column in values.indices {
      for row in 0..<batch.rowCount { values[column].append(batch.columns[column][row]) }
    }
  }

  func end(notices: [String]) throws { self.notices = notices }
}

/// What an ALLOCATE works on: people and places, read and checked.
struct AllocationInput {
  // Units of allocation: rows, or groups of rows that stay together.
  /// The id of the row, or the key of the group.
  var keys: [Value] = []
  /// People of each unit.
  var people: [Int64] = []
  /// Its source in the transportation problem; nil without a place.
  var sourceOf: [UInt32?] = []
  /// Where its assignment line starts: a point number; nil without a place.
  var startOf: [UInt32?] = []
  var sources = DemandSources()
  var pointX: [Double] = []
  var pointY: [Double] = []
  /// Units whose members stand at several points: their distance is a mean.
  var isSpread: Set<Int> = []

  // Places with room.
  var targetIDs: [String] = []
  var capacity: [Int64] = []
  var limits: [Double] = []
  var targets: [Target] = []
  /// Places that take nobody: no room, room unknown, or no geometry.
  var closedIDs: [(id: String, capacity: Int64?)] = []

  var notices: [String] = []
  var rowCount = 0
  var peopleWithoutPlace: Int64 = 0
  var total: Int64 = 0

  private static let greatest: Int64 = 1 << 53

  // MARK: Places

  mutating func add(places: AllocationRows, geometries: [Geometry?], hasLimit: Bool) throws(QueryError) {
    var unknown: [String] = []
    var negative: [String] = []
    var nowhere: [String] = []
    var all: Int64 = 0
    for row in places.ids.indices {
      let id = places.ids[row]
      guard let room = places.values[0][row].number, room.isFinite else {
        unknown.append(id)
        closedIDs.append((id, nil))
        continue
      }
      if room < 0 { negative.append(id) }
      guard room < Double(Self.greatest) else {
        throw QueryError(.failed("CAPACITY is \(room) for '\(id)': more than can be counted"))
      }
      let whole = Int64(max(0, room.rounded(.down)))
      let limit = hasLimit ? places.values[1][row].number : .infinity
      guard let geometry = geometries[row], !geometry.isEmpty else {
        nowhere.append(id)
        closedIDs.append((id, whole))
        continue
      }
      guard whole > 0, let limit, limit >= 0 else {
        closedIDs.append((id, whole))
        continue
      }
      targetIDs.append(id)
      capacity.append(whole)
      limits.append(limit)
      targets.append(Target(geometry))
      let (sum, overflow) = all.addingReportingOverflow(whole)
      guard !overflow, sum < Self.greatest else {
        throw QueryError(.failed("the capacities add up to more than can be counted"))
      }
      all = sum
    }
    // No arc carries more than there are people, so a huge capacity is a capacity for all.
    note(unknown, "of unknown capacity, left out")
    note(negative, "with less than no room, counted as full")
    note(nowhere, "without a geometry, left out")
  }

  private mutating func note(_ ids: [String], _ what: String) {
    guard !ids.isEmpty else { return }
    let list = ids.prefix(5).joined(separator: ", ") + (ids.count > 5 ? ", …" : "")
    notices.append("\(ids.count) \(ids.count == 1 ? "place" : "places") \(what): \(list)")
  }

  // MARK: People

  /// - Parameters:
  ///   - points: of each row, nil without geometry.
  ///   - demandItem: which of the values is the demand; nil for one each.
  ///   - keyItem: which of them is the key of a group that stays together.
  mutating func add(
    people rows: AllocationRows, points: [UInt32?], demandItem: Int?, keyItem: Int?
  ) throws(QueryError) {
    rowCount = rows.ids.count
    var unknown: [String] = []
    var demands = [Int64](repeating: 1, count: rows.ids.count)
    if let demandItem {
      for row in rows.ids.indices {
        guard let number = rows.values[demandItem][row].number else {
          unknown.append(rows.ids[row])
          demands[row] = 0
          continue
        }
        guard number >= 0, number.rounded() == number, number < Double(Self.greatest) else {
          throw QueryError(
            .failed(
              "DEMAND is \(number.shortText) for '\(rows.ids[row])': a number of people is whole and not negative"),
            fix: "DEMAND ROUND(…), and GREATEST(…, 0) where it can be negative")
        }
        demands[row] = Int64(number)
      }
      if !unknown.isEmpty {
        let list = unknown.prefix(5).joined(separator: ", ") + (unknown.count > 5 ? ", …" : "")
        notices.append("\(unknown.count) rows of unknown demand, left out: \(list)")
      }
    }
    for demand in demands {
      let (sum, overflow) = total.addingReportingOverflow(demand)
      guard !overflow, sum < Self.greatest else {
        throw QueryError(.failed("the demand adds up to more than can be counted"))
      }
      total = sum
    }
    if let keyItem {
      addGroups(rows, keyItem, points, demands)
    } else {
      addRows(rows, points, demands)
    }
  }

  /// Rows at one point are one source: their people are alike to the solver.
  private mutating func addRows(_ rows: AllocationRows, _ points: [UInt32?], _ demands: [Int64]) {
    var sourceAt = [UInt32?](repeating: nil, count: pointX.count)
    for row in rows.ids.indices where demands[row] > 0 {
      let key: Value = rows.nameless.contains(row) ? .null : .text(rows.ids[row])
      add(key, demands[row], points[row].map { [($0, demands[row])] } ?? [], &sourceAt)
    }
  }

  private mutating func addGroups(_ rows: AllocationRows, _ keyItem: Int, _ points: [UInt32?], _ demands: [Int64]) {
    var numbers: [Value: Int] = [:]
    var groups: [(key: Value, people: Int64, points: [(UInt32, Int64)])] = []
    var withoutKey = 0
    for row in rows.ids.indices where demands[row] > 0 {
      let key = rows.values[keyItem][row]
      let group: Int
      if key.isNull {
        // Who belongs together is unknown: this row stands alone, under its id.
        withoutKey += 1
        group = groups.count
        groups.append((.text(rows.ids[row]), 0, []))
      } else if let known = numbers[key] {
        group = known
      } else {
        group = groups.count
        numbers[key] = group
        groups.append((key, 0, []))
      }
      groups[group].people += demands[row]
      if let point = points[row] {
        if let same = groups[group].points.firstIndex(where: { $0.0 == point }) {
          groups[group].points[same].1 += demands[row]
        } else {
          groups[group].points.append((point, demands[row]))
        }
      }
    }
    if withoutKey > 0 { notices.append("\(withoutKey) rows without a group stand alone, under their ids") }
    var sourceAt = [UInt32?](repeating: nil, count: pointX.count)
    for group in groups { add(group.key, group.people, group.points, &sourceAt) }
  }

  private mutating func add(
    _ key: Value, _ count: Int64, _ points: [(UInt32, Int64)], _ sourceAt: inout [UInt32?]
  ) {
    keys.append(key)
    people.append(count)
    startOf.append(points.first?.0)
    guard let first = points.first else {
      sourceOf.append(nil)
      peopleWithoutPlace += count
      return
    }
    if points.count == 1 {
      let point = Int(first.0)
      if let known = sourceAt[point] {
        sources.demand[Int(known)] += count
        sourceOf.append(known)
        return
      }
      sourceAt[point] = UInt32(sources.count)
    } else {
      isSpread.insert(keys.count - 1)
    }
    sourceOf.append(UInt32(sources.count))
    sources.append(demand: count, points: points.map { (point: $0.0, weight: $0.1) })
  }
}
