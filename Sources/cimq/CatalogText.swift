internal import CIMEngine
internal import SpatialIndex

/// The catalogue in words: `.layers`, `.schema`, `cimq info`.
enum CatalogText {
  static func layers(_ catalog: Catalog, chinese: Bool) -> String {
    let header = chinese ? ["图层", "中文", "几何", "行数"] : ["layer", "中文", "geometry", "rows"]
    let rows = catalog.layers.map { layer in
      [layer.name, layer.aliases.first ?? "", geometry(layer), CellText.grouped(layer.rowCount)]
    }
    return table(header, rows, rightAligned: [3])
  }

  static func schema(_ catalog: Catalog, layer name: String?, chinese: Bool) throws -> String {
    guard let name else {
      return try catalog.layers.map { try schema(catalog, layer: $0.name, chinese: chinese) }.joined(separator: "\n\n")
    }
    guard let layer = catalog.layer(spelt: name) else {
      let near = Spelling.nearest(to: name, among: catalog.layers.map(\.name))
      throw QueryError(.unknownLayer(name), fix: near.map { "did you mean `\($0)`?" })
    }
    let header = chinese ? ["列", "中文", "类型", "单位", "取值"] : ["column", "中文", "type", "unit", "values"]
    var rows = layer.columns.map { column in
      let link = catalog.links.first { $0.layer == layer.name && $0.column == column.name }
      let values = column.enumeration?.joined(separator: ", ") ?? link.map { "→ \($0.targetLayer).\($0.targetColumn)" }
      return [column.name, column.aliases.first ?? "", column.type.rawValue, column.unit ?? "", values ?? ""]
    }
    if let geometry = layer.geometry {
      rows.append([geometry.name, "", self.geometry(layer), "", ""])
    }
    let title = layer.name + (layer.aliases.first.map { "  " + $0 } ?? "") + "  (\(CellText.grouped(layer.rowCount)))"
    return title + "\n" + table(header, rows, rightAligned: [])
  }

  static func geometry(_ layer: Catalog.Layer) -> String { layer.geometry.map(geometry) ?? "" }

  static func geometry(_ geometry: Catalog.GeometryColumn) -> String {
    let names: [GeometryKind: String] = [
      .point: "point", .lineString: "line", .polygon: "polygon", .multiPoint: "multipoint",
      .multiLineString: "multiline", .multiPolygon: "multipolygon", .geometryCollection: "collection",
    ]
    return (geometry.kind.flatMap { names[$0] } ?? "geometry") + (geometry.hasZ ? " z" : "")
  }

  /// `cimq info`: CRS, extent, layers, links, snapshot.
  static func summary(_ database: Database, path: String, chinese: Bool) throws -> String {
    let catalog = database.catalog
    let name = (try? CRSInfo.lookup(catalog.workingCRS).name).map { " (\($0))" } ?? ""
    var lines = [chinese ? "数据库：\(path)" : "database: \(path)"]
    if let notice = catalog.notice { lines.append(chinese ? "说明：\(notice)" : "notice: \(notice)") }
    lines.append((chinese ? "工作坐标系：" : "working CRS: ") + catalog.workingCRS.description + name)
    if let extent = catalog.layers.compactMap({ $0.geometry?.extent }).reduce(nil, { $0?.union($1) ?? $1 }) as Box2? {
      let corners = [extent.min[0], extent.min[1], extent.max[0], extent.max[1]].map {
        CellText.number($0, decimals: 2)
      }
      lines.append((chinese ? "范围：" : "extent: ") + corners.joined(separator: ", "))
    }
    lines.append((chinese ? "快照：" : "snapshot: ") + database.snapshotPath)
    lines.append("")
    lines.append(layers(catalog, chinese: chinese))
    if !catalog.links.isEmpty {
      lines.append("")
      lines.append(chinese ? "链接" : "links")
      for link in catalog.links {
        lines.append("  \(link.layer).\(link.column) → \(link.targetLayer).\(link.targetColumn)")
      }
    }
    return lines.joined(separator: "\n")
  }

  static func table(_ header: [String], _ rows: [[String]], rightAligned: Set<Int>) -> String {
    let widths = header.indices.map { i in ([header] + rows).map { DisplayWidth.of($0[i]) }.max() ?? 0 }
    let lines = ([header] + rows).map { cells in
      var line = " "
      for (i, cell) in cells.enumerated() {
        let space = String(repeating: " ", count: widths[i] - DisplayWidth.of(cell))
        line += (i > 0 ? " │ " : "") + (rightAligned.contains(i) ? space + cell : cell + space)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
    let rule = widths.map { String(repeating: "─", count: $0 + 2) }.joined(separator: "┼")
    return ([lines[0], rule] + lines.dropFirst()).joined(separator: "\n")
  }
}

extension Catalog {
  /// The layer with this name or alias, case apart.
  func layer(spelt name: String) -> Layer? {
    let key = name.lowercased()
    return layers.first { $0.name.lowercased() == key }
      ?? layers.first { $0.aliases.contains { $0.lowercased() == key } }
  }
}
