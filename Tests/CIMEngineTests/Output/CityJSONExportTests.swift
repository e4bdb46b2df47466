import Foundation
import Testing

@testable import CIMEngine

/// CityJSON that the store gives back: the objects, LoDs, surfaces and semantics of the real files, and fit for cjval.
@Suite("CityJSON export") struct CityJSONExportTests {
  private func source(_ path: String) throws -> any FeatureSource {
    try Sources.open([path], options: LoadOptions(crs: .epsg(28992))).sources[0].source
  }

  private struct Solid: Equatable {
    var object: String
    var lod: String
    var kind: String
    var semantics: [String?]
    var shells: [Int]
    var rings: [UInt32]
    var parts: [UInt32]
    var z: [Int]
  }

  private func solids(_ loaded: Loaded, _ layer: String) -> [String: [Solid]] {
    var result: [String: [Solid]] = [:]
    for feature in loaded.layer(layer)?.1 ?? [] {
      result[feature.id] = feature.solids.map { solid in
        // A single shell of a MultiSolid cannot be told from a Solid's; heights are kept to the millimetre.
        Solid(
          object: solid.object, lod: solid.lod, kind: solid.kind,
          semantics: solid.semantics.allSatisfy { $0 == nil } ? [] : solid.semantics, shells: solid.shellStarts,
          rings: solid.surfaces.ringOffsets, parts: solid.surfaces.partOffsets,
          z: solid.surfaces.z.map { Int(($0 * 100).rounded()) })
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
    let folder = FileManager.default.temporaryDirectory.appending(path: "cimq-cityjson-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let database = folder.appending(path: "a.sqlite").path
    _ = try Importer.run(into: database, sources: [try source(path)])
    let before = try Loaded(try source(path))
    for ending in ["city.json", "city.jsonl"] {
      let written = folder.appending(path: "b.\(ending)").path
      _ = try CityJSONExport.write(["building"], of: database, to: written)
      let after = try Loaded(try source(written))
      let (old, new) = (solids(before, "building"), solids(after, "building"))
      #expect(old.keys.sorted() == new.keys.sorted(), "\(ending)")
      for (id, solids) in old {
        let found = new[id] ?? []
        #expect(solids.count == found.count, "\(id)")
        for solid in solids where !found.contains(solid) {
          Issue.record("\(ending): \(id): \(solid.kind) \(solid.lod)")
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
