internal import SpatialIndex

/// Takes the rows of one layer and packs them into a segment file.
///
/// ```swift
/// let builder = SegmentBuilder(layer: layer)
/// builder.beginRow(fid: 1)
/// builder.append(.text("S-0001"), to: 0)
/// builder.append(.point(470_000, 3_840_000))
/// builder.endRow()
/// ```
///
/// Columns and geometry that a row does not get are NULL. Rows come in ascending fid. Memory: the values in flat arrays
/// (integers in their narrowest width, repeating strings once), about what the file will take.
package final class SegmentBuilder {
  package let layer: Catalog.Layer
  let columns: [ColumnAccumulator]
  let geometry: GeometryAccumulator?
  let fids = NarrowIntegers()
  /// Rows begun; a row is complete with `endRow()`.
  package private(set) var rowCount = 0
  /// Said once at the end: values and geometries that could not be taken as they are.
  private(set) var notices: [String] = []

  /// The columns that are taken: all, but for a relinking.
  let taken: [Int]

  /// - Parameters:
  ///   - fidLinks: columns that hold the `fid` of a row of another layer, whatever type the catalogue shows.
  ///   - only: the columns to take, without geometry; nil takes everything.
  package init(layer: Catalog.Layer, fidLinks: Set<Int> = [], only: Set<Int>? = nil) {
    self.layer = layer
    taken = only.map { $0.sorted() } ?? Array(layer.columns.indices)
    columns = layer.columns.enumerated().map { ColumnAccumulator($1, isFidLink: fidLinks.contains($0)) }
    geometry = layer.geometry == nil || only != nil ? nil : GeometryAccumulator()
  }

  package func beginRow(fid: Int64) {
    fids.append(fid)
    rowCount += 1
  }

  package func append(_ value: Value, to column: Int) { columns[column].append(value) }
  package func appendNull(to column: Int) { columns[column].appendNull() }
  /// Integers, flags as 0 and 1, days since 1970-01-01, microseconds since 1970-01-01T00:00:00Z, linked fids.
  package func append(_ value: Int64, to column: Int) { columns[column].append(value) }
  package func append(_ value: Double, to column: Int) { columns[column].append(value) }
  /// UTF-8, also of lists as JSON.
  package func append(_ text: UnsafeBufferPointer<UInt8>, to column: Int) { columns[column].append(text) }
  package func append(_ shape: Geometry?) { geometry?.append(shape) }
  package func append(_ shape: GeometryView) { geometry?.append(shape) }
  package func appendPoint(_ x: Double, _ y: Double, z: Double?) { geometry?.appendPoint(x, y, z: z) }

  package func endRow() {
    for index in taken where columns[index].count < rowCount { columns[index].appendNull() }
    if let geometry, geometry.count < rowCount { geometry.appendNull() }
  }

  package func append(_ row: SegmentRow) {
    beginRow(fid: row.fid)
    for column in taken where column < row.values.count { append(row.values[column], to: column) }
    if row.geometry != nil { append(row.geometry) }
    endRow()
  }

  func collectNotices() {
    for column in columns where column.misfits > 0 {
      let rows = column.misfits == 1 ? "1 value is" : "\(column.misfits) values are"
      notices.append(
        "\(layer.name).\(column.column.name): \(rows) not of type \(column.column.type.rawValue) and taken as unknown"
          + " (first: fid \(fids[column.firstMisfit]))")
    }
    if let geometry, geometry.notFinite > 0 {
      let rows = geometry.notFinite == 1 ? "1 row has" : "\(geometry.notFinite) rows have"
      notices.append(
        "\(layer.name): \(rows) a coordinate that is not a finite number and no place on the map"
          + " (first: fid \(fids[geometry.firstNotFinite]))")
    }
  }
}

/// One row in memory, for tests and small layers.
package struct SegmentRow: Sendable {
  package var fid: Int64
  /// Aligned with the layer's columns; missing ones at the end are NULL. A column that links by fid holds `.int`.
  package var values: [Value]
  package var geometry: Geometry?

  package init(fid: Int64, values: [Value], geometry: Geometry? = nil) {
    self.fid = fid
    self.values = values
    self.geometry = geometry
  }
}

/// The order in which rows are packed.
final class RowOrder {
  /// By row: the index in the source; nil when rows stay as they came.
  private let sources: UnsafeMutableBufferPointer<UInt32>?
  /// Rows that have a box; they come first.
  let placedCount: Int
  var isIdentity: Bool { sources == nil }

  init(sources: [UInt32]?, placedCount: Int) {
    self.placedCount = placedCount
    self.sources = sources.map { sources in
      let buffer = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: sources.count)
      _ = buffer.initialize(from: sources)
      return buffer
    }
  }

  deinit { sources?.deallocate() }

  @inline(__always)
  func source(_ row: Int) -> Int {
    guard let sources else { return row }
    return Int(sources[row])
  }
}

extension SegmentBuilder {
  /// Rows with a place in Hilbert order; the others behind them in the order of the rows that they name
  /// (`parents`, by source index: a row of the parent's segment or `LinkColumn.none`), without parents as they came.
  func makeOrder(parents: GrowingBuffer<UInt32>?, parentCount: Int) -> RowOrder {
    guard rowCount > 0 else { return RowOrder(sources: nil, placedCount: 0) }
    var order: [UInt32] = []
    var placed = 0
    if let geometry, geometry.placedCount > 0 {
      placed = geometry.placedCount
      if geometry.isOnlyPoints && placed == rowCount {
        order = geometry.xy.withElements { HilbertOrder.order(ofPoints: $0) }
      } else {
        order = geometry.boxes().withElements { HilbertOrder.order(of: $0) }
      }
    } else if parents == nil {
      return RowOrder(sources: nil, placedCount: 0)
    } else {
      order = Array(0..<UInt32(rowCount))
    }
    if let parents, placed < rowCount {
      let tail = order[placed...]
      // Stable counting sort; rows without a parent go last.
      var starts = [Int](repeating: 0, count: parentCount + 2)
      func slot(_ source: UInt32) -> Int {
        let parent = parents[Int(source)]
        return parent == LinkColumn.none ? parentCount : Int(parent)
      }
      for source in tail { starts[slot(source) + 1] += 1 }
      for i in 1..<starts.count { starts[i] += starts[i - 1] }
      var sorted = [UInt32](repeating: 0, count: tail.count)
      for source in tail {
        let slot = slot(source)
        sorted[starts[slot]] = source
        starts[slot] += 1
      }
      order.replaceSubrange(placed..., with: sorted)
    }
    if order.indices.allSatisfy({ order[$0] == UInt32($0) }) { return RowOrder(sources: nil, placedCount: placed) }
    return RowOrder(sources: order, placedCount: placed)
  }
}
