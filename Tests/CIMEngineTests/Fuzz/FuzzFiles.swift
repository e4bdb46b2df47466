import Glibc

@testable import CIMEngine

/// Files of data: each loads whole, or is refused with its path, a place and a reason.
enum FuzzFiles {
  private static let encodings: [String?] = [nil, "UTF-8", "GB18030", "UTF-16", "Windows-1252", "Big5"]

  /// A file in memory with that content, which has no name any more.
  static func descriptor(of bytes: UnsafeRawBufferPointer) -> Int32? {
    var template = Array("/dev/shm/cimq-fuzz-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    guard file >= 0 else { return nil }
    unlink(template)
    guard write(file, bytes.baseAddress, bytes.count) == bytes.count else {
      close(file)
      return nil
    }
    return file
  }

  private static func withFile(_ bytes: UnsafeRawBufferPointer, _ body: (String) throws -> Void) throws {
    guard let file = descriptor(of: bytes) else { return }
    defer { close(file) }
    try body("/proc/self/fd/\(file)")
  }

  /// The first byte of a CSV chooses the encoding that is asked for.
  static func read(_ target: FuzzTarget, _ bytes: UnsafeRawBufferPointer) throws {
    var bytes = bytes
    var options = LoadOptions(crs: .epsg(4547))
    if target == .csv, let first = bytes.first {
      options.encoding = encodings[Int(first) % encodings.count]
      bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    }
    // A small buffer is filled again and again, so that every record crosses its end somewhere.
    let capacity = bytes.count % 2 == 0 ? 64 : 1 << 16
    try withFile(bytes) { path in
      switch target {
      case .cityjson, .cityjsonseq:
        try load(CityJSON(path: path, options: options, isSequence: target == .cityjsonseq, bufferCapacity: capacity))
      case .geojson, .geojsonseq:
        try load(
          GeoJSON(
            path: path, layer: "fuzz", options: options, isSequence: target == .geojsonseq, bufferCapacity: capacity))
      default:
        try load(CSV(path: path, layer: "fuzz", options: options, delimiter: nil, bufferCapacity: capacity))
      }
    }
  }

  /// What is loaded has the types and kinds that the survey promises, and sound geometries.
  private static func load(_ source: some FeatureSource) throws {
    try refusing(source.path) {
      let survey = try source.survey { _ in }
      let shapes = survey.layers.map { BuildingShape(layer: $0) }
      var counts = survey.layers.map { _ in 0 }
      try source.read(survey, progress: { _ in }) { batch in
        let layer = survey.layers[batch.layer]
        counts[batch.layer] += batch.features.count
        for var feature in batch.features {
          guard feature.values.count == layer.columns.count else { throw FuzzFault(what: "a row of another width") }
          for (value, column) in zip(feature.values, layer.columns) where !value.isNull && value.type != column.type {
            throw FuzzFault(what: "\(column.name) is \(value) in a column of \(column.type)")
          }
          if let geometry = feature.geometry {
            try FuzzTexts.check(geometry, sound: true)
            guard layer.geometryKinds.contains(geometry.kind) else { throw FuzzFault(what: "a kind not surveyed") }
          }
          try shapes[batch.layer].derive(into: &feature)
        }
      }
      guard counts == survey.layers.map(\.featureCount) else { throw FuzzFault(what: "rows are not as surveyed") }
    }
  }

  /// Errors of the engine are the ways to refuse a file; they name it.
  private static func refusing(_ path: String, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as LoadError {
      guard error.path == path, error.message.utf8.count > path.utf8.count + 2 else {
        throw FuzzFault(what: "a refusal without file or reason: \(error)")
      }
    } catch let error as StoreError {
      guard !error.message.isEmpty else { throw FuzzFault(what: "a refusal without reason") }
    }
  }

  private static let names = [
    "cimq.json", "a.json", "a.geojson", "a.csv", "a.tsv", "a.jsonl", "a.city.json", "a.city.jsonl", "a.txt",
  ]
  /// The first byte chooses the name of a file in an otherwise empty folder: manifests, indexes of tiles, and telling what
  /// form a file has. Nothing outside the folder may be opened.
  static func open(_ bytes: UnsafeRawBufferPointer) throws {
    guard let first = bytes.first else { return }
    var template = Array("/dev/shm/cimq-fuzz-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = folder + "/" + names[Int(first) % names.count]
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes.baseAddress! + 1, 1, bytes.count - 1, file)
    fclose(file)
    defer {
      unlink(path)
      rmdir(folder)
    }
    do throws(LoadError) {
      for source in try Sources.open([path]).sources
      where !source.path.hasPrefix(folder + "/") || source.path.contains("/../") {
        throw LoadError(path: "", reason: .refused("\(source.path) is elsewhere"))
      }
    } catch {
      guard error.path.hasPrefix(folder), !error.message.isEmpty else {
        throw FuzzFault(what: "a refusal of something else, or a file elsewhere: \(error)")
      }
    }
  }
}
