internal import SpatialIndex

/// Makes a table in memory: the rows of a subquery, of a group, or of a test.
package struct TableBuilder {
  private var columns: [ColumnBuffer]
  private let names: [String]
  private var rowCount = 0
  /// The row's geometry, for a table that has one.
  private var geometries: [Geometry?] = []

  package init(columns: [(name: String, type: ColumnType?)]) {
    names = columns.map(\.name)
    self.columns = columns.map { ColumnBuffer(type: $0.type) }
  }

  /// Adds rows: one vector for each column.
  package mutating func append(_ vectors: [Vector], count: Int) {
    precondition(vectors.count == columns.count)
    for i in vectors.indices { columns[i].append(vectors[i]) }
    rowCount += count
  }

  /// A whole column at once.
  enum Filling {
    case vector(Vector)
    /// The texts of some rows of another table; `Tuples.none` is NULL.
    case text(TextColumn, rows: [UInt32])
    /// The values of a column of texts of another table at some rows, which may stay where they are.
    case rows(Table, column: Int, [UInt32])
  }

  /// Adds rows: what fills each column.
  mutating func append(_ columns: [Filling], count: Int, token: CancellationToken) throws(QueryError) {
    precondition(columns.count == self.columns.count)
    for i in columns.indices {
      try token.check()
      switch columns[i] {
      case .vector(let vector): self.columns[i].append(vector)
      case .text(let source, let rows): try self.columns[i].append(source, rows: rows, token: token)
      case .rows(let table, let column, let rows):
        guard case .text(let source) = table.columns[column] else { preconditionFailure("only texts lie elsewhere") }
        try table.verify(column, rows: rows, mayBeNone: true)
        try self.columns[i].append(source, rows: rows, token: token)
      }
    }
    rowCount += count
  }

  package mutating func append(row: [Value], geometry: Geometry? = nil) {
    precondition(row.count == columns.count)
    for i in row.indices { columns[i].append(Vector(values: [row[i]], type: columns[i].type)) }
    geometries.append(geometry)
    rowCount += 1
  }

  /// - Parameters:
  ///   - withGeometry: whether the rows' geometries, with a tree over them, belong to the table.
  ///   - packed: columns as a snapshot has them: integers in their narrowest width, few strings as a dictionary.
  package consuming func finish(name: String, withGeometry: Bool = false, packed: Bool = false) -> Table {
    do {
      return try finish(name: name, withGeometry: withGeometry, packed: packed, token: CancellationToken())
    } catch {
      preconditionFailure("nobody cancels a token of one's own")
    }
  }

  /// As ``finish(name:withGeometry:packed:)``, for many rows: the token is asked between columns.
  consuming func finish(
    name: String, withGeometry: Bool = false, packed: Bool = false, token: CancellationToken
  ) throws(QueryError) -> Table {
    let memory = OwnedMemory()
    var held: [Int: [Geometry?]] = [:]
    var segments: [SegmentColumn] = []
    for i in columns.indices {
      try token.check()
      segments.append(packed ? columns[i].finishPacked(in: memory) : columns[i].finish(in: memory))
      if case .geometry(let values) = columns[i].values { held[i] = values }
    }
    guard withGeometry else {
      return Table(
        name: name, rowCount: rowCount, columns: segments, columnNames: names, owner: memory, computedGeometry: held)
    }
    let storage = GeometryStorage.make(geometries, in: memory)
    let tree = PackedRTree<2>(sortedBoxes: UnsafeBufferPointer(start: storage.boxes!, count: rowCount))
    memory.keep(tree)
    return Table(
      name: name, rowCount: rowCount, columns: segments, columnNames: names, geometry: storage, tree: tree.view,
      owner: memory, computedGeometry: held)
  }
}

/// Memory freed with its last owner. Filled while a table is made, then only read.
final class OwnedMemory: @unchecked Sendable {
  private var blocks: [UnsafeMutableRawPointer] = []
  private var kept: [any Sendable] = []

  deinit { for block in blocks { block.deallocate() } }

  func keep(_ value: any Sendable) { kept.append(value) }

  func copy<T: BitwiseCopyable>(_ values: [T]) -> UnsafePointer<T> {
    let bytes = max(1, values.count * MemoryLayout<T>.stride)
    let block = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    blocks.append(block)
    let typed = block.bindMemory(to: T.self, capacity: max(1, values.count))
    values.withUnsafeBufferPointer {
      if let start = $0.baseAddress { typed.update(from: start, count: $0.count) }
    }
    return UnsafePointer(typed)
  }

  func validity(_ flags: [Bool]) -> Validity {
    if flags.allSatisfy({ $0 }) { return Validity(words: nil) }
    var words = [UInt64](repeating: 0, count: (flags.count + 63) >> 6)
    for i in flags.indices where flags[i] { words[i >> 6] |= 1 << UInt64(i & 63) }
    return Validity(words: copy(words))
  }

