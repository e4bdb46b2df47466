internal import SpatialIndex
internal import Synchronization

/// At what height the floors of buildings lie, as the rows of another layer know it: housing units with `floor` and
/// `z_min`. A floor lies where its lowest row does, in metres above the datum of the heights.
final class FloorLevels: Sendable {
  /// Where these rows are: what the function of a statement is given as text.
  struct Rows: Equatable {
    /// The link from the rows to their building.
    var link: LinkStep
    /// Columns of the layer that the link leaves.
    var floor: Int
    var base: Int
    /// Only buildings whose box meets this one are asked about: least x and y, greatest x and y. nil for all.
    var box: [Double]?
  }

  /// Where the floors of each building begin; one more than there are buildings.
  private let starts: [Int32]
  /// Ascending within a building, each once.
  private let floors: [Int32]
  private let levels: [Double]

  /// - Parameter entries: (row of the building, floor, level), in any order.
  init(buildings: Int, entries: [(building: Int, floor: Int32, level: Double)]) {
    var places = [Int32](repeating: 0, count: buildings + 1)
    for entry in entries { places[entry.building + 1] += 1 }
    for i in 0..<buildings { places[i + 1] += places[i] }
    var next = places
    var all = [(floor: Int32, level: Double)](repeating: (0, 0), count: entries.count)
    for entry in entries {
      all[Int(next[entry.building])] = (entry.floor, entry.level)
      next[entry.building] += 1
    }
    (starts, floors, levels) = Self.lowest(of: all, starts: places)
  }

  private static func lowest(
    of all: [(floor: Int32, level: Double)], starts old: [Int32]
  ) -> (starts: [Int32], floors: [Int32], levels: [Double]) {
    var starts: [Int32] = [0]
    starts.reserveCapacity(old.count)
    var floors: [Int32] = []
    var levels: [Double] = []
    for building in 0..<max(0, old.count - 1) {
      let begin = floors.count
      for entry in all[Int(old[building])..<Int(old[building + 1])].sorted(by: { $0 < $1 }) {
        if floors.count > begin, floors[floors.count - 1] == entry.floor { continue }
        floors.append(entry.floor)
        levels.append(entry.level)
      }
      starts.append(Int32(floors.count))
    }
    return (starts, floors, levels)
  }

  var byteCount: Int { starts.count * 4 + floors.count * 12 }

  /// The floors of a building that are known, ascending.
  func known(_ building: Int) -> [(floor: Int, level: Double)] {
    (Int(starts[building])..<Int(starts[building + 1])).map { (Int(floors[$0]), levels[$0]) }
  }

  // MARK: Counting

  /// What a building says of itself; nil where it does not.
  struct Building {
    var ground: Double?
    var floors: Double?
    var floorsBelow: Double?
    /// What is taken for the height of a storey where nothing better is known, in metres.
    var storey: Double
  }

