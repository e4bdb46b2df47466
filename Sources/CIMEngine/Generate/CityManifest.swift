/// cimq.json and README.md of the folders that the generator writes. The keys are those of docs/manifest.md.
enum CityManifest {
  static let notice =
    "Synthetic city made by cimq generate. Only the names and codes of the 12 districts are real; every boundary, "
    + "building, person, phone number and facility is invented."

  /// Marks a folder as the generator's own, so that it may be written again.
  static let marker = "\"generator\":{\"name\":\"cimq generate\""

  static let links: [(String, String, String, String)] = [
    ("grid1", "parent", "district", "code"), ("grid2", "parent", "grid1", "code"),
    ("grid3", "parent", "grid2", "code"), ("building", "grid3", "grid3", "code"),
    ("unit", "building", "building", "id"), ("unit", "grid3", "grid3", "code"), ("person", "unit", "unit", "id"),
    ("org", "unit", "unit", "id"), ("org", "grid3", "grid3", "code"), ("grid_worker", "grid3", "grid3", "code"),
    ("warden", "grid3", "grid3", "code"), ("expert", "grid3", "grid3", "code"), ("sensor", "grid3", "grid3", "code"),
    ("event", "grid3", "grid3", "code"),
  ]

  static func write(
    _ path: String, counts: CityCounts, seed: UInt64, folders: [String] = [], files: [CityLayers.File] = []
  ) throws(StoreError) {
    var out = CityBytes()
    out.put("{\n\"cimq\":1,\n\"title\":\"郑州（合成数据） Zhengzhou, synthetic\",\n\"notice\":\"")
    out.put(text: notice)
    out.put("\",\n")
    out.put(text: marker)
    out.put(",\"scale\":")
    out.put(text: "\(counts.scale)")
    out.put(",\"seed\":")
    out.put(text: "\(seed)")
    out.put("},\n\"workingCRS\":\"EPSG:4547\",\n\"verticalCRS\":\"EPSG:5737\",\n\"timezone\":\"Asia/Shanghai\"")
    if !folders.isEmpty {
      out.put(",\n\"folders\":[")
      for (i, folder) in folders.enumerated() {
        out.put(i == 0 ? "\"" : ",\"")
        out.put(text: folder)
        out.put("\"")
      }
      out.put("]")
    }
    if !files.isEmpty {
      out.put(",\n\"files\":[")
      for (i, file) in files.enumerated() {
        out.put(i == 0 ? "\n" : ",\n")
        put(file, &out)
      }
      out.put("\n]")
      put(links: links.filter { link in files.contains { $0.layer == link.0 } }, &out)
    }
    out.put("\n}\n")
    var file = try CityFile(path)
    try file.write(out)
    try file.finish()
  }

  private static func put(_ file: CityLayers.File, _ out: inout CityBytes) {
    func text(_ key: String, _ value: String?, _ out: inout CityBytes) {
      guard let value else { return }
      out.put(text: ",\"\(key)\":\"\(value)\"")
    }
    out.put("{\"path\":\"")
    out.put(text: file.path)
    out.put("\"")
    text("layer", file.layer, &out)
    text("format", file.format, &out)
    text("crs", file.crs, &out)
    text("encoding", file.encoding, &out)
    text("timezone", file.timezone, &out)
    out.put(text: ",\"count\":\(file.count),\"bytes\":\(file.bytes)")
    for (key, column) in zip(["x", "y", "z"], file.coordinates) { text(key, column, &out) }
    if !file.types.isEmpty {
      out.put(",\"types\":{")
      for (i, entry) in file.types.enumerated() {
        out.put(text: "\(i == 0 ? "" : ",")\"\(entry.column)\":\"\(entry.type)\"")
      }
      out.put("}")
    }
    out.put("}")
  }

  private static func put(links: [(String, String, String, String)], _ out: inout CityBytes) {
    if links.isEmpty { return }
    out.put(",\n\"links\":[")
    for (i, link) in links.enumerated() {
      out.put(i == 0 ? "\n" : ",\n")
      out.put(text: "{\"layer\":\"\(link.0)\",\"column\":\"\(link.1)\",")
      out.put(text: "\"targetLayer\":\"\(link.2)\",\"targetColumn\":\"\(link.3)\"}")
    }
    out.put("\n]")
  }

  // MARK: tiles/index.json

  static func writeIndex(
    _ path: String, _ tiles: [(file: String, summary: CityTileSummary, bytes: Int)]
  ) throws(StoreError) {
    var out = CityBytes()
    out.put(
      "{\n\"format\":\"CityJSONSeq\",\n\"version\":\"2.0\",\n\"crs\":\"EPSG:4547\",\n\"verticalCRS\":\"EPSG:5737\",\n")
    out.put("\"lods\":[\"1.2\",\"2.2\"],\n\"buildings\":")
    out.put(tiles.reduce(0) { $0 + $1.summary.buildings })
    out.put(",\n\"tiles\":[")
    for (i, tile) in tiles.enumerated() {
      out.put(i == 0 ? "\n{\"file\":\"" : ",\n{\"file\":\"")
      out.put(text: tile.file)
      out.put("\",\"buildings\":")
      out.put(tile.summary.buildings)
      out.put(",\"bytes\":")
      out.put(tile.bytes)
      if tile.summary.buildings > 0 {
        out.put(",\"extent\":[")
        CityTileRun.putExtent(tile.summary, &out)
        out.put("]")
      }
      out.put("}")
    }
    out.put("\n]\n}\n")
    var file = try CityFile(path)
    try file.write(out)
    try file.finish()
  }

