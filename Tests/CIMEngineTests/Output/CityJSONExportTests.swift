import TestSupport
import Testing

@testable import CIMEngine

/// CityJSON that the store gives back: the objects, LoDs, surfaces and semantics of the real files, and fit for cjval.
@Suite("CityJSON export") struct CityJSONExportTests {
  private func source(_ path: String) throws -> any FeatureSource {
    try Sources.open([path], options: LoadOptions(crs: .epsg(28992))).sources[0].source
  }

  private struct Solid {
    var object: String
    var lod: String
    var kind: String
    var semantics: [String?]
    var shells: [Int]
    var rings: [UInt32]
    var parts: [UInt32]
    var coordinates: [Double]

    /// Coordinates are written to the millimetre.
    func isWritten(as other: Solid) -> Bool {
      object == other.object && lod == other.lod && kind == other.kind && semantics == other.semantics
        && shells == other.shells && rings == other.rings && parts == other.parts
        && coordinates.count == other.coordinates.count
        && zip(coordinates, other.coordinates).allSatisfy { abs($0 - $1) < 0.0011 }
    }
  }

  /// What a solid that came back has other than the one that was written.
  private func difference(_ solid: Solid, _ found: [Solid]) -> String {
    guard let other = found.first(where: { $0.object == solid.object && $0.lod == solid.lod && $0.kind == solid.kind })
    else { return "gone" }
    var said: [String] = []
    if other.semantics != solid.semantics {
      said.append("semantics \(solid.semantics.prefix(4)) \(other.semantics.prefix(4))")
    }
    if other.shells != solid.shells { said.append("shells \(solid.shells) \(other.shells)") }
    if other.rings != solid.rings { said.append("rings \(solid.rings.prefix(5)) \(other.rings.prefix(5))") }
    if other.parts != solid.parts { said.append("surfaces \(solid.parts.count) \(other.parts.count)") }
    let apart = zip(other.coordinates, solid.coordinates).filter { abs($0 - $1) >= 0.0011 }
    if let first = apart.first { said.append("\(apart.count) of \(solid.coordinates.count) coordinates, \(first)") }
    return said.joined(separator: "; ")
  }

  private func solids(_ loaded: Loaded, _ layer: String) -> [String: [Solid]] {
    var result: [String: [Solid]] = [:]
    for feature in loaded.layer(layer)?.1 ?? [] {
      result[feature.id] = feature.solids.map { solid in
        // A single shell of a MultiSolid cannot be told from a Solid's.
        Solid(
          object: solid.object, lod: solid.lod, kind: solid.kind,
          semantics: solid.semantics.allSatisfy { $0 == nil } ? [] : solid.semantics, shells: solid.shellStarts,
          rings: solid.surfaces.ringOffsets, parts: solid.surfaces.partOffsets,
          coordinates: solid.surfaces.xy + solid.surfaces.z)
      }
    }
    return result
  }

  @Test(
    "real files come back", .enabled(if: realData != nil),
    arguments: [
      "denhaag.city.json", "multi_lod.city.json", "rotterdam_subset.city.json", "zurich_lod2.city.json",
      "3dbag_b2.city.json", "3dbag_tile901.city.jsonl", "delft_3dbag.city.jsonl", "japanese.city.json",
      "vienna.city.jsonl",
    ])
  func realFilesComeBack(name: String) throws {
    let path = try #require(realData) + "/cityjson/" + name
    let folder = ThrowawayFolder()
    let database = folder.file("a.sqlite")
    _ = try Importer.run(into: database, sources: [try source(path)])
    let before = try Loaded(try source(path))
    for ending in ["city.json", "city.jsonl"] {
      let written = folder.file("b.\(ending)")
      _ = try CityJSONExport.write(["building"], of: database, to: written)
      let after = try Loaded(try source(written))
      let (old, new) = (solids(before, "building"), solids(after, "building"))
      #expect(old.keys.sorted() == new.keys.sorted(), "\(ending)")
      for (id, solids) in old {
        let found = new[id] ?? []
        #expect(solids.count == found.count, "\(id)")
        for solid in solids where !found.contains(where: solid.isWritten) {
          Issue.record("\(ending): \(id): \(solid.kind) \(solid.lod): \(difference(solid, found))")
        }
      }
      // Attributes: every column of the source, value by value.
      let (oldLayer, oldRows) = try #require(before.layer("building"))
      let (newLayer, newRows) = try #require(after.layer("building"))
      var rows: [String: Feature] = [:]
      for row in newRows { rows[row.id] = row }
      for (column, known) in oldLayer.columns.enumerated() where !known.name.hasPrefix("address") {
        let at = newLayer.columns.firstIndex { $0.name == known.name }
        for row in oldRows where !row.values[column].isNull {
          let value = at.flatMap { rows[row.id]?.values[$0] } ?? .null
          #expect(value.plainText == row.values[column].plainText, "\(ending): \(row.id).\(known.name)")
        }
      }
      let parts = before.layer("building_part")?.1.map(\.id).sorted() ?? []
      #expect(after.layer("building_part")?.1.map(\.id).sorted() ?? [] == parts)
    }
  }
}