  /// How many floors of a building lie under the water by more than `tolerance` metres; nil where that is unknown.
  ///
  /// The floors are those that have a row, and 1 to `floors` and -1 to -`floorsBelow`. One without a row lies on the
  /// straight line between the known ones around it; beyond them a storey is as high as between the two next ones when
  /// that is a height of storeys, else `storey`. Where floor 1 has no row it lies on the ground.
  ///
  /// - Returns: the count, and whether `storey` went into it.
  func wetFloors(
    of building: Int, _ own: Building, under water: Double, tolerance: Double
  ) -> (count: Int, usesStorey: Bool)? {
    // Floors above the ground count from 0, those below from -1 downwards. A floor 0, where a city counts so, stands
    // for itself.
    var anchors: [Anchor] = []
    var wet = 0
    let known = known(building)
    for (floor, level) in known {
      if water - level > tolerance { wet += 1 }
      if floor != 0 { anchors.append(Anchor(position: floor > 0 ? floor - 1 : floor, level: level)) }
    }
    if own.floors == nil, known.isEmpty { return nil }
    let (bottom, top) = (-Self.whole(own.floorsBelow), Self.whole(own.floors) - 1)
    if let ground = own.ground, !anchors.contains(where: { $0.position == 0 }) {
      let place = anchors.firstIndex { $0.position > 0 } ?? anchors.count
      // Rows that contradict the ground are believed: they were measured at the floor.
      let fits =
        (place == 0 || anchors[place - 1].level < ground) && (place == anchors.count || ground < anchors[place].level)
      if fits {
        anchors.insert(Anchor(position: 0, level: ground), at: place)
        if top >= 0, water - ground > tolerance { wet += 1 }
      }
    }
    guard let first = anchors.first, let last = anchors.last else { return known.isEmpty ? nil : (wet, false) }
    let surface = water - tolerance
    var usesStorey = false
    func add(_ from: Int, _ to: Int, _ anchor: Anchor, rise: Double?) {
      let (from, to) = (max(from, bottom), min(to, top))
      guard from <= to else { return }
      if rise == nil { usesStorey = true }
      wet += anchor.count(from...to, below: surface, rise: rise ?? own.storey)
    }
    for (low, high) in zip(anchors, anchors.dropFirst()) {
      add(low.position + 1, high.position - 1, low, rise: low.rise(to: high))
    }
    func storey(_ a: Anchor, _ b: Anchor) -> Double? {
      let height = a.rise(to: b)
      return ExposedLayer.storeys.contains(height) ? height : nil
    }
    let isAlone = anchors.count == 1
    add(last.position + 1, .max, last, rise: isAlone ? nil : storey(anchors[anchors.count - 2], last))
    add(.min, first.position - 1, first, rise: isAlone ? nil : storey(first, anchors[1]))
    return (wet, usesStorey)
  }

  /// A floor whose level is known.
  private struct Anchor {
    var position: Int
    /// Metres.
    var level: Double

    /// Metres from one floor to the next, up to `other`.
    func rise(to other: Anchor) -> Double { (other.level - level) / Double(other.position - position) }

    /// How many of these floors lie below a height, when each lies `rise` metres above the one before.
    func count(_ positions: ClosedRange<Int>, below height: Double, rise: Double) -> Int {
      if rise == 0 { return level < height ? positions.count : 0 }
      let meeting = Double(position) + (height - level) / rise
      let count =
        rise > 0
        ? meeting.rounded(.up) - Double(positions.lowerBound) : Double(positions.upperBound) - meeting.rounded(.down)
      return count.isNaN ? 0 : Int(min(max(count, 0), Double(positions.count)))
    }
  }

  /// A number of floors as columns hold it; no tower has a million.
  private static func whole(_ number: Double?) -> Int {
    guard let number, number > 0 else { return 0 }
    return Int(min(number, 1_000_000))
  }
}

// MARK: Out of tables

extension FloorLevels {
  private struct Entry: Sendable {
    weak var units: Segment?
    weak var buildings: Segment?
    var rows: Rows
    var levels: FloorLevels
  }
  /// Several scenarios, and the next statement, ask again.
  private static let kept: Mutex<[Entry]> = Mutex([])

  /// The floors of all buildings of `buildings`, kept as long as both layers stay as they are.
  static func levels(_ rows: Rows, of buildings: Table, scope: Scope) throws(QueryError) -> FloorLevels {
    let units = try scope.table(layer: rows.link.fromLayer)
    let known = kept.withLock { entries in
      entries.removeAll { $0.units == nil || $0.buildings == nil }
      if entries.count > 8 { entries.removeFirst() }
      return entries.first {
        $0.units === units.segment && $0.buildings === buildings.segment && $0.rows == rows
      }?.levels
    }
    if let known { return known }
    let made = FloorLevels(
      buildings: buildings.rowCount, entries: try entries(rows, of: units, to: wanted(rows, buildings), scope))
    try scope.token.use(bytes: made.byteCount)
    if let own = units.segment, let target = buildings.segment {
      kept.withLock { $0.append(Entry(units: own, buildings: target, rows: rows, levels: made)) }
    }
    return made
  }