  func fixed<T: BitwiseCopyable & Comparable & Sendable>(_ values: [T], _ flags: [Bool], zero: T) -> FixedColumn<T> {
    var (minimums, maximums): ([T], [T]) = ([], [])
    if flags.isEmpty || !flags.contains(false) {
      for start in stride(from: 0, to: values.count, by: FixedColumn<T>.blockRows) {
        var (low, high) = (values[start], values[start])
        for i in start..<min(start + FixedColumn<T>.blockRows, values.count) {
          if values[i] < low { low = values[i] }
          if values[i] > high { high = values[i] }
        }
        minimums.append(low)
        maximums.append(high)
      }
      return FixedColumn(
        values: copy(values), count: values.count, validity: Validity(words: nil), blockMinimums: copy(minimums),
        blockMaximums: copy(maximums), blockNulls: nil)
    }
    var nulls: [UInt16] = []
    for start in stride(from: 0, to: values.count, by: FixedColumn<T>.blockRows) {
      let block = start..<min(start + FixedColumn<T>.blockRows, values.count)
      var (low, high): (T?, T?) = (nil, nil)
      for i in block where flags[i] {
        low = low.map { min($0, values[i]) } ?? values[i]
        high = high.map { max($0, values[i]) } ?? values[i]
      }
      nulls.append(UInt16(block.reduce(0) { $0 + (flags[$1] ? 0 : 1) }))
      minimums.append(low ?? zero)
      maximums.append(high ?? zero)
    }
    let nullCounts = flags.allSatisfy { $0 } ? nil : copy(nulls)
    return FixedColumn(
      values: copy(values), count: values.count, validity: validity(flags), blockMinimums: copy(minimums),
      blockMaximums: copy(maximums), blockNulls: nullCounts)
  }
}

/// The values of one column while its table is made.
private struct ColumnBuffer {
  enum Values {
    case none
    case bool([UInt8]), int([Int64]), double([Double]), date([Int32]), timestamp([Int64])
    case text(offsets: [UInt64], bytes: [UInt8])
    case list(offsets: [UInt64], bytes: [UInt8])
    case geometry([Geometry?])
  }
  private(set) var type: ColumnType?
  private(set) var values: Values
  private var flags: [Bool] = []

  init(type: ColumnType?) {
    self.type = type
    values = ColumnBuffer.empty(type)
  }

  private static func empty(_ type: ColumnType?) -> Values {
    switch type {
    case nil: .none
    case .bool: .bool([])
    case .int: .int([])
    case .double: .double([])
    case .date: .date([])
    case .timestamp: .timestamp([])
    case .text: .text(offsets: [0], bytes: [])
    case .list: .list(offsets: [0], bytes: [])
    case .geometry: .geometry([])
    }
  }

  mutating func append(_ vector: Vector) {
    if type == nil, let known = vector.columnType {
      // Nothing but NULLs so far.
      let count = flags.count
      self = ColumnBuffer(type: known)
      append(Vector(.null(count: count)))
    }
    let count = vector.count
    guard takes(vector.storage) else {
      // NULLs, or values of another type than the column was promised, which become NULL. The array must not be held here
      // while it grows, or each batch copies all before it.
      flags.append(contentsOf: repeatElement(false, count: count))
      return appendEmpty(count)
    }
    flags.append(contentsOf: vector.flags ?? Array(repeating: true, count: count))
    switch (take(), vector.storage) {
    case (.int(let all), .int(let new)) where all.isEmpty: values = .int(new)
    case (.double(let all), .double(let new)) where all.isEmpty: values = .double(new)
    case (.bool(var all), .bool(let new)):
      all.append(contentsOf: new.lazy.map { $0 ? 1 : 0 })
      values = .bool(all)
    case (.int(var all), .int(let new)):
      all.append(contentsOf: new)
      values = .int(all)
    case (.double(var all), .double(let new)):
      all.append(contentsOf: new)
      values = .double(all)
    case (.double(var all), .int(let new)):
      all.append(contentsOf: new.lazy.map { Double($0) })
      values = .double(all)
    case (.date(var all), .date(let new)):
      all.append(contentsOf: new)
      values = .date(all)
    case (.timestamp(var all), .timestamp(let new)):
      all.append(contentsOf: new)
      values = .timestamp(all)
    case (.geometry(var all), .geometry(let new)):
      all.append(contentsOf: new)
      values = .geometry(all)
    case (.text(var offsets, var bytes), .text(let new)):
      for i in new.indices {
        if vector.isValid(i) { bytes.append(contentsOf: new[i].utf8) }
        offsets.append(UInt64(bytes.count))
      }
      values = .text(offsets: offsets, bytes: bytes)
    case (.text(var offsets, var bytes), .dictionary(let codes, let dictionary)):
      for i in codes.indices {
        if vector.isValid(i) { bytes.append(contentsOf: dictionary.strings[Int(codes[i])].utf8) }
        offsets.append(UInt64(bytes.count))
      }
      values = .text(offsets: offsets, bytes: bytes)
    case (.list(var offsets, var bytes), .list(let new)):
      for i in new.indices {
        if vector.isValid(i) { bytes.append(contentsOf: JSONList.text(new[i]).utf8) }
        offsets.append(UInt64(bytes.count))
      }
      values = .list(offsets: offsets, bytes: bytes)
    default:
      preconditionFailure("a type that takes() lets in")
    }
  }

