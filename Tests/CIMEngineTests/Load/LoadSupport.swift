import Foundation
import TestSupport
import Testing

@testable import CIMEngine

/// The folder with real files, when the environment names one.
let realData: String? = ProcessInfo.processInfo.environment["CIMQ_REALDATA"].flatMap {
  FileManager.default.fileExists(atPath: $0) ? $0 : nil
}

/// A file of its own with that content, removed afterwards.
func withFile<R>(_ bytes: some Sequence<UInt8>, named name: String = "test.geojson", _ body: (String) throws -> R)
  throws -> R
{
  let folder = ThrowawayFolder()
  return try withExtendedLifetime(folder) { try body(folder.write(name, bytes)) }
}

func withFile<R>(_ text: String, named name: String = "test.geojson", _ body: (String) throws -> R) throws -> R {
  try withFile(Array(text.utf8), named: name, body)
}

/// Everything that a source yields.
struct Loaded {
  var survey: SourceSurvey
  /// By layer.
  var features: [[Feature]]

  init(_ source: any FeatureSource) throws {
    survey = try source.survey { _ in }
    features = Array(repeating: [], count: survey.layers.count)
    var all = features
    try source.read(survey, progress: { _ in }) { batch in all[batch.layer] += batch.features }
    features = all
    for (layer, rows) in zip(survey.layers, features) {
      #expect(layer.featureCount == rows.count)
      #expect(layer.columns.count == layer.sourceNames.count)
      for row in rows {
        #expect(row.values.count == layer.columns.count)
        for (value, column) in zip(row.values, layer.columns) where !value.isNull {
          #expect(value.type == column.type, "\(layer.name).\(column.name)")
        }
        if let geometry = row.geometry { #expect(layer.geometryKinds.contains(geometry.kind)) }
      }
    }
  }

  func layer(_ name: String) -> (SourceSurvey.Layer, [Feature])? {
    survey.layers.firstIndex { $0.name == name }.map { (survey.layers[$0], features[$0]) }
  }

  /// The values of one column of the only layer, or of the named one.
  func values(_ column: String, layer name: String? = nil) -> [Value]? {
    let at = name.map { name in survey.layers.firstIndex { $0.name == name } } ?? 0
    guard let at, let index = survey.layers[at].columns.firstIndex(where: { $0.name == column }) else { return nil }
    return features[at].map { $0.values[index] }
  }

  func columnTypes(layer: Int = 0) -> [String: ColumnType] {
    Dictionary(uniqueKeysWithValues: survey.layers[layer].columns.map { ($0.name, $0.type) })
  }
}

/// The error that loading ends in, or nil.
func loadError(_ source: any FeatureSource) throws -> LoadError? {
  do {
    _ = try Loaded(source)
    return nil
  } catch let error as LoadError {
    return error
  }
}