  private static func wanted(_ rows: Rows, _ buildings: Table) throws(QueryError) -> RowSet {
    var result = RowSet(rowCount: buildings.rowCount)
    guard let box = rows.box, let tree = buildings.tree else {
      result.insert(0..<buildings.rowCount)
      return result
    }
    let window = Box2(box[0], box[1], box[2], box[3])
    try buildings.verifyTree(within: 0, of: window)
    tree.forEach(meeting: window) { result.insert(Int($0)) }
    return result
  }

  private static func entries(
    _ rows: Rows, of units: Table, to wanted: RowSet, _ scope: Scope
  ) throws(QueryError) -> [(building: Int, floor: Int32, level: Double)] {
    var scope = scope
    scope.relations = [Relation(table: units, layer: rows.link.fromLayer)]
    scope.distances = []
    let follower = try LinkFollower(source: 0, steps: [rows.link], scope: scope)
    let floorNode = try ColumnNode(source: 0, column: rows.floor, type: .double, scope: scope)
    let baseNode = try ColumnNode(source: 0, column: rows.base, type: .double, scope: scope)
    var result: [(building: Int, floor: Int32, level: Double)] = []
    for start in stride(from: 0, to: units.rowCount, by: Tuples.capacity) {
      try scope.token.check()
      let all = Array(UInt32(start)..<UInt32(min(start + Tuples.capacity, units.rowCount)))
      let followed = try follower.rows(from: all, mayBeNone: false)
      let near = followed.indices.filter { followed[$0] != Tuples.none && wanted.contains(Int(followed[$0])) }
      if near.isEmpty { continue }
      let owners = near.map { followed[$0] }
      let tuples = Tuples(rows: near.map { all[$0] })
      let floors = try floorNode.evaluate(tuples).vector(count: tuples.count)
      let bases = try baseNode.evaluate(tuples).vector(count: tuples.count)
      guard let floorValues = floors.doubles, let baseValues = bases.doubles else { continue }
      let (hasFloor, hasBase) = (floors.flags, bases.flags)
      for i in 0..<tuples.count {
        guard hasFloor?[i] ?? true, hasBase?[i] ?? true, let floor = Int32(exactly: floorValues[i]),
          baseValues[i].isFinite
        else { continue }
        result.append((Int(owners[i]), floor, baseValues[i]))
      }
    }
    return result
  }
}

extension FloorLevels.Rows {
  /// The rows that know the floors of a layer of buildings: of a layer linked to it with columns `floor` and `z_min`,
  /// first the one called `unit`; nil when there is none.
  ///
  /// - Parameter near: where the buildings lie that will be asked about; nil where that is not known.
  init?(of buildings: Int, near: Box2?, _ names: CatalogNames) {
    let layers = names.catalog.layers
    func numbers(_ name: String, of layer: Int) -> Int? {
      names.column(name, of: layer).flatMap { [.int, .double].contains(layers[layer].columns[$0].type) ? $0 : nil }
    }
    let found = names.steps.enumerated().compactMap { child, steps -> FloorLevels.Rows? in
      guard child != buildings, let link = steps.first(where: { $0.targetLayer == buildings }),
        let floor = numbers("floor", of: child), let base = numbers("z_min", of: child)
      else { return nil }
      return FloorLevels.Rows(link: link, floor: floor, base: base)
    }
    guard let first = found.first(where: { layers[$0.link.fromLayer].name == "unit" }) ?? found.first else {
      return nil
    }
    self = first
    box = near.map { [$0.min[0], $0.min[1], $0.max[0], $0.max[1]] }
  }

  // MARK: As an argument

  var text: String {
    let box = box?.map { "\($0)" }.joined(separator: " ") ?? "- - - -"
    return "\(link.fromLayer) \(link.column) \(link.targetLayer) \(floor) \(base) \(box) \(link.targetColumn)"
  }

