import CIMEngine
import Testing

@Suite("Shipped schema")
struct CitySchemaTests {
  @Test("names are unique, none of them a single character, and never mean two things")
  func names() {
    var layerNames: Set<String> = []
    for layer in CitySchema.layers {
      for name in [layer.name] + layer.aliases { #expect(layerNames.insert(name).inserted, "\(name)") }
      var columnNames: Set<String> = []
      for column in layer.columns {
        for name in [column.name] + column.aliases {
          #expect(name.count > 1)
          #expect(columnNames.insert(name).inserted, "\(layer.name).\(name)")
        }
        for value in column.valueAliases.values { #expect(column.enumeration?.contains(value) == true) }
      }
    }
  }

  @Test("links end at shipped layers, and start at columns that are known")
  func links() {
    for link in CitySchema.links {
      #expect(CitySchema.layer(link.layer) != nil && CitySchema.layer(link.targetLayer) != nil)
      #expect(CitySchema.column(link.column, of: link.layer)?.type == .text)
    }
  }

  @Test("describing keeps what the source says")
  func describing() {
    let height = CitySchema.described(.init(name: "Height", type: .double), of: "Building")
    #expect(height.name == "Height" && height.unit == "m" && height.aliases.contains("高度"))
    let status = CitySchema.described(.init(name: "status", type: .text), of: "shelter")
    #expect(status.enumeration == ["open", "full", "closed"] && status.valueAliases["开放"] == "open")
    let own = CitySchema.described(.init(name: "height", type: .int, unit: "cm"), of: "building")
    #expect(own.unit == "cm" && own.type == .int)
    #expect(CitySchema.described(.init(name: "zzz", type: .int), of: "building") == .init(name: "zzz", type: .int))
  }
}
