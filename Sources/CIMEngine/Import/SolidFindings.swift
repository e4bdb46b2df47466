/// Which solids do not close around space, or are turned wrongly, with feature and face.
struct SolidFindings {
  private var solids = 0
  private var unsound = 0
  private var examples: [String] = []
  private static let shown = 20

  init() {}

  /// The solids of every layer of a store.
  init(_ store: Store) throws(StoreError) {
    do {
      var found = SolidFindings()
      try store.read { reader in
        for table in try reader.catalog().solids {
          try reader.forEachSolidGeometry(in: table) { solid, parent in found.add(solid, of: parent) }
        }
      }
      self = found
    } catch { throw StoreError(error, path: store.path) }
  }

  /// Checks each shell of a solid; other geometries need not close.
  mutating func add(_ solid: SolidGeometry, of feature: String) {
    guard solid.isSolid else { return }
    solids += 1
    let faces = solid.surfaces.partOffsets.count - 1
    let starts = solid.shellStarts.filter { $0 < faces } + [faces]
    var findings: [String] = []
    for (shell, (start, end)) in zip(starts, starts.dropFirst()).enumerated() {
      // The shells after the first bound holes: they look inward.
      for finding in SurfaceCheck(solid.surfaces, faces: start..<end).findings where shell == 0 || finding != .insideOut
      {
        findings.append(finding.description)
      }
    }
    guard !findings.isEmpty else { return }
    unsound += 1
    guard examples.count < Self.shown else { return }
    let part = solid.object == feature ? "" : " of '\(solid.object)'"
    let lod = solid.lod.isEmpty ? "" : " LoD \(solid.lod)"
    examples.append("'\(feature)': \(solid.kind)\(lod)\(part): \(findings.joined(separator: "; "))")
  }

  var lines: [String] {
    guard unsound > 0 else { return [] }
    var lines = ["\(unsound) of \(solids) solids are not sound (closed, manifold, all faces outward)"]
    lines += examples
    if unsound > examples.count { lines.append("… and \(unsound - examples.count) more") }
    return lines
  }
}