  init?(text: String) {
    let words = text.split(separator: " ", maxSplits: 9, omittingEmptySubsequences: false)
    let numbers = words.prefix(5).compactMap { Int($0) }
    guard words.count == 10, numbers.count == 5, numbers.allSatisfy({ $0 >= 0 }) else { return nil }
    let box = words[5..<9].compactMap { Double($0) }.filter(\.isFinite)
    self.init(
      link: LinkStep(
        fromLayer: numbers[0], column: numbers[1], targetLayer: numbers[2], targetColumn: String(words[9])),
      floor: numbers[3], base: numbers[4], box: box.count == 4 ? box : nil)
  }
}

/// The floors of a building under water, or (`asksForRule`) 1 where the height of a storey went into that and 0 where not.
final class WetFloorsNode: Node, @unchecked Sendable {
  /// The name of the function that statements are rewritten to: what is asked (`count` or `rule`), where the floors
  /// are known, the id of the building, then metres and counts: level of the water, tolerance, ground, floors, floors
  /// below, height of a storey.
  static let function = "WET_FLOORS"

  private let levels: FloorLevels
  private let source: Int
  private let relation: Relation
  private let asksForRule: Bool
  private let arguments: [Node]

  /// - Parameter arguments: level, tolerance, ground, floors, floors below, storey.
  init(_ levels: FloorLevels, source: Int, relation: Relation, asksForRule: Bool, _ arguments: [Node]) {
    (self.levels, self.source, self.relation) = (levels, source, relation)
    (self.asksForRule, self.arguments) = (asksForRule, arguments)
    super.init(type: .double)
  }

  override func evaluate(_ tuples: Tuples) throws(QueryError) -> Operand {
    let rows = relation.based(tuples.rows[source], mayBeNone: tuples.mayBeNone(source)).rows
    var columns: [(values: [Double], flags: [Bool]?)] = []
    for argument in arguments {
      let vector = try argument.evaluate(tuples).vector(count: tuples.count)
      columns.append((vector.doubles ?? Array(repeating: 0, count: tuples.count), vector.flags))
    }
    var values = [Double](repeating: 0, count: tuples.count)
    var validity = [Bool](repeating: false, count: tuples.count)
    for i in 0..<tuples.count where rows[i] != Tuples.none {
      func number(_ column: Int) -> Double? {
        columns[column].flags?[i] ?? true ? columns[column].values[i] : nil
      }
      guard let water = number(0), let storey = number(5) else { continue }
      let own = FloorLevels.Building(ground: number(2), floors: number(3), floorsBelow: number(4), storey: storey)
      guard let found = levels.wetFloors(of: Int(rows[i]), own, under: water, tolerance: number(1) ?? 0) else {
        continue
      }
      values[i] = asksForRule ? (found.usesStorey ? 1 : 0) : Double(found.count)
      validity[i] = true
    }
    return .vector(Vector(.double(values), validity: validity))
  }
}

extension Compiler {
  func wetFloors(_ arguments: [BoundExpression], _ e: BoundExpression) throws(QueryError) -> Node {
    guard arguments.count == 9, case .constant(.text(let question)) = arguments[0].kind,
      case .constant(.text(let place)) = arguments[1].kind, let rows = FloorLevels.Rows(text: place),
      case .column(let source, _) = arguments[2].kind, scope.relations[source].layer == rows.link.targetLayer
    else {
      throw QueryError(.invalid("\(WetFloorsNode.function) is written by EXPOSE, not by people"), at: e.range)
    }
    let relation = scope.relations[source]
    let buildings = relation.base?.table ?? relation.table
    return WetFloorsNode(
      try FloorLevels.levels(rows, of: buildings, scope: scope), source: source, relation: relation,
      asksForRule: question == "rule", try compile(Array(arguments[3...])))
  }
}
