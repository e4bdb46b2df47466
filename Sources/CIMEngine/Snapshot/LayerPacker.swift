/// Turns the rows of one layer into its files: resolves links, settles the order of rows, writes segment and link table.
enum LayerPacker {
  struct Output {
    var orderID: UInt64
    var rowCount: Int
    var segment: FileDigest
    /// nil where the layer links nothing.
    var links: FileDigest?
    var notices: [String]
  }

  /// - Parameters:
  ///   - links: what the layer's columns name, targets already packed.
  ///   - indexed: columns to look up rows by; text only.
  /// - Throws: `StoreError` when a file cannot be written, `SnapshotDamage` when a target cannot be read.
  static func pack(
    _ builder: SegmentBuilder, links: [LinkTarget], indexed: Set<Int>, segmentPath: String, linksPath: String
  ) throws -> Output {
    var notices: [String] = []
    var resolved: [(link: LinkTarget, rows: GrowingBuffer<UInt32>)] = []
    for link in links where link.segment != nil {
      resolved.append((link, try resolve(builder.columns[link.column], link, in: link.segment!)))
    }
    let parent = resolved.first { $0.link.segment!.placedCount > 0 } ?? resolved.first
    let order = builder.makeOrder(
      parents: parent?.rows, parentCount: parent?.link.segment?.rowCount ?? 0)
    for link in links where link.segment == nil {
      resolved.append((link, resolveWithin(builder, link, order)))
    }
    let orderID = SegmentWriter.orderID(builder, order)

    var (drafts, remarks) = makeDrafts(resolved, builder, order, orderID: orderID)
    notices += remarks
    resolved = []
    builder.collectNotices()
    var output = Output(
      orderID: orderID, rowCount: builder.rowCount, segment: FileDigest(length: 0, checksum: 0), links: nil,
      notices: builder.notices + notices)
    if !drafts.isEmpty {
      output.links = try LinkTable.write(drafts, orderID: orderID, rowCount: builder.rowCount, to: linksPath)
      drafts = []
    }
    output.segment = try SegmentWriter.write(
      builder, order: order, orderID: orderID, indexed: indexed, to: segmentPath)
    return output
  }

  /// Brings resolved links into the order of the layer's own rows.
  static func makeDrafts(
    _ resolved: [(link: LinkTarget, rows: GrowingBuffer<UInt32>)], _ builder: SegmentBuilder, _ order: RowOrder,
    orderID: UInt64
  ) -> (drafts: [LinkTable.Draft], notices: [String]) {
    var notices: [String] = []
    var drafts: [LinkTable.Draft] = []
    for (link, sources) in resolved {
      let column = builder.columns[link.column]
      let rows = GrowingBuffer<UInt32>(capacity: builder.rowCount)
      var dangling: [(row: UInt32, fid: Int64)] = []
      for row in 0..<builder.rowCount {
        let source = order.source(row)
        rows.append(sources[source])
        if sources[source] == LinkColumn.none, link.isByFid, column.isValid(source),
          case .integers(let fids) = column.store
        {
          dangling.append((UInt32(row), fids[source]))
        }
      }
      if let first = dangling.first {
        notices.append(
          "\(builder.layer.name).\(column.column.name): \(dangling.count) rows name a row of \(link.layerName) that does "
            + "not exist (first: fid \(first.fid))")
      }
      drafts.append(
        LinkTable.Draft(
          column: link.column, targetLayer: link.layerName, targetColumn: link.targetColumn,
          targetOrder: link.segment?.orderID ?? orderID,
          targetRowCount: link.segment?.rowCount ?? builder.rowCount, isByFid: link.isByFid, rows: rows,
          dangling: dangling))
    }
    return (drafts, notices)
  }

  /// Target rows by source index.
  static func resolve(
    _ column: ColumnAccumulator, _ link: LinkTarget, in target: Segment
  ) throws(SnapshotDamage) -> GrowingBuffer<UInt32> {
    if link.isByFid {
      let rowOfFid = try target.fidLookup()
      return column.resolve(byFid: true, rowOfFid: rowOfFid, rowOfKey: { _ in LinkColumn.none })
    }
    let keys = try target.keyTable(column: link.targetColumn)
    return column.resolve(
      byFid: false, rowOfFid: { _ in LinkColumn.none }, rowOfKey: { keys?.row($0) ?? LinkColumn.none })
  }

