package import SpatialIndex
internal import Synchronization

/// A layer, or the rows of a subquery, as the executor reads it: columns and geometry in flat memory, rows by number.
///
/// A layer's memory is a mapped snapshot segment, whose bytes must be checked before they are read the first time: `verify…`
/// is called before rows are read and costs next to nothing afterwards. Memory of the query's own needs no check.
package final class Table: Sendable {
  package let name: String
  package let rowCount: Int
  /// For their encoding; their values only after ``verify(_:rows:mayBeNone:)``.
  package let columns: [SegmentColumn]
  package let columnNames: [String]
  package let geometry: GeometryStorage?
  /// Over the boxes of the geometries: item numbers are row numbers.
  package let tree: PackedRTreeView<2>?
  /// The column named `id`.
  let idColumn: Int?
  /// By column: the rows of another table that it names.
  let links: [Int: LinkColumn]
  /// Geometries that a subquery worked out, by column.
  let computedGeometry: [Int: [Geometry?]]
  let segment: Segment?
  private let owner: any Sendable
  private let usage: Usage?
  private let dictionaries: Mutex<[TextDictionary?]>
  private let textLinks: Mutex<[Int: TextLink]> = Mutex([:])

  /// Memory of the query's own, kept alive by `owner`.
  package init(
    name: String, rowCount: Int, columns: [SegmentColumn], columnNames: [String], geometry: GeometryStorage? = nil,
    tree: PackedRTreeView<2>? = nil, owner: any Sendable, computedGeometry: [Int: [Geometry?]] = [:]
  ) {
    self.name = name
    self.rowCount = rowCount
    self.columns = columns
    self.columnNames = columnNames
    self.geometry = geometry
    self.tree = tree
    self.owner = owner
    self.computedGeometry = computedGeometry
    segment = nil
    usage = nil
    idColumn = columnNames.firstIndex { $0.lowercased() == "id" }
    var links: [Int: LinkColumn] = [:]
    for (i, column) in columns.enumerated() { if case .link(let link) = column { links[i] = link } }
    self.links = links
    dictionaries = Mutex(Array(repeating: nil, count: columns.count))
  }

  /// A layer of a snapshot.
  package init(_ segment: Segment) {
    name = segment.layer.name
    rowCount = segment.rowCount
    columns = segment.layer.columns.indices.map { segment.columnView($0) }
    columnNames = segment.layer.columns.map(\.name)
    geometry = segment.geometryView
    tree = segment.uncheckedTree()
    idColumn = segment.idColumn
    links = segment.linkColumns
    computedGeometry = [:]
    self.segment = segment
    owner = segment
    usage = Usage(columns: segment.layer.columns.count + 3)
    dictionaries = Mutex(Array(repeating: nil, count: columns.count))
  }

  /// The text columns whose rows are found by bisection.
  var indexedColumns: Set<Int> { segment?.indexedColumns ?? [] }

  // MARK: Checking

  /// How many rows were asked for, by column, then geometry, tree and links: when that is much of the table, all of it is
  /// checked at once, which is faster than row by row.
  private final class Usage: @unchecked Sendable {
    private let counts: UnsafeMutablePointer<Atomic<Int>>
    private let columns: Int

    init(columns: Int) {
      self.columns = columns
      counts = .allocate(capacity: columns)
      for i in 0..<columns { (counts + i).initialize(to: Atomic(0)) }
    }
    deinit {
      counts.deinitialize(count: columns)
      counts.deallocate()
    }
    func add(_ column: Int, _ rows: Int) -> Int { counts[column].wrappingAdd(rows, ordering: .relaxed).newValue }
    var geometry: Int { columns - 3 }
    var tree: Int { columns - 2 }
    var links: Int { columns - 1 }
  }

  @inline(__always)
  private func checked(_ body: () throws(SnapshotDamage) -> Void) throws(QueryError) {
    do throws(SnapshotDamage) { try body() } catch { throw QueryError(.damaged(error.message)) }
  }

  /// Makes sure that the values of a column at `rows` can be read.
  func verify(_ column: Int, rows: [UInt32], mayBeNone: Bool) throws(QueryError) {
    guard let segment, let usage, rowCount > 0, !segment.isChecked(column) else { return }
    if usage.add(column, rows.count) > rowCount / 8 { return try verify(column) }
    if let span = Table.span(of: rows) { return try verify(column, rows: span) }
    let real = mayBeNone ? rows.filter { $0 != Tuples.none } : rows
    let result: Result<Void, SnapshotDamage> = real.withUnsafeBufferPointer { rows in
      do throws(SnapshotDamage) {
        _ = try segment.column(column, rows: 0..<1)
        _ = try segment.column(column, rows: rows)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try checked { () throws(SnapshotDamage) in try result.get() }
  }

  /// The rows from the least to the greatest of a batch, when most of the memory between them is wanted anyway: one
  /// range is looked up in a few nanoseconds, a thousand rows are not. nil when the rows lie apart.
  private static func span(of rows: [UInt32]) -> Range<Int>? {
    guard rows.count >= 8 else { return nil }
    var (least, greatest) = (UInt32.max, UInt32.min)
    for row in rows {
      least = min(least, row)
      greatest = max(greatest, row == Tuples.none ? 0 : row)
    }
    guard least <= greatest, Int(greatest - least) < 64 * rows.count else { return nil }
    return Int(least)..<Int(greatest) + 1
  }

  func verify(_ column: Int, rows: Range<Int>) throws(QueryError) {
    guard let segment else { return }
    try checked { () throws(SnapshotDamage) in _ = try segment.column(column, rows: rows) }
  }

  /// All of a column.
  func verify(_ column: Int) throws(QueryError) {
    guard let segment else { return }
    try checked { () throws(SnapshotDamage) in _ = try segment.column(column) }
  }

  /// What a column has beside its rows: dictionary, least and greatest values of blocks.
  func verifyDictionary(_ column: Int) throws(QueryError) {
    guard rowCount > 0 else { return }
    try verify(column, rows: 0..<1)
  }

  func verifyLink(_ column: Int, rows: [UInt32], mayBeNone: Bool) throws(QueryError) {
    guard let segment, let usage else { return }
    if usage.add(usage.links, rows.count) > rowCount / 8 { return try verifyLink(column) }
    if let span = Table.span(of: rows) {
      return try checked { () throws(SnapshotDamage) in _ = try segment.link(column, rows: span) }
    }
    let real = mayBeNone ? rows.filter { $0 != Tuples.none } : rows
    let result: Result<Void, SnapshotDamage> = real.withUnsafeBufferPointer { rows in
      do throws(SnapshotDamage) {
        _ = try segment.link(column, rows: rows)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try checked { () throws(SnapshotDamage) in try result.get() }
  }

  func verifyLink(_ column: Int, rows: Range<Int>) throws(QueryError) {
    guard let segment else { return }
    try checked { () throws(SnapshotDamage) in _ = try segment.link(column, rows: rows) }
  }

  func verifyLink(_ column: Int) throws(QueryError) {
    guard let segment else { return }
    try checked { () throws(SnapshotDamage) in _ = try segment.link(column) }
  }

  func verifyGeometry(rows: [UInt32], mayBeNone: Bool) throws(QueryError) {
    guard let segment, let usage, rowCount > 0, !segment.isGeometryChecked else { return }
    if usage.add(usage.geometry, rows.count) > rowCount / 8 { return try verifyGeometry() }
    if let span = Table.span(of: rows) { return try verifyGeometry(rows: span) }
    try checked { () throws(SnapshotDamage) in
      for row in rows where row != Tuples.none { _ = try segment.geometry(rows: Int(row)..<Int(row) + 1) }
    }
  }

  @inline(__always)
  func verifyGeometry(row: Int) throws(QueryError) {
    guard let segment, !segment.isGeometryChecked else { return }
    try verifyGeometry(rows: row..<row + 1)
  }

  func verifyGeometry(rows: Range<Int>) throws(QueryError) {
    guard let segment, let usage, !segment.isGeometryChecked else { return }
    if usage.add(usage.geometry, rows.count) > rowCount / 8 { return try verifyGeometry() }
    try checked { () throws(SnapshotDamage) in _ = try segment.geometry(rows: rows) }
  }

  func verifyGeometry() throws(QueryError) {
    guard let segment else { return }
    try checked { () throws(SnapshotDamage) in _ = try segment.geometry() }
  }

  /// As far as a search within `distance` of `box` reads the tree.
  func verifyTree(within distance: Double, of box: Box2) throws(QueryError) {
    guard let segment, let usage, !box.isEmpty else { return }
    if usage.add(usage.tree, 1) > 64 { return try verifyTree() }
    try checked { () throws(SnapshotDamage) in _ = try segment.tree(within: max(0, distance), of: box) }
  }

  func verifyTree() throws(QueryError) {
    guard let segment else { return }
    try checked { () throws(SnapshotDamage) in _ = try segment.tree() }
  }

  // MARK: Text

  /// The distinct strings of a dictionary column, made once.
  func dictionary(ofColumn column: Int) -> TextDictionary {
    guard case .dictionary(let source) = columns[column] else { return TextDictionary([]) }
    return dictionaries.withLock { cache in
      if let known = cache[column] { return known }
      let made = TextDictionary((0..<source.dictionary.count).map { source.dictionary[$0] })
      cache[column] = made
      return made
    }
  }

  /// Rows whose column holds this text, in ascending order.
  func rows(column: Int, equalTo key: String) throws(QueryError) -> [UInt32] {
    if let segment {
      do throws(SnapshotDamage) { return try segment.rows(column: column, equals: key) } catch {
        throw QueryError(.damaged(error.message))
      }
    }
    var result: [UInt32] = []
    switch columns[column] {
    case .text(let source):
      var key = key
      key.withUTF8 { key in
        for row in 0..<source.count where source.validity[row] && equalBytes(source.utf8(row), key) {
          result.append(UInt32(row))
        }
      }
    case .dictionary(let source):
      guard let code = source.code(of: key) else { return [] }
      for row in 0..<source.count where source.code(row) == code && source.validity[row] { result.append(UInt32(row)) }
    default: break
    }
    return result
  }

  // MARK: Links by text

  /// The target row of each row for a link whose values are text: worked out once for each distinct value.
  struct TextLink: Sendable {
    /// By dictionary code, or by row for a plain text column.
    let rows: [UInt32]
    let byCode: Bool
  }

  func textLink(column: Int, target: Table, targetColumn: Int) throws(QueryError) -> TextLink {
    let key = column << 32 | targetColumn
    if let known = textLinks.withLock({ $0[key] }) { return known }
    let made = try makeTextLink(column: column, target: target, targetColumn: targetColumn)
    textLinks.withLock { $0[key] = made }
    return made
  }

  private func makeTextLink(column: Int, target: Table, targetColumn: Int) throws(QueryError) -> TextLink {
    try target.verify(targetColumn)
    try verify(column)
    let targets = target.firstRowByText(column: targetColumn)
    switch columns[column] {
    case .dictionary(let source):
      return TextLink(
        rows: (0..<source.dictionary.count).map { targets[TextKey(source.dictionary[$0])] ?? Tuples.none },
        byCode: true)
    case .text(let source):
      return TextLink(
        rows: (0..<source.count).map {
          source.validity[$0] ? targets[TextKey(source[$0])] ?? Tuples.none : Tuples.none
        }, byCode: false)
    default:
      return TextLink(rows: [], byCode: true)
    }
  }

  private func firstRowByText(column: Int) -> [TextKey: UInt32] {
    var result: [TextKey: UInt32] = [:]
    switch columns[column] {
    case .text(let source):
      result.reserveCapacity(source.count)
      for row in stride(from: source.count - 1, through: 0, by: -1) where source.validity[row] {
        result[TextKey(source[row])] = UInt32(row)
      }
    case .dictionary(let source):
      for row in stride(from: source.count - 1, through: 0, by: -1) where source.validity[row] {
        result[TextKey(source.dictionary[Int(source.code(row))])] = UInt32(row)
      }
    default: break
    }
    return result
  }
}

extension DictionaryColumn {
  /// The code of a string, or nil when no row holds it.
  func code(of key: String) -> UInt32? {
    var key = key
    return key.withUTF8 { key in
      var (low, high) = (0, dictionary.count)
      while low < high {
        let middle = (low + high) >> 1
        if compareBytes(dictionary.utf8(middle), key) < 0 { low = middle + 1 } else { high = middle }
      }
      return low < dictionary.count && equalBytes(dictionary.utf8(low), key) ? UInt32(low) : nil
    }
  }
}

/// Where tables come from: a snapshot opens a layer's segment the first time a query needs it.
package protocol TableProvider: Sendable {
  /// The table of layer `layer` of the catalogue.
  func table(layer: Int) throws -> Table
  /// The third dimension of the layers, where there is one.
  var space: SpaceSource? { get }
}

extension TableProvider {
  package var space: SpaceSource? { nil }
}

/// The layers of a snapshot as tables, each made when it is first asked for.
package final class SnapshotTables: TableProvider {
  package let snapshot: Snapshot
  package let space: SpaceSource?
  private let tables: Mutex<[Table?]>

  /// - Parameter path: of the database, for statements in 3D.
  package init(_ snapshot: Snapshot, path: String? = nil) {
    self.snapshot = snapshot
    space = path.map { SpaceSource(path: $0, snapshot: snapshot) }
    tables = Mutex(Array(repeating: nil, count: snapshot.catalog.layers.count))
  }

  package func table(layer: Int) throws -> Table {
    try tables.withLock { tables in
      if let known = tables[layer] { return known }
      do throws(SnapshotDamage) {
        let made = Table(try snapshot.segment(layer))
        tables[layer] = made
        return made
      } catch {
        throw QueryError(.damaged(error.message))
      }
    }
  }
}
