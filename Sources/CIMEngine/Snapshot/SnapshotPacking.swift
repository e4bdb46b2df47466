internal import Dispatch
internal import Glibc

/// Packs the layers of a database into the files of a snapshot, targets of links first. Layers of an earlier snapshot
/// that have not changed are kept as they are; links are resolved anew where a target has changed.
final class SnapshotPacking {
  /// Gives a builder the rows of a layer in ascending fid, the columns that it takes (`SegmentBuilder.taken`); returns
  /// what is to be said about them.
  typealias Fill = (_ layer: Int, SegmentBuilder) throws -> [String]

  let folder: String
  let state: SnapshotState
  private(set) var catalog: Catalog
  private(set) var notices: [String] = []
  /// By layer: the entry of the earlier snapshot that is still good.
  private let kept: [Int: Manifest.Layer]
  private var entries: [Manifest.Layer?]
  /// Without links: for resolving those of others.
  private var segments: [Segment?]
  private var repacked: Set<Int> = []

  private let untracked: Set<Int>

  init(
    folder: String, state: SnapshotState, catalog: Catalog, kept: [Int: Manifest.Layer] = [:],
    untracked: Set<Int> = []
  ) {
    self.folder = folder
    self.state = state
    self.catalog = catalog
    self.kept = kept
    self.untracked = untracked
    entries = Array(repeating: nil, count: catalog.layers.count)
    segments = Array(repeating: nil, count: catalog.layers.count)
  }

  /// A link of a layer: an index among its columns, and what it names.
  struct Link: Equatable {
    var column: Int
    var target: Int
    var targetColumn: String
    var isByFid: Bool { targetColumn.lowercased() == "fid" }
  }

  /// The links of a layer whose both ends are there.
  static func links(of layer: Int, in catalog: Catalog) -> [Link] {
    let own = catalog.layers[layer]
    return catalog.links.compactMap { link in
      guard catalog.layerIndex(named: link.layer) == layer,
        let column = own.columns.firstIndex(where: { $0.name.lowercased() == link.column.lowercased() }),
        let target = catalog.layerIndex(named: link.targetLayer)
      else { return nil }
      return Link(column: column, target: target, targetColumn: link.targetColumn)
    }
  }

  private func links(of layer: Int) -> [Link] { Self.links(of: layer, in: catalog) }

  /// The layers so that those that others name come first; in a circle of links, by the catalogue.
  static func order(of catalog: Catalog) -> [Int] {
    var result: [Int] = []
    var seen = Set<Int>()
    func visit(_ layer: Int) {
      guard seen.insert(layer).inserted else { return }
      for link in links(of: layer, in: catalog) { visit(link.target) }
      result.append(layer)
    }
    for layer in catalog.layers.indices { visit(layer) }
    return result
  }

  /// While the rows of a layer are read, the one before it is written by a second thread; the rows of two layers are in
  /// memory at most.
  func packAll(_ fill: Fill) throws {
    var writing: (layer: Int, task: BackgroundTask<Packed>)?
    defer { writing?.task.finish() }
    for layer in Self.order(of: catalog) {
      if try keep(layer) { continue }
      let byFid = links(of: layer).filter(\.isByFid).map(\.column)
      let builder = SegmentBuilder(layer: catalog.layers[layer], fidLinks: Set(byFid))
      notices += try fill(layer, builder)
      if let before = writing {
        writing = nil
        take(try before.task.value(), as: before.layer)
      }
      writing = (layer, startWriting(layer, builder))
    }
    if let last = writing {
      writing = nil
      take(try last.task.value(), as: last.layer)
    }
    for layer in catalog.layers.indices where try !hasGoodLinks(layer) { try relink(layer, fill) }
  }

  func manifest() -> Manifest {
    Manifest(state: state, catalog: catalog, layers: entries.map { $0! })
  }

  // MARK: One layer

  /// Takes a layer over from the earlier snapshot, if its segment can be opened.
  private func keep(_ layer: Int) throws -> Bool {
    guard let entry = kept[layer] else { return false }
    do throws(SnapshotDamage) {
      let file = try BlockFile(path: folder + "/" + entry.segmentFile)
      guard file.digest == entry.segmentDigest else { return false }
      segments[layer] = try Segment(file: file, layer: catalog.layers[layer], needsLinks: false)
    } catch {
      return false
    }
    catalog.layers[layer].rowCount = entry.rowCount
    entries[layer] = entry
    return true
  }

  private func targets(_ links: [Link], of layer: Int) -> [LinkTarget] {
    links.compactMap { link in
      guard link.target == layer || segments[link.target] != nil else { return nil }
      return LinkTarget(
        column: link.column, layer: link.target, layerName: catalog.layers[link.target].name,
        targetColumn: link.targetColumn, segment: link.target == layer ? nil : segments[link.target])
    }
  }

  /// Columns that rows are looked up by: id, code, name, and what links name.
  private func indexedColumns(of layer: Int) -> Set<Int> {
    var names: Set<String> = ["id", "code", "name"]
    for link in catalog.links where catalog.layerIndex(named: link.targetLayer) == layer {
      names.insert(link.targetColumn.lowercased())
    }
    let columns = catalog.layers[layer].columns
    return Set(columns.indices.filter { names.contains(columns[$0].name.lowercased()) })
  }

  /// A layer written: its entry in the manifest, and its segment for resolving the links of others.
  private struct Packed {
    var entry: Manifest.Layer
    var segment: Segment
    var notices: [String]
  }

