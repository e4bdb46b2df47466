/// The columns that each layer of buildings has, whatever its source calls them, so that a query reads the same on
/// every city. What the source lacks is derived from the solids (``BuildingShape``) or stays NULL.
enum BuildingColumns {
  struct Key {
    var column: Catalog.Column
    /// Attributes that say the same, in lower case, the best first. Their own columns stay.
    var sources: [String]
    /// Numbers outside this say "unknown" (0, -1, 9999) and count as lacking.
    var range: ClosedRange<Double>?

    init(
      _ name: String, _ type: ColumnType, unit: String? = nil, _ sources: [String] = [],
      in range: ClosedRange<Double>? = nil
    ) {
      column = Catalog.Column(name: name, type: type, unit: unit)
      self.sources = sources
      self.range = range
    }

    /// Whether an attribute of the column's own name, of that type, can live in the column itself.
    func takes(_ type: ColumnType) -> Bool {
      switch column.type {
      case .double: type == .double || type == .int
      case .text: type != .list
      default: type == column.type
      }
    }
  }

  private static let height = Key(
    "height", .double, unit: "m", ["measuredheight", "measured_height"], in: 0.01...2_000)
  private static let groundZ = Key("ground_z", .double, unit: "m")
  private static let roofHeight = Key("roof_height", .double, unit: "m", in: 0.01...2_000)
  private static let volume = Key("volume", .double, unit: "m3")
  private static let area = Key("area", .double, unit: "m2")
  private static let derived = Key("derived", .text)

  static let building: [Key] = [
    Key("name", .text), height, groundZ, roofHeight, volume, area,
    Key("floors", .int, ["storeysaboveground", "storeys_above_ground", "b3_bouwlagen"], in: 1...300),
    Key("floors_below", .int, ["storeysbelowground", "storeys_below_ground"], in: 0...50),
    Key("use", .text, ["usage", "function"]),
    Key(
      "year_built", .int,
      [
        "yearofconstruction", "year_of_construction", "oorspronkelijkbouwjaar",
        "oorspronkelijk_bouwjaar",
      ], in: 1...2_200),
    Key("address", .text), Key("grid3", .text), derived,
  ]

  static let part: [Key] = [
    Key("parent", .text), height, groundZ, roofHeight, volume, area,
    Key("floors", .int, ["storeysaboveground", "storeys_above_ground"], in: 1...300), derived,
  ]

  static func keys(ofType type: String) -> [Key]? {
    switch type {
    case "Building": building
    case "BuildingPart": part
    default: nil
    }
  }
}
