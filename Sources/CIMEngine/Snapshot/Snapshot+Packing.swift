internal import Glibc

extension Snapshot {
  /// Packs rows in memory into a snapshot that lives in files already removed: for tests and small things.
  ///
  /// ```swift
  /// let city = try Snapshot.inMemory(catalog, ["shelter": [SegmentRow(fid: 1, values: [.text("S-1")], geometry: …)]])
  /// let shelters = try city.segment(named: "shelter")!
  /// ```
  /// Links are those of the catalogue. A layer without rows is empty.
  package static func inMemory(_ catalog: Catalog, _ rows: [String: [SegmentRow]]) throws -> Snapshot {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array((base + "/cimq-snapshot-XXXXXX").utf8CString)
    guard template.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!) }) != nil else {
      throw StoreError(.file, "\(base): no folder can be made there: \(lastSystemError())")
    }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { removeFolder(folder) }
    let state = SnapshotState(databaseID: catalog.databaseID, revision: 0, token: 0, schemaVersion: 0)
    let packing = SnapshotPacking(folder: folder, state: state, catalog: catalog)
    try packing.packAll { layer, builder in
      for row in rows[catalog.layers[layer].name] ?? [] { builder.append(row) }
    }
    try packing.manifest().write(in: folder)
    return try open(folder)
  }
}

/// Packs the layers of a database one after another, targets of links first.
final class SnapshotPacking {
  let folder: String
  let state: SnapshotState
  private(set) var catalog: Catalog
  private(set) var notices: [String] = []
  private var entries: [Manifest.Layer?]
  /// Segments packed or kept so far, for resolving links.
  private var segments: [Segment?]

  init(folder: String, state: SnapshotState, catalog: Catalog) {
    self.folder = folder
    self.state = state
    self.catalog = catalog
    entries = Array(repeating: nil, count: catalog.layers.count)
    segments = Array(repeating: nil, count: catalog.layers.count)
  }

  /// The layers so that those that others name come first; in a circle of links, by the catalogue.
  static func order(of catalog: Catalog) -> [Int] {
    var result: [Int] = []
    var seen = Set<Int>()
    func visit(_ layer: Int) {
      guard seen.insert(layer).inserted else { return }
      for link in catalog.links where catalog.layerIndex(named: link.layer) == layer {
        if let target = catalog.layerIndex(named: link.targetLayer) { visit(target) }
      }
      result.append(layer)
    }
    for layer in catalog.layers.indices { visit(layer) }
    return result
  }

  func packAll(_ fill: (_ layer: Int, SegmentBuilder) throws -> Void) throws {
    for layer in Self.order(of: catalog) { try pack(layer) { try fill(layer, $0) } }
  }

  /// The links of a layer, as columns and targets.
  private func links(of layer: Int) -> [(column: Int, target: Int, targetColumn: String)] {
    let own = catalog.layers[layer]
    return catalog.links.compactMap { link in
      guard catalog.layerIndex(named: link.layer) == layer,
        let column = own.columns.firstIndex(where: { $0.name.lowercased() == link.column.lowercased() }),
        let target = catalog.layerIndex(named: link.targetLayer)
      else { return nil }
      return (column, target, link.targetColumn)
    }
  }

  /// Columns that rows are looked up by: id, code, name, and what links name.
  private func indexedColumns(of layer: Int) -> Set<Int> {
    var names: Set<String> = ["id", "code", "name"]
    for link in catalog.links where catalog.layerIndex(named: link.targetLayer) == layer {
      names.insert(link.targetColumn.lowercased())
    }
    return Set(catalog.layers[layer].columns.indices.filter { names.contains(catalog.layers[layer].columns[$0].name.lowercased()) })
  }

  func pack(_ layer: Int, _ fill: (SegmentBuilder) throws -> Void) throws {
    let links = links(of: layer)
    let byFid = Set(links.filter { $0.targetColumn.lowercased() == "fid" }.map(\.column))
    let builder = SegmentBuilder(layer: catalog.layers[layer], fidLinks: byFid)
    try fill(builder)
    let targets = links.compactMap { link -> LinkTarget? in
      guard link.target == layer || segments[link.target] != nil else { return nil }
      return LinkTarget(
        column: link.column, layer: link.target, layerName: catalog.layers[link.target].name,
        targetColumn: link.targetColumn, segment: link.target == layer ? nil : segments[link.target])
    }
    let stem = "\(folder)/\(Self.fileStem(catalog.layers[layer].name))-\(layer)-\(getpid())"
    let (segmentPath, linksPath) = (stem + ".seg.new", stem + ".links.new")
    unlink(segmentPath)
    unlink(linksPath)
    let output = try LayerPacker.pack(
      builder, links: targets, indexed: indexedColumns(of: layer), segmentPath: segmentPath, linksPath: linksPath)
    notices += output.notices
    let name = "\(Self.fileStem(catalog.layers[layer].name))-\(layer)-r\(state.revision)-"
    var entry = Manifest.Layer(
      segmentFile: name + Self.hexadecimal(output.segment.checksum) + ".seg", segmentDigest: output.segment,
      linksFile: nil, linksDigest: output.links, orderID: output.orderID, rowCount: output.rowCount)
    try move(segmentPath, to: entry.segmentFile)
    if let links = output.links {
      entry.linksFile = name + Self.hexadecimal(links.checksum) + ".links"
      try move(linksPath, to: entry.linksFile!)
    }
    catalog.layers[layer].rowCount = output.rowCount
    entries[layer] = entry
    let isTarget = catalog.links.contains { catalog.layerIndex(named: $0.targetLayer) == layer }
    if isTarget {
      let linkFile = try entry.linksFile.map { try BlockFile(path: folder + "/" + $0) }
      segments[layer] = try Segment(
        file: try BlockFile(path: folder + "/" + entry.segmentFile), links: linkFile,
        layerIndex: { [catalog] in catalog.layerIndex(named: $0) })
    }
  }

  private func move(_ path: String, to name: String) throws {
    guard rename(path, folder + "/" + name) == 0 else {
      throw StoreError(.file, "\(folder)/\(name): cannot be written: \(lastSystemError())")
    }
  }

  func manifest() -> Manifest {
    Manifest(state: state, catalog: catalog, layers: entries.map { $0! })
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

/// Removes a folder and the files in it; folders inside stay, and then so does the folder.
func removeFolder(_ path: String) {
  guard let folder = opendir(path) else { return }
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != ".", name != ".." { unlink(path + "/" + name) }
  }
  closedir(folder)
  rmdir(path)
}