  /// The arrays, which are held nowhere else then: what is appended to them is not copied first.
  @inline(__always)
  private mutating func take() -> Values {
    var taken = Values.none
    swap(&taken, &values)
    return taken
  }

  private func takes(_ storage: Vector.Storage) -> Bool {
    switch (values, storage) {
    case (.bool, .bool), (.int, .int), (.double, .double), (.double, .int), (.date, .date), (.timestamp, .timestamp),
      (.geometry, .geometry), (.text, .text), (.text, .dictionary), (.list, .list):
      true
    default: false
    }
  }

  /// Texts copied from another table.
  mutating func append(_ source: TextColumn, rows: [UInt32], token: CancellationToken) throws(QueryError) {
    if type == nil, flags.isEmpty { self = ColumnBuffer(type: .text) }
    guard case .text(var offsets, var bytes) = values else {
      return append(Vector(.text(rows.map { $0 == Tuples.none ? "" : source[Int($0)] })))
    }
    values = .none
    var size = bytes.count
    for row in rows where row != Tuples.none { size += source.bounds(Int(row)).count }
    bytes.reserveCapacity(size)
    offsets.reserveCapacity(offsets.count + rows.count)
    flags.reserveCapacity(flags.count + rows.count)
    for (i, row) in rows.enumerated() {
      if i & 0xFFFF == 0 { try token.check() }
      let isValid = row != Tuples.none && source.validity[Int(row)]
      if isValid { bytes.append(contentsOf: source.utf8(Int(row))) }
      offsets.append(UInt64(bytes.count))
      flags.append(isValid)
    }
    values = .text(offsets: offsets, bytes: bytes)
  }

  private mutating func appendEmpty(_ count: Int) {
    switch take() {
    case .none: break
    case .bool(var all):
      all.append(contentsOf: repeatElement(0, count: count))
      values = .bool(all)
    case .int(var all):
      all.append(contentsOf: repeatElement(0, count: count))
      values = .int(all)
    case .double(var all):
      all.append(contentsOf: repeatElement(0, count: count))
      values = .double(all)
    case .date(var all):
      all.append(contentsOf: repeatElement(0, count: count))
      values = .date(all)
    case .timestamp(var all):
      all.append(contentsOf: repeatElement(0, count: count))
      values = .timestamp(all)
    case .geometry(var all):
      all.append(contentsOf: repeatElement(nil, count: count))
      values = .geometry(all)
    case .text(var offsets, let bytes):
      offsets.append(contentsOf: repeatElement(UInt64(bytes.count), count: count))
      values = .text(offsets: offsets, bytes: bytes)
    case .list(var offsets, let bytes):
      offsets.append(contentsOf: repeatElement(UInt64(bytes.count), count: count))
      values = .list(offsets: offsets, bytes: bytes)
    }
  }

  func finish(in memory: OwnedMemory) -> SegmentColumn {
    switch values {
    case .none:
      // NULL throughout: any type does.
      return .bool(memory.fixed(Array(repeating: 0, count: flags.count), flags, zero: 0))
    case .geometry(let all):
      return .bool(memory.fixed(Array(repeating: 0, count: all.count), flags, zero: 0))
    case .bool(let all): return .bool(memory.fixed(zeroed(all), flags, zero: 0))
    case .int(let all): return .int64(memory.fixed(zeroed(all), flags, zero: 0))
    case .double(let all): return .double(memory.fixed(zeroed(all), flags, zero: 0))
    case .date(let all): return .date(memory.fixed(zeroed(all), flags, zero: 0))
    case .timestamp(let all): return .timestamp(memory.fixed(zeroed(all), flags, zero: 0))
    case .text(let offsets, let bytes):
      return .text(
        TextColumn(
          narrow: nil, wide: memory.copy(offsets), bytes: memory.copy(bytes), count: flags.count,
          validity: memory.validity(flags)))
    case .list(let offsets, let bytes):
      return .list(
        TextColumn(
          narrow: nil, wide: memory.copy(offsets), bytes: memory.copy(bytes), count: flags.count,
          validity: memory.validity(flags)))
    }
  }

