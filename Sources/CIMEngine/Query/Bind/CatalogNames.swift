internal import Synchronization

/// The catalogue by names: layers and columns in any case or language, and the links as a graph.
final class CatalogNames: Sendable {
  let catalog: Catalog
  private let layerByName: [String: Int]
  /// For each layer, worked out when first asked for.
  private let columnsByLayer: Mutex<[[String: Int]?]>
  /// The links that leave each layer, in the catalogue's order.
  let steps: [[LinkStep]]

  private static let last = Mutex<CatalogNames?>(nil)

  /// The names of `catalog`: those made for the last statement while the catalogue is the same, which costs nothing to
  /// find out when its layers are the same array.
  static func of(_ catalog: Catalog) -> CatalogNames {
    last.withLock { last in
      if let last, last.catalog == catalog { return last }
      let names = CatalogNames(catalog)
      last = names
      return names
    }
  }

  private init(_ catalog: Catalog) {
    self.catalog = catalog
    var layerByName: [String: Int] = [:]
    // Own names win over aliases, and the first alias over later ones.
    for (i, layer) in catalog.layers.enumerated() { layerByName[layer.name.lowercased()] = i }
    for (i, layer) in catalog.layers.enumerated() {
      for alias in layer.aliases where layerByName[alias.lowercased()] == nil { layerByName[alias.lowercased()] = i }
    }
    var steps = [[LinkStep]](repeating: [], count: catalog.layers.count)
    for link in catalog.links {
      guard let from = layerByName[link.layer.lowercased()], let target = layerByName[link.targetLayer.lowercased()],
        let column = catalog.layers[from].columns.firstIndex(where: { $0.name.lowercased() == link.column.lowercased() }
        )
      else { continue }
      steps[from].append(
        LinkStep(fromLayer: from, column: column, targetLayer: target, targetColumn: link.targetColumn))
    }
    self.steps = steps
    self.layerByName = layerByName
    columnsByLayer = Mutex(Array(repeating: nil, count: catalog.layers.count))
  }

  func layer(_ name: String) -> Int? { layerByName[name.lowercased()] }

  /// A column by its name, else by an alias.
  func column(_ name: String, of layer: Int) -> Int? {
    columnsByLayer.withLock { layers in
      if layers[layer] == nil { layers[layer] = columns(of: layer) }
      return layers[layer]![name.lowercased()]
    }
  }

  private func columns(of layer: Int) -> [String: Int] {
    var columns: [String: Int] = [:]
    for (i, column) in catalog.layers[layer].columns.enumerated() { columns[column.name.lowercased()] = i }
    for (i, column) in catalog.layers[layer].columns.enumerated() {
      for alias in column.aliases where columns[alias.lowercased()] == nil { columns[alias.lowercased()] = i }
    }
    return columns
  }

  /// Whether `name` means the geometry of a layer.
  func isGeometry(_ name: String, of layer: Int) -> Bool {
    let own = catalog.layers[layer].geometry?.name.lowercased()
    return name.lowercased() == own ?? "geom" || name == "几何" || name == "图形"
  }

  // MARK: Links

  /// The shortest chains of links from one layer to another, at most two (which is one too many).
  func chains(from: Int, to: Int) -> [[LinkStep]] {
    shortest(from: from) { $0 == to }
  }

  /// How a row of `layer` comes by a geometry: its own (empty), that at the end of the shortest chain of links, the
  /// first declared where several are as short, or nil.
  func geometryPath(of layer: Int) -> [LinkStep]? {
    if catalog.layers[layer].geometry != nil { return [] }
    return shortest(from: layer) { self.catalog.layers[$0].geometry != nil }.first
  }

  private func shortest(from: Int, _ isEnd: (Int) -> Bool) -> [[LinkStep]] {
    var paths: [[LinkStep]] = [[]]
    var seen: Set<Int> = [from]
    while !paths.isEmpty {
      var longer: [[LinkStep]] = []
      for path in paths {
        for step in steps[path.last?.targetLayer ?? from] where !seen.contains(step.targetLayer) {
          longer.append(path + [step])
        }
      }
      let found = longer.filter { isEnd($0.last!.targetLayer) }
      if !found.isEmpty { return Array(found.prefix(2)) }
      // Two ways to one layer are as good as many.
      var counts: [Int: Int] = [:]
      paths = longer.filter {
        counts[$0.last!.targetLayer, default: 0] += 1
        return counts[$0.last!.targetLayer]! <= 2
      }
      seen.formUnion(counts.keys)
    }
    return []
  }

  /// `unit.building` for a step.
  func spell(_ step: LinkStep) -> String {
    "\(catalog.layers[step.fromLayer].name).\(catalog.layers[step.fromLayer].columns[step.column].name)"
  }

  // MARK: Suggestions

  func unknownLayer(_ name: Name, also: [String] = []) -> QueryError {
    let names = catalog.layers.map(\.name) + catalog.layers.flatMap(\.aliases) + also
    var fix = Spelling.nearest(to: name.text, among: names).map { "did you mean `\($0)`?" }
    if fix == nil {
      let layers = catalog.layers.map(\.name)
      fix = layers.isEmpty ? "the database has no layers yet" : "there are: \(Self.list(layers, limit: 12))"
    }
    return QueryError(.unknownLayer(name.text), at: name.range, fix: fix)
  }

  static func list(_ names: [String], limit: Int) -> String {
    names.prefix(limit).joined(separator: ", ") + (names.count > limit ? ", …" : "")
  }
}