  /// Rows of the layer itself by source index: the rows' own numbers, once their order is known.
  static func resolveWithin(
    _ builder: SegmentBuilder, _ link: LinkTarget, _ order: RowOrder
  ) -> GrowingBuffer<UInt32> {
    var rowOfSource = [UInt32](repeating: 0, count: builder.rowCount)
    for row in 0..<builder.rowCount { rowOfSource[order.source(row)] = UInt32(row) }
    let column = builder.columns[link.column]
    if link.isByFid {
      var rowOfFid: [Int64: UInt32] = [:]
      for source in 0..<builder.rowCount { rowOfFid[builder.fids[source]] = rowOfSource[source] }
      return column.resolve(
        byFid: true, rowOfFid: { rowOfFid[$0] ?? LinkColumn.none }, rowOfKey: { _ in LinkColumn.none })
    }
    guard let key = builder.layer.columns.firstIndex(where: { $0.name.lowercased() == link.targetColumn.lowercased() })
    else {
      return column.resolve(byFid: false, rowOfFid: { _ in LinkColumn.none }, rowOfKey: { _ in LinkColumn.none })
    }
    let keyColumn = builder.columns[key]
    let keys = KeyTable(rows: 0..<builder.rowCount, count: builder.rowCount) { keyColumn.key($0) }
    return column.resolve(
      byFid: false, rowOfFid: { _ in LinkColumn.none },
      rowOfKey: {
        let source = keys.row($0)
        return source == LinkColumn.none ? source : rowOfSource[Int(source)]
      })
  }
}

extension Segment {
  /// Rows by fid, for resolving many.
  func fidLookup() throws(SnapshotDamage) -> (Int64) -> UInt32 {
    let bytes = try checkedFidIndex()
    switch bytes {
    case .dense(let first, let rows):
      return { fid in
        let (index, overflow) = fid.subtractingReportingOverflow(first)
        return overflow || index < 0 || index >= rows.count ? LinkColumn.none : rows.start[Int(index)]
      }
    case .sparse(let fids, let rows):
      var table: [Int64: UInt32] = [:]
      table.reserveCapacity(fids.count)
      for i in 0..<fids.count { table[fids.start[i]] = rows.start[i] }
      return { table[$0] ?? LinkColumn.none }
    }
  }

  /// All rows, those with lower fids first.
  private func rowsByFid() throws(SnapshotDamage) -> [Int] {
    switch try checkedFidIndex() {
    case .dense(_, let rows), .sparse(_, let rows):
      var result: [Int] = []
      result.reserveCapacity(rowCount)
      for i in 0..<rows.count where rows.start[i] != LinkColumn.none { result.append(Int(rows.start[i])) }
      return result
    }
  }

  /// Rows by a column of text or whole numbers; nil where there is no such column.
  func keyTable(column name: String) throws(SnapshotDamage) -> KeyTable? {
    guard let index = columnIndex(named: name) else { return nil }
    let rows = try rowsByFid()
    switch try column(index) {
    case .text(let strings):
      return KeyTable(rows: rows, count: rowCount) { strings.validity[$0] ? strings.utf8($0) : nil }
    case .dictionary(let strings):
      return KeyTable(rows: rows, count: rowCount) {
        strings.validity[$0] ? strings.dictionary.utf8(Int(strings.code($0))) : nil
      }
    case .int8, .int16, .int32, .int64:
      let digits = TextAccumulator(mayRepeat: false)
      var isValid: [Bool] = []
      for row in 0..<rowCount {
        if case .int(let number) = try value(index, row) {
          var text = String(number)
          text.withUTF8 { digits.append($0) }
          isValid.append(true)
        } else {
          digits.appendPlaceholder()
          isValid.append(false)
        }
      }
      return KeyTable(rows: rows, count: rowCount) { isValid[$0] ? digits[$0] : nil }
    default:
      return nil
    }
  }
}
