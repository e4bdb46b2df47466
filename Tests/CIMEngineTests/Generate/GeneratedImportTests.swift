import Foundation
import Testing

@testable import CIMEngine

/// The generator's files through the loaders, as an import sees them.
@Suite("Generator: read by the loaders")
struct GeneratedImportTests {
  private let city = GeneratedCity.shared

  @Test("The root manifest opens everything; each file is surveyed without a warning and holds what it promises")
  func surveys() throws {
    let set = try Sources.open([city.folder])
    #expect(set.warnings.isEmpty)
    #expect(set.workingCRS == .epsg(4547) && set.verticalCRS == .epsg(5737))
    #expect(set.notice?.contains("Synthetic") == true)
    #expect(set.links.contains { $0.layer == "person" && $0.column == "unit" && $0.targetLayer == "unit" })
    var counts: [String: Int] = [:]
    var types: [String: [String: Set<ColumnType>]] = [:]
    for source in set.sources {
      let survey = try source.source.survey { _ in }
      #expect(survey.warnings.isEmpty, "\(source.path): \(survey.warnings)")
      #expect(survey.layers.first?.featureCount == source.promisedCount, "\(source.path)")
      for layer in survey.layers {
        counts[layer.name, default: 0] += layer.featureCount
        for column in layer.columns { types[layer.name, default: [:]][column.name, default: []].insert(column.type) }
      }
    }
    for layer in city.counts.layers { #expect(counts[layer.name] == layer.count, "\(layer.name)") }
    // One layer from several files has one type for each column.
    for (layer, columns) in types {
      for (column, found) in columns { #expect(found.count == 1, "\(layer).\(column): \(found)") }
    }
    #expect(types["unit"]?["room"] == [.text] && types["unit"]?["grid3"] == [.text])
    #expect(types["unit"]?["floor"] == [.int] && types["unit"]?["z_min"] == [.double])
    #expect(types["building"]?["height"] == [.double] && types["building"]?["floors"] == [.int])
    #expect(types["shelter"]?["as_of"] == [.timestamp] && types["shelter"]?["capacity"] == [.int])
    #expect(types["flood"]?["water_z"] == [.double] && types["flood"]?["valid_from"] == [.timestamp])
    #expect(types["person"]?["age"] == [.int] && types["person"]?["phone"] == [.text])
    #expect(types["grid3"]?["code"] == [.text] && types["grid3"]?["parent"] == [.text])
    #expect(types["warden"]?["grid3"] == [.text] && types["camera"]?["updated"] == [.timestamp])
  }
}
