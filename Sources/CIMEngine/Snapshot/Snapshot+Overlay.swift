internal import Synchronization

/// The edits since a snapshot was packed, laid over it.
final class SnapshotOverlay: Sendable {
  /// What was packed.
  let base: Snapshot
  /// By layer.
  let layers: [Int: SegmentOverlay]
  private let segments: Mutex<[Int: Segment]> = Mutex([:])
  /// Tables of links.
  private let memory = PrivateMemory()

  init(_ base: Snapshot, _ layers: [Int: SegmentOverlay]) {
    self.base = base
    self.layers = layers
  }

  /// Rows that are not read from the packed files.
  var rowCount: Int { layers.values.reduce(0) { $0 + $1.placement.rows.count } }

  /// The segment of a layer as it is now.
  ///
  /// - Parameter known: the layer as the catalogue has it.
  func segment(_ layer: Int, _ known: Catalog.Layer) throws(SnapshotDamage) -> Segment {
    try segments.withLock { (segments) throws(SnapshotDamage) in
      if let made = segments[layer] { return made }
      let own = OverlayLinks.Side(base: try base.segment(layer), overlay: layers[layer])
      var links: [Int: LinkColumn] = [:]
      for link in SnapshotPacking.links(of: layer, in: base.catalog)
      where own.overlay != nil || layers[link.target] != nil {
        let target = OverlayLinks.Side(base: try base.segment(link.target), overlay: layers[link.target])
        if let view = try OverlayLinks(link: link, own: own, target: target, memory: memory).view() {
          links[link.column] = view
        }
      }
      let made =
        own.overlay == nil && links.isEmpty
        ? own.base : Segment(own.base, overlay: own.overlay, links: links, keeping: memory, layer: known)
      segments[layer] = made
      return made
    }
  }
}

extension Snapshot {
  /// A snapshot of what the reader sees: `base` with the edits since laid over it. nil when those are too many, or not
  /// all known from the log, so that layers have to be packed anew.
  ///
  /// - Parameter limit: of edited rows in one layer.
  static func overlaying(_ base: Snapshot, _ reader: StoreReader, limit: Int) throws -> Snapshot? {
    let state = SnapshotState(revision: try reader.revision(), schemaVersion: try reader.schemaVersion())
    if base.state == state { return base }
    guard base.state.schemaVersion == state.schemaVersion, base.state.revision.uuid == state.revision.uuid,
      base.manifest.layers.allSatisfy(\.isTracked),
      state.revision.revision - base.state.revision.revision <= Int64(20 * limit),
      let changes = try reader.changes(since: base.state.revision), !changes.isCatalogChanged,
      changes.layers.allSatisfy({ !$0.isBulk && $0.rowids.count <= limit })
    else { return nil }
    let stored = try reader.catalog()
    guard stored.isRecorded, stored.layers.count == base.catalog.layers.count,
      stored.catalog.links == base.catalog.links, stored.catalog.workingCRS == base.catalog.workingCRS,
      zip(stored.layers, base.catalog.layers).allSatisfy({ $0.isTracked && $0.layer.hasSameShape(as: $1) })
    else { return nil }
    do {
      var catalog = stored.catalog
      for i in catalog.layers.indices { catalog.layers[i].rowCount = base.catalog.layers[i].rowCount }
      var layers: [Int: SegmentOverlay] = [:]
      for change in changes.layers {
        // 3D geometry is in no layer.
        guard let index = stored.index(of: change.layer) else { continue }
        let links = SnapshotPacking.links(of: index, in: base.catalog)
        let segment = try base.segment(index)
        guard
          let edits = try reader.edits(
            of: stored.layers[index], rowids: change.rowids, base: segment,
            fidLinks: Set(links.filter(\.isByFid).map(\.column)))
        else { return nil }
        for link in links {
          guard OverlayLinks.isPossible(link, target: try base.segment(link.target)) else { return nil }
        }
        for other in catalog.layers.indices {
          for link in SnapshotPacking.links(of: other, in: base.catalog) where link.target == index {
            guard OverlayLinks.isPossible(link, target: segment) else { return nil }
          }
        }
        let overlay = try SegmentOverlay(segment, edits)
        layers[index] = overlay
        catalog.layers[index].rowCount = overlay.rowCount
      }
      return Snapshot(base, SnapshotOverlay(base, layers), state: state, catalog: catalog)
    } catch is SegmentOverlay.NotPossible {
      return nil
    } catch is SnapshotDamage {
      return nil
    }
  }

  /// What was packed, without the edits laid over it.
  var packed: Snapshot { overlay?.base ?? self }

  /// Rows that were edited since the layers were packed.
  package var overlayRowCount: Int { overlay?.rowCount ?? 0 }
}