  // MARK: README.md

  private static func origin(_ counts: CityCounts, _ seed: UInt64) -> String {
    """
    **Synthetic.** Made by `cimq generate DIR --scale \(counts.scale) --seed \(seed)`, which gives the same bytes \
    again. The names and GB/T 2260 codes of the 12 districts are real; every boundary, building, person, phone number \
    (all begin with 000) and facility is invented. Licence: CC0 1.0, do with it what you like.


    """
  }

  static func writeRootReadme(_ path: String, _ counts: CityCounts, _ seed: UInt64) throws(StoreError) {
    try write(
      path,
      "# A synthetic city\n\n" + origin(counts, seed) + """
        `tiles/` holds the buildings in 3D, `datasets/` everything else and `answers.json`. Load all of it with

            cimq import city.sqlite DIR

        """)
  }

  static func writeTilesReadme(
    _ path: String, _ counts: CityCounts, _ seed: UInt64,
    _ tiles: [(file: String, summary: CityTileSummary, bytes: Int)]
  ) throws(StoreError) {
    let bytes = tiles.reduce(0) { $0 + $1.bytes }
    try write(
      path,
      "# 3D city model\n\n" + origin(counts, seed) + """
        - Format: CityJSONSeq (CityJSON 2.0), one `CityJSONFeature` for each building on a line of its own.
        - Size: \(tiles.count) tiles, \(counts.building) buildings, \(bytes) bytes; `index.json` lists each tile with \
        its extent. `tile-0000` holds the few buildings that stand in odd places on purpose (see \
        `../datasets/answers.json`).
        - CRS: EPSG:4547 (CGCS2000, 3-degree zone, 114° E), metres, x east, y north; heights in metres above \
        EPSG:5737 (Yellow Sea 1985). Coordinates are whole millimetres.
        - Geometry: a Solid at LoD 1.2 and one at LoD 2.2, with GroundSurface, RoofSurface and WallSurface; buildings \
        of a tower and a lower block have two BuildingParts, which carry the solids.

        | attribute | meaning |
        |---|---|
        | `height` | metres from the ground to the highest point of LoD 2.2 |
        | `ground_z` | metres above the datum |
        | `floors`, `floors_below` | storeys above and below the ground |
        | `use` | residential, mixed, commercial, office, industrial, education, medical, public |
        | `year_built`, `name`, `address` | `name` only where a building has one |
        | `grid3` | null: filled by matching |

        """)
  }

  static func writeDatasetsReadme(
    _ path: String, _ counts: CityCounts, _ seed: UInt64, _ files: [CityLayers.File]
  ) throws(StoreError) {
    var text =
      "# Thematic layers\n\n" + origin(counts, seed) + """
        `cimq.json` says which file is which layer, in which CRS and encoding; `answers.json` holds known answers, \
        worked out by the generator. Metres and square metres throughout; heights above EPSG:5737 (Yellow Sea 1985); \
        times without a zone are Asia/Shanghai. The files come in the mix of systems that bureaus send.

        | file | layer | CRS | rows | bytes |
        |---|---|---|---|---|

        """
    for file in files {
      let encoding = file.encoding == "GB18030" ? " (GB18030)" : ""
      text += "| `\(file.path)`\(encoding) | \(file.layer) | \(file.crs ?? "none") | \(file.count) | \(file.bytes) |\n"
    }
    text += """

      Values: `status` of a shelter is open, full or closed, its `class` emergency, fixed_short, fixed_medium or \
      central (an empty `occupied` is unknown); of a hazard monitored, treated or alert; of a warning active or \
      lifted; of an event reported, handling or closed; of a plan in_force or draft. `level` of a warning is blue, \
      yellow, orange or red. `mobility` is normal, slow, wheelchair, bedridden or infant. `class` of a road is arterial, \
      secondary or local, of a river main or tributary. `kind` of a sensor is water_level (metres above the datum), \
      rain (mm), ponding (cm) or tilt (mm). `scenario` of a flood is 720 (the storm of 20 July) or a return period.

      `grid3` of unit, org, sensor and event is empty: it comes from matching. Some of them lie exactly on a shared \
      edge or corner of grids, or outside all grids; `answers.json` names them under `odd`.

      """
    try write(path, text)
  }

  private static func write(_ path: String, _ text: String) throws(StoreError) {
    var out = CityBytes()
    out.put(text: text)
    var file = try CityFile(path)
    try file.write(out)
    try file.finish()
  }
}
