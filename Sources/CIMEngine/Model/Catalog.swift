public import SpatialIndex

/// What a database holds: its layers, their columns and how they hang together.
///
/// The store keeps it in tables, the snapshot carries a copy, the binder resolves names against it.
public struct Catalog: Sendable, Equatable {
  /// The uuid of the database, made once at creation.
  public var databaseID: String
  /// Projected, in metres, or EPSG:4326 for a geographic database.
  public var workingCRS: CRS
  public var isGeographic: Bool
  public var layers: [Layer]
  public var links: [Link]
  /// True when the data says of itself that it is synthetic; shown wherever the city appears.
  public var notice: String?

  public init(
    databaseID: String, workingCRS: CRS, isGeographic: Bool = false, layers: [Layer] = [],
    links: [Link] = [], notice: String? = nil
  ) {
    self.databaseID = databaseID
    self.workingCRS = workingCRS
    self.isGeographic = isGeographic
    self.layers = layers
    self.links = links
    self.notice = notice
  }

  /// A layer: its name and other names, its columns in the order of the table, and its geometry.
  public struct Layer: Sendable, Equatable {
    /// The table's name as stored; names match case-insensitively.
    public var name: String
    /// Every column but `fid` and the geometry, `id` first, in the order of the table.
    public var columns: [Column]
    public var geometry: GeometryColumn?
    public var rowCount: Int
    /// Other names the language accepts for the layer, such as 避难场所.
    public var aliases: [String] = []

    public init(
      name: String, columns: [Column], geometry: GeometryColumn? = nil, rowCount: Int = 0,
      aliases: [String] = []
    ) {
      self.name = name
      self.columns = columns
      self.geometry = geometry
      self.rowCount = rowCount
      self.aliases = aliases
    }
  }

  /// A column of a layer, with what is known beyond its type: unit, closed list of values, other names.
  public struct Column: Sendable, Equatable {
    public var name: String
    public var type: ColumnType
    /// A unit of a numeric column: "m" for lengths (the default for distances), "m2", … or nil.
    public var unit: String?
    /// The closed list of values of an enumerated column (`status`: open, full, closed), or nil.
    public var enumeration: [String]?
    /// Other names the language accepts for the column, such as 高度.
    public var aliases: [String]
    /// Other spellings the language accepts for the values of an enumerated column: 开放 -> open.
    public var valueAliases: [String: String] = [:]
    /// How values are shown in Chinese (open -> 开放), for columns of ``CitySchema`` alone: it is not stored.
    var valueNames: [String: String] = [:]
    /// Worked out at import because the source lacks it (height from the solids, …).
    public var isDerived = false

    public init(
      name: String, type: ColumnType, unit: String? = nil, enumeration: [String]? = nil, aliases: [String] = [],
      valueAliases: [String: String] = [:], isDerived: Bool = false
    ) {
      self.name = name
      self.type = type
      self.unit = unit
      self.enumeration = enumeration
      self.aliases = aliases
      self.valueAliases = valueAliases
      self.isDerived = isDerived
    }
  }

  /// The geometry of a layer, in the working CRS; `extent` is that of all rows, nil for none.
  public struct GeometryColumn: Sendable, Equatable {
    /// Always `geom` in tables that cimq makes.
    public var name: String
    /// The registered type; nil means any (GEOMETRY).
    public var kind: GeometryKind?
    public var hasZ: Bool
    /// In the working CRS; nil when there is no geometry yet.
    public var extent: Box2?

    public init(name: String = "geom", kind: GeometryKind?, hasZ: Bool = false, extent: Box2? = nil) {
      self.name = name
      self.kind = kind
      self.hasZ = hasZ
      self.extent = extent
    }
  }

  /// `layer.column` names a row of `targetLayer` by its `targetColumn` (`id`, `code`, or `fid`).
  ///
  /// With `fid` the store keeps a number and every reader shows the target's id: the column's type is `.text`.
  public struct Link: Sendable, Equatable {
    public var layer: String
    public var column: String
    public var targetLayer: String
    public var targetColumn: String

    public init(layer: String, column: String, targetLayer: String, targetColumn: String) {
      self.layer = layer
      self.column = column
      self.targetLayer = targetLayer
      self.targetColumn = targetColumn
    }
  }
}
