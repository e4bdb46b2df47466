/// The nodes of the grids, findable along the lines of the plan.
struct CityNodes: Sendable {
  private var byColumn: [(x: Int32, y: Int32)] = []
  private var byRow: [(x: Int32, y: Int32)] = []

  /// Takes points in any order, repeated or not.
  init(_ corners: [(Int32, Int32)]) {
    let sorted = corners.map { (x: $0.0, y: $0.1) }.sorted { ($0.x, $0.y) < ($1.x, $1.y) }
    byColumn.reserveCapacity(sorted.count / 2)
    for node in sorted where byColumn.last.map({ $0 != node }) ?? true { byColumn.append(node) }
    byRow = byColumn.sorted { ($0.y, $0.x) < ($1.y, $1.x) }
  }

  /// Nodes on a line of the plan between two ends (both nodes themselves), in the direction asked for.
  func plan(vertical: Bool, at: Int32, from: Int32, to: Int32) -> [(x: Int32, y: Int32)] {
    let (low, high) = (min(from, to), max(from, to))
    let table = vertical ? byColumn : byRow
    var (a, b) = (0, table.count)
    while a < b {
      let middle = (a + b) / 2
      let node = table[middle]
      let before = vertical ? (node.x, node.y) < (at, low) : (node.y, node.x) < (at, low)
      if before { a = middle + 1 } else { b = middle }
    }
    var result: [(x: Int32, y: Int32)] = []
    while a < table.count {
      let node = table[a]
      if (vertical ? node.x : node.y) != at || (vertical ? node.y : node.x) > high { break }
      result.append(node)
      a += 1
    }
    return from <= to ? result : result.reversed()
  }

  func along(vertical: Bool, at: Int32, from: Int32, to: Int32) -> [CityPoint] {
    plan(vertical: vertical, at: at, from: from, to: to).map { CityWarp.node($0.x, $0.y) }
  }
}