  /// Writes the files of a layer whose targets are all there; a small layer at once, a large one in another thread.
  private func startWriting(_ layer: Int, _ builder: SegmentBuilder) -> BackgroundTask<Packed> {
    let known = catalog.layers[layer]
    let targets = targets(links(of: layer), of: layer)
    let indexed = indexedColumns(of: layer)
    let paths = temporaryPaths(layer)
    let isTracked = !untracked.contains(layer)
    return BackgroundTask(inline: builder.rowCount < 50_000) { [self] in
      let output = try LayerPacker.pack(
        builder, links: targets, indexed: indexed, segmentPath: paths.segment, linksPath: paths.links)
      var entry = Manifest.Layer(
        segmentFile: fileName(known, layer, output.segment, "seg"), segmentDigest: output.segment, linksFile: nil,
        linksDigest: output.links, orderID: output.orderID, rowCount: output.rowCount, isTracked: isTracked)
      try WholeFile.move(paths.segment, to: folder + "/" + entry.segmentFile)
      if let links = output.links {
        entry.linksFile = fileName(known, layer, links, "links")
        try WholeFile.move(paths.links, to: folder + "/" + entry.linksFile!)
      }
      let file = try BlockFile(path: folder + "/" + entry.segmentFile)
      return Packed(
        entry: entry, segment: try Segment(file: file, layer: known, needsLinks: false), notices: output.notices)
    }
  }

  private func take(_ packed: Packed, as layer: Int) {
    notices += packed.notices
    catalog.layers[layer].rowCount = packed.entry.rowCount
    entries[layer] = packed.entry
    segments[layer] = packed.segment
    repacked.insert(layer)
  }

  // MARK: Links

  /// Whether the table of links of a layer says what the layers as they are now would give.
  private func hasGoodLinks(_ layer: Int) throws -> Bool {
    let links = links(of: layer)
    guard let entry = entries[layer], let name = entry.linksFile else { return links.isEmpty }
    let table: LinkTable
    do throws(SnapshotDamage) {
      let file = try BlockFile(path: folder + "/" + name)
      guard file.digest == entry.linksDigest else { return false }
      table = try LinkTable(file, rowCount: entry.rowCount)
    } catch {
      return false
    }
    guard table.orderID == entry.orderID, table.entries.count == links.count else { return false }
    return links.allSatisfy { link in
      guard let target = entries[link.target],
        let known = table.entries.first(where: { $0.column == link.column })
      else { return false }
      // A target packed anew may have other keys in the same rows; its fids are those of the order.
      let areKeysKnown = link.isByFid || repacked.contains(layer) || !repacked.contains(link.target)
      return known.targetLayer == catalog.layers[link.target].name && known.targetColumn == link.targetColumn
        && known.targetOrder == target.orderID && known.targetRowCount == target.rowCount && areKeysKnown
    }
  }

  private func relink(_ layer: Int, _ fill: Fill) throws {
    let links = links(of: layer)
    guard !links.isEmpty else {
      entries[layer]!.linksFile = nil
      entries[layer]!.linksDigest = nil
      return
    }
    // A link within the layer is resolved by a column of the layer itself.
    let names = Set(links.filter { $0.target == layer }.map { $0.targetColumn.lowercased() })
    let columns = catalog.layers[layer].columns
    let taken = Set(links.map(\.column)).union(columns.indices.filter { names.contains(columns[$0].name.lowercased()) })
    let builder = SegmentBuilder(
      layer: catalog.layers[layer], fidLinks: Set(links.filter(\.isByFid).map(\.column)), only: taken)
    _ = try fill(layer, builder)
    let path = temporaryPaths(layer).links
    let (digest, remarks) = try LayerPacker.relink(
      segments[layer]!, builder, links: targets(links, of: layer), to: path)
    notices += remarks
    let name = fileName(catalog.layers[layer], layer, digest, "links")
    try WholeFile.move(path, to: folder + "/" + name)
    entries[layer]!.linksFile = name
    entries[layer]!.linksDigest = digest
  }

  // MARK: Files

  private func temporaryPaths(_ layer: Int) -> (segment: String, links: String) {
    let stem = "\(folder)/\(Self.fileStem(catalog.layers[layer].name))-\(layer).\(getpid())"
    let paths = (segment: stem + ".seg.new", links: stem + ".links.new")
    unlink(paths.segment)
    unlink(paths.links)
    return paths
  }

  private func fileName(_ known: Catalog.Layer, _ layer: Int, _ digest: FileDigest, _ suffix: String) -> String {
    let stem = Self.fileStem(known.name)
    return "\(stem)-\(layer)-r\(state.revision.revision)-\(Self.hexadecimal(digest.checksum)).\(suffix)"
  }

  /// A layer's name as part of a file name: letters, digits and `_`, at most forty.
  static func fileStem(_ name: String) -> String {
    String(
      decoding: name.utf8.prefix(40).map { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          byte
        default: UInt8(ascii: "_")
        }
      }, as: UTF8.self)
  }

  static func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}

/// One piece of work in another thread, or at once.
private final class BackgroundTask<Value>: @unchecked Sendable {
  private var result: Result<Value, any Error>?
  private let done = DispatchSemaphore(value: 0)
  private var isFinished = false

  /// What `work` reads must not be written until ``value()`` has returned.
  init(inline: Bool, _ work: @escaping () throws -> Value) {
    nonisolated(unsafe) let work = work
    let run: @Sendable () -> Void = { [self] in
      result = Result { try work() }
      done.signal()
    }
    if inline { run() } else { DispatchQueue.global(qos: .userInitiated).async(execute: run) }
  }

  /// Waits for the end.
  func finish() {
    if !isFinished { done.wait() }
    isFinished = true
  }

  func value() throws -> Value {
    finish()
    return try result!.get()
  }
}
