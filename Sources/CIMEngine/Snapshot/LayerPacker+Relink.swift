extension LayerPacker {
  /// Writes the link table of a layer anew, whose segment stays: a target has been packed in another order, or its keys
  /// have changed.
  ///
  /// - Parameters:
  ///   - segment: the layer's segment, the order of its rows kept.
  ///   - builder: the values of the linking columns as they are in the database now, in any order of rows; other columns
  ///     are not looked at.
  ///   - links: what the columns name, targets packed; `segment` is nil for the layer itself.
  /// - Throws: `SnapshotDamage` when the segment does not hold the rows that the database has.
  static func relink(
    _ segment: Segment, _ builder: SegmentBuilder, links: [LinkTarget], to path: String
  ) throws -> (digest: FileDigest, notices: [String]) {
    guard builder.rowCount == segment.rowCount else {
      throw segment.file.damage("holds other rows than the database")
    }
    let rowOfFid = try segment.fidLookup()
    var sources = [UInt32](repeating: LinkColumn.none, count: builder.rowCount)
    for source in 0..<builder.rowCount {
      let row = rowOfFid(builder.fids[source])
      guard row != LinkColumn.none, sources[Int(row)] == LinkColumn.none else {
        throw segment.file.damage("holds other rows than the database")
      }
      sources[Int(row)] = UInt32(source)
    }
    let order = RowOrder(sources: sources, placedCount: segment.placedCount)
    var resolved: [(link: LinkTarget, rows: GrowingBuffer<UInt32>)] = []
    for link in links {
      if let target = link.segment {
        resolved.append((link, try resolve(builder.columns[link.column], link, in: target)))
      } else {
        resolved.append((link, resolveWithin(builder, link, order)))
      }
    }
    let (drafts, notices) = makeDrafts(resolved, builder, order, orderID: segment.orderID)
    let digest = try LinkTable.write(drafts, orderID: segment.orderID, rowCount: segment.rowCount, to: path)
    return (digest, notices)
  }
}
