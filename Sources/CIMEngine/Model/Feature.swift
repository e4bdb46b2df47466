public import SpatialIndex

/// One row on its way from a file into the store.
public struct Feature: Sendable {
  public var id: String
  /// Aligned with the columns of the layer's survey, `id` left out.
  public var values: [Value]
  /// Footprint or shape, in the CRS of the source until Reproject has seen it.
  public var geometry: Geometry?
  /// The 3D geometry of a city object, every LoD, kept whole in `building_geometry`.
  public var solids: [SolidGeometry] = []
  /// Where it came from, for messages: a line number, a feature number or an object id.
  public var place: SourcePlace
  /// The source states no id for it: `id` is its number there.
  public var isNumbered = false

  public init(
    id: String, values: [Value], geometry: Geometry?, solids: [SolidGeometry] = [], place: SourcePlace
  ) {
    self.id = id
    self.values = values
    self.geometry = geometry
    self.solids = solids
    self.place = place
  }
}

/// A place in a source file.
public enum SourcePlace: Sendable, Hashable, CustomStringConvertible {
  case file
  case line(Int)
  /// Features are counted from 1.
  case feature(Int)
  case object(String)

  public var description: String {
    switch self {
    case .file: ""
    case .line(let n): "line \(n)"
    case .feature(let n): "feature \(n)"
    case .object(let id): "object '\(id)'"
    }
  }
}

/// One 3D geometry of a city object: a set of polygons with holes, flat, with z.
public struct SolidGeometry: Sendable {
  /// The object that carries it: the Building itself or one of its parts.
  public var object: String
  /// "1.2", "2.2", …; "" where the source states none.
  public var lod: String
  /// CityJSON geometry type: "Solid", "MultiSurface", "CompositeSurface", "MultiSolid", "CompositeSolid".
  public var kind: String
  /// MULTIPOLYGON Z: part p is surface p.
  public var surfaces: Geometry
  /// The semantic type of each surface ("RoofSurface", …), or empty where there is none.
  public var semantics: [String?]
  /// The first surface of each shell, for solids with several; [0] for one.
  public var shellStarts: [Int]
  /// Materials and textures as JSON text in the source's own form, or nil.
  public var appearance: String?

  public init(
    object: String, lod: String, kind: String, surfaces: Geometry, semantics: [String?] = [],
    shellStarts: [Int] = [0], appearance: String? = nil
  ) {
    self.object = object
    self.lod = lod
    self.kind = kind
    self.surfaces = surfaces
    self.semantics = semantics
    self.shellStarts = shellStarts
    self.appearance = appearance
  }
}

/// What a first pass over a source found. The second pass yields features of exactly this shape,
/// so that tables can be made, and everything that is wrong said, before the first row is written.
public struct SourceSurvey: Sendable {
  public var path: String
  public var format: String
  /// The CRS that the file states, as found; nil when it states none.
  public var statedCRS: CRS?
  /// The CRS of the coordinates that `read` yields: the stated one, or what options and the format's default make of
  /// silence. Nil when nothing says it: the import asks for `--crs`.
  public var crs: CRS?
  public var layers: [Layer]
  public var warnings: [String]
  public var byteCount: Int
  /// The encoding of the text, when it was not UTF-8.
  public var encoding: String? = nil
  /// Features that are wrong and left out, in the order of the file; none unless the survey was to set them aside.
  public var rejected: [RejectedFeature] = []

  /// What a survey found of one layer of a source.
  public struct Layer: Sendable {
    public var name: String
    /// Without `id` and geometry.
    public var columns: [Catalog.Column]
    /// The names in the source, where they differ from `columns` (`fid` became `fid_2`, …), by column.
    public var sourceNames: [String]
    /// Kinds met; empty when there is no geometry.
    public var geometryKinds: Set<GeometryKind>
    public var hasZ: Bool
    public var featureCount: Int
    /// In the source's CRS.
    public var extent: Box2?
    /// True when features carry `solids` that the store keeps under this layer. Features of `building_part` carry
    /// theirs for the derivation of their shape alone: they are kept with the building, by `SolidGeometry.object`.
    public var hasSolids: Bool
    /// The name in the source of the column that gives the ids, or nil: the features' own ids or numbers.
    public var idColumn: String? = nil
    /// Columns (by index) that are NULL in every feature and got no type by options: their type means nothing, and
    /// gives way to that of another file of the same layer.
    public var emptyColumns: Set<Int> = []
    /// Features that state no id and go by their numbers.
    public var numberedCount = 0
    /// By column with a closed list of values in the shipped schema: how many values are on it.
    var listed: [Int: ListedValues] = [:]

    public init(
      name: String, columns: [Catalog.Column] = [], sourceNames: [String] = [],
      geometryKinds: Set<GeometryKind> = [], hasZ: Bool = false, featureCount: Int = 0, extent: Box2? = nil,
      hasSolids: Bool = false
    ) {
      self.name = name
      self.columns = columns
      self.sourceNames = sourceNames
      self.geometryKinds = geometryKinds
      self.hasZ = hasZ
      self.featureCount = featureCount
      self.extent = extent
      self.hasSolids = hasSolids
    }
  }

  public init(
    path: String, format: String, statedCRS: CRS?, layers: [Layer], warnings: [String] = [], byteCount: Int = 0
  ) {
    self.path = path
    self.format = format
    self.statedCRS = statedCRS
    self.crs = statedCRS
    self.layers = layers
    self.warnings = warnings
    self.byteCount = byteCount
  }
}

/// Features of one layer of one source, in source order.
public struct FeatureBatch: Sendable {
  /// Index into the survey's layers.
  public var layer: Int
  public var features: [Feature]

  public init(layer: Int, features: [Feature]) {
    self.layer = layer
    self.features = features
  }
}

/// A file that yields features. Both passes stream: memory is bounded by a batch, not by the file
/// (a CityJSON document, which keeps one table of vertices for all objects, is the exception).
public protocol FeatureSource: Sendable {
  var path: String { get }
  /// Reads everything once. `progress` is told the bytes done so far.
  /// - Throws: what is wrong with the file, or with each of its features as ``LoadError/others``.
  func survey(progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey
  /// As ``survey(progress:)``, but up to `limit` features that are wrong by themselves are left out and listed in
  /// ``SourceSurvey/rejected``; `read` leaves them out as well.
  func survey(settingAside limit: Int, progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey
  /// Reads everything again, yielding batches in source order. `body` may throw to stop.
  func read(
    _ survey: SourceSurvey, progress: @Sendable (Int) -> Void, body: (FeatureBatch) throws -> Void
  ) throws
  /// Writes these features as they stand in the file, each with the reason, in the form of the file as far as that
  /// has room for reasons.
  func writeRejected(_ features: [RejectedFeature], of survey: SourceSurvey, to writer: ByteWriter) throws
  /// Of the file that `writeRejected` writes.
  var rejectsExtension: String { get }
  /// This source, whose passes set these features aside with all that belongs to them: what only the store could tell of
  /// a feature whose other rows are written by then. nil where one feature is one row, which is simply left out.
  func settingAside(_ features: [RejectedFeature]) -> (any FeatureSource)?
}
