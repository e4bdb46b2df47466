internal import Glibc
internal import Synchronization

/// A whole database as mapped columns: a catalogue, and a segment for each layer.
///
/// A snapshot is immutable. All its files are held open from the start, so it stays whole while another process replaces
/// them; a statement keeps one snapshot from start to end. Segments are mapped when first asked for.
public final class Snapshot: Sendable {
  /// The catalogue as of the snapshot's revision; row counts are those of the segments.
  public let catalog: Catalog
  /// The folder.
  public let path: String
  /// The state of the database that the snapshot shows.
  public let state: SnapshotState
  let manifest: Manifest
  private let slots: [Slot]
  /// Edits since, laid over what the files hold; nil when the files are all.
  let overlay: SnapshotOverlay?

  /// The files of one layer: descriptors until they are mapped.
  private final class Slot: Sendable {
    enum Files: Sendable {
      case closed(segment: Int32, links: Int32?)
      case mapped(Segment)
      case damaged(SnapshotDamage)
    }
    let files: Mutex<Files>
    init(segment: Int32, links: Int32?) { files = Mutex(.closed(segment: segment, links: links)) }
    deinit {
      files.withLock { files in
        if case .closed(let segment, let links) = files {
          close(segment)
          if let links { close(links) }
        }
      }
    }
  }

  /// Opens the snapshot in folder `path` as it is; see ``current(for:notice:progress:)`` for one that is known to
  /// be up to date. Reads the manifest only.
  ///
  /// - Throws: ``SnapshotDamage`` when there is none, or its manifest or one of its files is not what was written.
  public static func open(_ path: String) throws(SnapshotDamage) -> Snapshot {
    // A writer may replace the manifest and remove the old files between the two steps; then there is a new manifest.
    for _ in 0..<8 {
      let manifest = try Manifest.read(in: path)
      do throws(SnapshotDamage) {
        return try Snapshot(path: path, manifest: manifest)
      } catch {
        if try Manifest.read(in: path) == manifest { throw error }
      }
    }
    throw SnapshotDamage(path: path, finding: "is replaced faster than it can be opened")
  }

  init(path: String, manifest: Manifest) throws(SnapshotDamage) {
    self.path = path
    self.manifest = manifest
    catalog = manifest.catalog
    state = manifest.state
    var slots: [Slot] = []
    for layer in manifest.layers {
      let segment = try BlockFile.open(path + "/" + layer.segmentFile)
      do throws(SnapshotDamage) {
        let links = try layer.linksFile.map { (name) throws(SnapshotDamage) in try BlockFile.open(path + "/" + name) }
        slots.append(Slot(segment: segment, links: links))
      } catch {
        close(segment)
        throw error
      }
    }
    self.slots = slots
    overlay = nil
  }

  /// `base` with edits laid over it.
  init(_ base: Snapshot, _ overlay: SnapshotOverlay, state: SnapshotState, catalog: Catalog) {
    path = base.path
    manifest = base.manifest
    slots = base.slots
    self.overlay = overlay
    self.state = state
    self.catalog = catalog
  }

  /// Whether every edit of every layer is logged.
  var isTracked: Bool { manifest.layers.allSatisfy(\.isTracked) }

  /// The segment of a layer, by its index in the catalogue.
  public func segment(_ layer: Int) throws(SnapshotDamage) -> Segment {
    if let overlay { return try overlay.segment(layer, catalog.layers[layer]) }
    return try slots[layer].files.withLock { (files) throws(SnapshotDamage) in
      switch files {
      case .mapped(let segment): return segment
      case .damaged(let damage): throw damage
      case .closed(let descriptor, let links):
        do throws(SnapshotDamage) {
          let segment = try map(layer, descriptor, links)
          files = .mapped(segment)
          return segment
        } catch {
          files = .damaged(error)
          throw error
        }
      }
    }
  }

  /// The segment of a layer, by name; nil when there is no such layer.
  public func segment(named name: String) throws(SnapshotDamage) -> Segment? {
    guard let layer = catalog.layerIndex(named: name) else { return nil }
    return try segment(layer)
  }

  private func map(_ layer: Int, _ descriptor: Int32, _ links: Int32?) throws(SnapshotDamage) -> Segment {
    let entry = manifest.layers[layer]
    let file: BlockFile
    do throws(SnapshotDamage) {
      file = try BlockFile(descriptor: descriptor, path: path + "/" + entry.segmentFile)
    } catch {
      if let links { close(links) }
      throw error
    }
    let linkFile = try links.map { (links) throws(SnapshotDamage) in
      try BlockFile(descriptor: links, path: path + "/" + entry.linksFile!)
    }
    guard file.digest == entry.segmentDigest else { throw file.damage("is not the file that the manifest names") }
    if let linkFile, linkFile.digest != entry.linksDigest {
      throw linkFile.damage("is not the file that the manifest names")
    }
    let segment = try Segment(
      file: file, links: linkFile, layer: catalog.layers[layer], layerIndex: { catalog.layerIndex(named: $0) })
    guard segment.orderID == entry.orderID, segment.rowCount == entry.rowCount else {
      throw file.damage("is not the layer that the manifest names")
    }
    for link in segment.links?.entries ?? [] {
      guard let target = catalog.layerIndex(named: link.targetLayer),
        link.targetOrder == manifest.layers[target].orderID,
        link.targetRowCount == manifest.layers[target].rowCount
      else { throw linkFile!.damage("links to another order of the rows of \(link.targetLayer)") }
    }
    return segment
  }

  /// One value, for lookups and tests; a link by fid shows the id of the row that it names.
  public func value(layer: Int, column: Int, row: Int) throws(SnapshotDamage) -> Value {
    let own = try segment(layer)
    guard let link = try own.link(column, rows: row..<row + 1), link.isResolvedByFid else {
      return try own.value(column, row)
    }
    guard link.rows[row] != LinkColumn.none else { return .null }
    let target = try segment(link.targetLayer)
    return .text(try target.id(Int(link.rows[row])))
  }
}

/// Which state of a database a snapshot shows: the last entry of its log of changes.
public struct SnapshotState: Sendable, Equatable {
  public var revision: Revision
  /// SQLite's schema cookie: as long as it stands, no table was dropped or made anew.
  public var schemaVersion: Int64

  public init(revision: Revision, schemaVersion: Int64) {
    self.revision = revision
    self.schemaVersion = schemaVersion
  }
}