  /// The narrowest integers, and a dictionary where at most half of the strings differ.
  func finishPacked(in memory: OwnedMemory) -> SegmentColumn {
    switch values {
    case .int(let all):
      let all = zeroed(all)
      let (low, high) = (all.min() ?? 0, all.max() ?? 0)
      if low >= Int8.min, high <= Int8.max { return .int8(memory.fixed(all.map { Int8($0) }, flags, zero: 0)) }
      if low >= Int16.min, high <= Int16.max { return .int16(memory.fixed(all.map { Int16($0) }, flags, zero: 0)) }
      if low >= Int32.min, high <= Int32.max { return .int32(memory.fixed(all.map { Int32($0) }, flags, zero: 0)) }
      return .int64(memory.fixed(all, flags, zero: 0))
    case .text(let offsets, let bytes):
      let strings = flags.indices.map {
        String(decoding: bytes[Int(offsets[$0])..<Int(offsets[$0 + 1])], as: UTF8.self)
      }
      var distinct = Set(flags.indices.lazy.filter { flags[$0] }.map { TextKey(strings[$0]) }).map(\.text)
      distinct.sort { compareText($0, $1) < 0 }
      if distinct.isEmpty { distinct = [""] }
      guard distinct.count <= max(1, flags.count / 2), distinct.count <= 1 << 16 else { return finish(in: memory) }
      let codeOf = Dictionary(uniqueKeysWithValues: distinct.enumerated().map { (TextKey($1), $0) })
      let codes = flags.indices.map { flags[$0] ? codeOf[TextKey(strings[$0])]! : 0 }
      var dictionaryOffsets: [UInt32] = [0]
      var dictionaryBytes: [UInt8] = []
      for string in distinct {
        dictionaryBytes.append(contentsOf: string.utf8)
        dictionaryOffsets.append(UInt32(dictionaryBytes.count))
      }
      let dictionary = TextColumn(
        narrow: memory.copy(dictionaryOffsets), bytes: memory.copy(dictionaryBytes), count: distinct.count,
        validity: Validity(words: nil))
      let packed: DictionaryColumn.Codes =
        distinct.count <= 256
        ? .bytes(memory.fixed(codes.map { UInt8($0) }, flags, zero: 0))
        : .words(memory.fixed(codes.map { UInt16($0) }, flags, zero: 0))
      return .dictionary(
        DictionaryColumn(codes: packed, count: flags.count, validity: memory.validity(flags), dictionary: dictionary))
    default: return finish(in: memory)
    }
  }

  /// NULL rows hold 0.
  private func zeroed<T: ExpressibleByIntegerLiteral>(_ all: [T]) -> [T] {
    flags.contains(false) ? all.indices.map { flags[$0] ? all[$0] : 0 } : all
  }
}

extension GeometryStorage {
  /// Geometries copied flat; collections stay as they are.
  static func make(_ geometries: [Geometry?], in memory: OwnedMemory) -> GeometryStorage {
    var kinds: [UInt8] = []
    var geometryOffsets: [UInt32] = [0]
    var partOffsets: [UInt32] = [0]
    var ringOffsets: [UInt32] = [0]
    var xy: [Double] = []
    var z: [Double] = []
    var boxes: [Box2] = []
    var collections: [Int: Geometry] = [:]
    let hasZ = geometries.contains { $0?.z.isEmpty == false }
    for (row, geometry) in geometries.enumerated() {
      boxes.append(geometry?.box ?? .empty)
      kinds.append(geometry?.kind.rawValue ?? 0)
      if let geometry, geometry.kind == .geometryCollection {
        collections[row] = geometry
      } else if let geometry {
        let (firstVertex, firstRing) = (UInt32(xy.count / 2), UInt32(ringOffsets.count - 1))
        ringOffsets.append(contentsOf: geometry.ringOffsets.dropFirst().map { $0 + firstVertex })
        partOffsets.append(contentsOf: geometry.partOffsets.dropFirst().map { $0 + firstRing })
        xy.append(contentsOf: geometry.xy)
        if hasZ {
          z.append(contentsOf: geometry.z.isEmpty ? Array(repeating: .nan, count: geometry.vertexCount) : geometry.z)
        }
      }
      geometryOffsets.append(UInt32(partOffsets.count - 1))
    }
    let kept = collections
    return GeometryStorage(
      kinds: memory.copy(kinds), geometryOffsets: memory.copy(geometryOffsets), partOffsets: memory.copy(partOffsets),
      ringOffsets: memory.copy(ringOffsets), xy: memory.copy(xy), z: hasZ ? memory.copy(z) : nil,
      boxes: memory.copy(boxes), count: geometries.count, collections: { kept[$0] })
  }
}
