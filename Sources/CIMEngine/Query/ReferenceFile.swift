/// The geometries of a file that a query names: `FILE 'metro.geojson'`.
enum ReferenceFile {
  /// Every geometry of the file, in the working CRS.
  ///
  /// - Parameter sandbox: a folder that the file must lie in; it is then read by cimq itself, and lists no other files.
  /// - Parameter crs: the CRS that the statement names (`FILE 'x.csv' IN EPSG:4547`); it fills a missing one.
  /// - Throws: ``LoadError`` for a file that cannot be read or states no CRS, ``CRSError``.
  static func geometries(_ path: String, crs: CRS?, workingCRS: CRS, sandbox: Sandbox? = nil) throws -> [Geometry] {
    var options = LoadOptions(crs: crs)
    guard let sandbox else { return try geometries(path, of: path, options, workingCRS) }
    options.isAlone = true
    do {
      return try sandbox.reading(path) { try geometries(path, of: $0, options, workingCRS) }
    } catch var error as LoadError {
      error.path = path
      throw error
    }
  }

  private static func geometries(
    _ path: String, of file: String, _ options: LoadOptions, _ workingCRS: CRS
  ) throws -> [Geometry] {
    var result: [Geometry] = []
    for item in try Sources.open([file], options: options).sources {
      let survey = try item.source.survey { _ in }
      guard let stated = survey.crs else {
        guard survey.layers.contains(where: { !$0.geometryKinds.isEmpty }) else { continue }
        throw LoadError(
          path: path, reason: .refused("states no CRS"), fix: "name it in the query: FILE '\(path)' IN EPSG:4547")
      }
      let transform = stated == workingCRS ? nil : try CRSTransform.between(stated, workingCRS)
      try item.source.read(survey, progress: { _ in }) { batch in
        for feature in batch.features {
          guard var geometry = feature.geometry else { continue }
          try transform?.apply(&geometry)
          result.append(geometry)
        }
      }
    }
    guard !result.isEmpty else { throw LoadError(path: path, reason: .refused("holds no geometry")) }
    return result
  }
}
