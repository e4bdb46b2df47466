import Testing

@testable import CIMEngine

/// The whole table of words: each has a Chinese spelling that means the same as the English one.
@Suite("Chinese throughout") struct ChineseSchemaTests {
  static func isChinese(_ text: String) -> Bool { text.unicodeScalars.contains { $0.isCJK } }

  /// Every shipped layer with every shipped column, as a database would have it.
  static let catalog: Catalog = {
    let layers = CitySchema.layers.map { layer -> Catalog.Layer in
      let id = Catalog.Column(name: "id", type: .text)
      let known = [id] + layer.columns
      return Catalog.Layer(
        name: layer.name,
        columns: known.map { CitySchema.described(Catalog.Column(name: $0.name, type: $0.type), of: layer.name) },
        geometry: Catalog.GeometryColumn(kind: .point, hasZ: layer.hasZ), rowCount: 1, aliases: layer.aliases)
    }
    return Catalog(databaseID: "test", workingCRS: .epsg(4547), layers: layers)
  }()

  static func bound(_ text: String) throws -> BoundFind {
    let script = try parse(text, names: KnownNames(catalog))
    #expect(script.statements.count == 1)
    let statement = try bind(script.statements[0], in: catalog, BindContext(lookup: NoRows()) { _, _ in [] })
    guard case .find(let find) = statement.body else { throw QueryError(.invalid("no FIND")) }
    return find
  }

  struct NoRows: FeatureLookup {
    func features(layer: Int, column: Int, equalTo key: String, geometryPath: [LinkStep]?, limit: Int) -> [FeatureMatch]
    { [] }
    func keysNear(_ key: String, layer: Int, columns: [Int], limit: Int) -> [String] { [] }
  }

  @Test("every keyword, function and unit")
  func words() {
    for entry in Words.table {
      #expect(!entry.chinese.isEmpty && entry.chinese.allSatisfy(Self.isChinese), "\(entry.english)")
    }
    var seen: [String: String] = [:]
    for function in Words.functions {
      #expect(!function.chinese.isEmpty, "\(function.name)")
      for name in function.chinese {
        #expect(seen.updateValue(function.name, forKey: name) == nil, "\(name) is two functions")
        #expect(Words.function(name.uppercased()) == function.name)
      }
    }
    for unit in Words.units { #expect(unit.spellings.contains(where: Self.isChinese), "\(unit.name)") }
  }

  @Test("every layer and column, in headers too", arguments: catalog.layers.indices.map { $0 })
  func columns(index: Int) throws {
    let layer = Self.catalog.layers[index]
    let chinese = try #require(layer.aliases.first)
    #expect(Self.isChinese(chinese))
    for column in layer.columns {
      let name = try #require(column.aliases.first, "\(layer.name).\(column.name)")
      #expect(Self.isChinese(name), "\(layer.name).\(column.name)")
      for text in ["查找 \(chinese) 条件 \(name) 为空 返回 \(name)", "查找\(chinese)条件\(name)为空返回\(name)"] {
        let find = try Self.bound(text)
        let item = find.items[0].column
        #expect(item.origin == ResultColumn.Origin(layer: layer.name, column: column.name), "\(text)")
        #expect(Self.catalog.chineseName(of: item) == name)
      }
    }
  }

  @Test("every value of a closed list, shown in Chinese too")
  func values() throws {
    var count = 0
    for layer in Self.catalog.layers {
      for column in layer.columns {
        guard let values = column.enumeration else { continue }
        let shown = Self.catalog.chineseValues(
          of: ResultColumn(
            name: column.name, type: .text, origin: ResultColumn.Origin(layer: layer.name, column: column.name)))
        var spellings = Set<String>()
        for value in values {
          count += 1
          let names = Self.isChinese(value) ? [value] : column.valueAliases.filter { $0.value == value }.map(\.key)
          #expect(names.contains(where: Self.isChinese), "\(layer.name).\(column.name): \(value)")
          if !Self.isChinese(value) {
            let name = try #require(shown[value])
            #expect(spellings.insert(name).inserted && names.contains(name))
          }
          for name in names {
            let find = try Self.bound("查找 \(layer.aliases[0]) 条件 \(column.aliases[0]) = '\(name)'")
            guard case .compare(.equal, _, let constant) = find.sourceFilters[0].kind,
              case .constant(.text(let meant)) = constant.kind
            else {
              Issue.record("\(find.sourceFilters[0])")
              continue
            }
            #expect(meant == value)
          }
        }
      }
    }
    #expect(count > 40)
  }

  @Test(
    "the natural order reads into the tree of the other",
    arguments: [
      "查找 距离 隐患点 'HZ-0231' 500 米 以内 的 建筑 条件 层数 > 6",
      "查找距离隐患点'HZ-0231'500米以内的建筑条件层数>6",
      "查找距离隐患点‘HZ-0231’５００米以内的建筑，条件层数＞６；",
      "查找　距离　隐患点　'HZ-0231'　500米以内　的　建筑　条件　层数 > 6。",
    ])
  func naturalOrder(text: String) throws {
    let names = KnownNames(Self.catalog)
    let plain = try parse("FIND 建筑 WITHIN 500 m OF 隐患点 'HZ-0231' WHERE 层数 > 6", names: names)
    #expect(try parse(text, names: names) == plain)
  }
}
