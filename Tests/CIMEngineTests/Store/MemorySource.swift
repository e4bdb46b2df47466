import SpatialIndex

@testable import CIMEngine

/// Features in memory as a source: what a file would give.
struct MemorySource: FeatureSource {
  var path: String
  var crs: CRS? = .epsg(4547)
  var format = "GeoJSON"
  var layers: [SourceSurvey.Layer]
  var features: [[Feature]]
  /// Thrown by the second pass after this many batches.
  var failsAfter: Int?

  init(
    _ path: String, layer: String, columns: [Catalog.Column] = [], crs: CRS? = .epsg(4547), _ features: [Feature]
  ) {
    self.path = path
    self.crs = crs
    var survey = SourceSurvey.Layer(name: layer, columns: columns, featureCount: features.count)
    for feature in features {
      guard let geometry = feature.geometry else { continue }
      survey.geometryKinds.insert(geometry.kind)
      survey.hasZ = survey.hasZ || geometry.hasZ
      if let box = geometry.box { survey.extent = survey.extent?.union(box) ?? box }
    }
    for i in columns.indices where features.allSatisfy({ $0.values[i].isNull }) { survey.emptyColumns.insert(i) }
    layers = [survey]
    self.features = [features]
  }

  func survey(progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    var survey = SourceSurvey(path: path, format: format, statedCRS: crs, layers: layers, byteCount: 1_000)
    survey.crs = crs
    return survey
  }

  func read(
    _ survey: SourceSurvey, progress: @Sendable (Int) -> Void, body: (FeatureBatch) throws -> Void
  ) throws {
    var count = 0
    for (layer, features) in features.enumerated() {
      for start in stride(from: 0, to: features.count, by: 100) {
        if count == failsAfter { throw LoadError(path: path, place: .line(start), reason: .malformed("cut short")) }
        try body(FeatureBatch(layer: layer, features: Array(features[start..<min(start + 100, features.count)])))
        count += 1
        progress(1_000)
      }
    }
  }
}
