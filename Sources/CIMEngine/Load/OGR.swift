internal import Glibc

/// Reads a layer of any format that GDAL knows by letting `ogr2ogr` turn it into GeoJSON, in a process of its own: a
/// crash of a parser on an untrusted file ends that process, not this one.
struct OGR: FeatureSource {
  let path: String
  private let driver: String
  private let ogrLayer: String
  private let layer: String
  private let options: LoadOptions
  private let crs: GeoJSON.OutsideCRS
  /// Converted to longitude and latitude on the way, since its CRS has no EPSG code.
  private let needsTransform: Bool
  private let file: TemporaryFile

  func survey(progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    try survey(settingAside: Rejections.usualLimit, progress: progress).whole()
  }

  func survey(settingAside limit: Int, progress: @Sendable (Int) -> Void) throws(LoadError) -> SourceSurvey {
    try convert()
    do throws(LoadError) {
      var survey: SourceSurvey
      do throws(LoadError) {
        survey = try geoJSON.survey(settingAside: limit, progress: progress)
        if let wrong = survey.rejected.first(where: { Self.isEncoding($0.error) }) { throw wrong.error }
      } catch {
        guard Self.isEncoding(error) else { throw error }
        guard options.encoding == nil, driver == "ESRI Shapefile" else {
          throw LoadError(
            path: path, reason: .refused("its texts are not in the encoding that it states"),
            fix: "name the right one, such as --encoding GB18030")
        }
        try convert(encoding: "GB18030")
        survey = try geoJSON.survey(settingAside: limit, progress: progress)
        survey.encoding = "GB18030"
        survey.warnings.insert("has no .cpg and is not UTF-8; read as GB18030 (--encoding names another)", at: 0)
      }
      survey.path = path
      survey.format = "\(driver) (ogr2ogr)"
      for i in survey.rejected.indices { survey.rejected[i].error = named(survey.rejected[i].error) }
      return survey
    } catch { throw named(error) }
  }

  var rejectsExtension: String { "geojsonl" }

  /// As GeoJSON in the CRS of the source: no writer of other formats has room for reasons.
  func writeRejected(_ features: [RejectedFeature], of survey: SourceSurvey, to writer: ByteWriter) throws {
    if access(file.path, F_OK) != 0 { try convert() }
    try geoJSON.writeRejected(features, of: survey, to: writer)
  }

  func read(
    _ survey: SourceSurvey, progress: @Sendable (Int) -> Void, body: (FeatureBatch) throws -> Void
  ) throws {
    if access(file.path, F_OK) != 0 { try convert() }
    do { try geoJSON.read(survey, progress: progress, body: body) } catch let error as LoadError {
      throw named(error)
    }
  }

  private var geoJSON: GeoJSON {
    var source = GeoJSON(path: file.path, layer: layer, options: inner, isSequence: false)
    source.outsideCRS = crs
    return source
  }

  /// What ogr2ogr writes is UTF-8 whatever the source was in.
  private var inner: LoadOptions {
    var options = options
    options.encoding = nil
    return options
  }

  /// The error of the temporary file as one of the source.
  private func named(_ error: LoadError) -> LoadError {
    guard error.path == file.path else { return error }
    var error = error
    error.path = path
    for i in error.others.indices { error.others[i].path = path }
    return error
  }

  private static func isEncoding(_ error: LoadError) -> Bool {
    error.fix?.contains("--encoding") == true || error.others.contains { isEncoding($0) }
  }

  private func convert(encoding: String? = nil) throws(LoadError) {
    var options = options
    options.encoding = encoding ?? options.encoding
    unlink(file.path)
    var arguments = ["-f", "GeoJSON", file.path, path, ogrLayer, "-lco", "RFC7946=NO", "-nlt", "CONVERT_TO_LINEAR"]
    if needsTransform { arguments += ["-t_srs", "EPSG:4326"] }
    _ = try Self.run("ogr2ogr", arguments, path, options)
    guard access(file.path, F_OK) == 0 else {
      throw LoadError(path: path, reason: .refused("ogr2ogr wrote nothing for the layer `\(ogrLayer)`"))
    }
  }

  private static func run(
    _ program: String, _ arguments: [String], _ path: String, _ options: LoadOptions
  ) throws(LoadError) -> String {
    var environment = ["OGR_GEOJSON_MAX_OBJ_SIZE": "0"]
    if let encoding = options.encoding { environment["SHAPE_ENCODING"] = encoding }
    guard
      let outcome = ExternalProgram.run(
        program, arguments, environment: environment, seconds: options.externalSeconds, token: options.token)
    else {
      throw LoadError(
        path: path, reason: .refused("this format is read through GDAL's `\(program)`, which is not installed"),
        fix: "install gdal-bin, or convert the file to GeoJSON, CSV or CityJSON")
    }
    if outcome.stopped != nil { throw LoadError(path: path, reason: .refused("interrupted")) }
    if outcome.timedOut {
      throw LoadError(
        path: path, reason: .limit("`\(program)` was stopped after \(Int(options.externalSeconds)) s (--timeout)"),
        fix: "give it more with --timeout, or convert the file to GeoJSON beforehand")
    }
    // GDAL reads what it can of a file that is cut off or damaged, says so, and ends with 0.
    let lines = outcome.errors.split(whereSeparator: \.isNewline)
    let errors = lines.filter { $0.hasPrefix("ERROR") }
    guard outcome.status == 0, errors.isEmpty else {
      let said = (errors.isEmpty ? lines : errors).prefix(2).joined(separator: "; ")
      let how = outcome.status > 128 ? "crashed (signal \(outcome.status - 128))" : "cannot read it"
      throw LoadError(
        path: path, reason: .refused("`\(program)` \(how)\(said.isEmpty ? "" : ": \(said)")"))
    }
    return outcome.output
  }

  // MARK: Layers

  /// A layer as `ogrinfo` describes it.
  struct Listed: Equatable {
    var name: String
    var hasSRS = false
    var epsg: Int?
  }

  /// One source for each layer of the file.
  static func sources(_ path: String, options: LoadOptions) throws(LoadError) -> [any FeatureSource] {
    guard access(path, R_OK) == 0 else { throw .system(path, errno) }
    if SourceFormat.pathExtension(path) == "shp" { try Shapefile.refuseCut(path) }
    let text = try run("ogrinfo", ["-ro", "-so", "-al", path], path, options)
    let driver = Self.driver(text)
    var layers = list(text)
    guard !layers.isEmpty else { throw LoadError(path: path, reason: .refused("GDAL finds no layers in it")) }
    if layers.count > 1, let wanted = options.layer {
      layers = layers.filter { $0.name.lowercased() == wanted.lowercased() }
      guard !layers.isEmpty else {
        throw LoadError(
          path: path, reason: .refused("holds several layers, none of them `\(wanted)`"),
          fix: "its layers: \(list(text).map(\.name).joined(separator: ", "))")
      }
    }
    let isOnly = layers.count == 1 && list(text).count == 1
    var sources: [any FeatureSource] = []
    for layer in layers {
      guard let file = TemporaryFile(name: "layer.geojson") else {
        throw LoadError(
          path: TemporaryFile.folder, reason: .unreadable("no temporary file can be made there"),
          fix: "name another folder in TMPDIR")
      }
      let crs: GeoJSON.OutsideCRS =
        layer.epsg.map { .known(.epsg($0)) } ?? (layer.hasSRS ? .known(.wgs84) : .unknown)
      sources.append(
        OGR(
          path: path, driver: driver ?? "GDAL", ogrLayer: layer.name,
          layer: options.layer ?? (isOnly ? Sources.layerName(of: path) : layer.name), options: options, crs: crs,
          needsTransform: layer.hasSRS && layer.epsg == nil, file: file))
    }
    return sources
  }

  /// The name between "using driver `" and "'".
  private static func driver(_ text: String) -> String? {
    for line in text.split(whereSeparator: \.isNewline) where line.contains("using driver `") {
      return line.split(separator: "`").last?.split(separator: "'").first.map(String.init)
    }
    return nil
  }

  /// Reads the layers and their CRSs out of what `ogrinfo -so -al` prints.
  static func list(_ text: String) -> [Listed] {
    var layers: [Listed] = []
    var inSRS = false
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      if line.hasPrefix("Layer name: ") {
        layers.append(Listed(name: String(line.dropFirst("Layer name: ".count))))
        inSRS = false
      } else if line.hasPrefix("Layer SRS WKT:") {
        inSRS = true
        if line.contains("(unknown)") { inSRS = false }
      } else if inSRS, !layers.isEmpty {
        if line.hasPrefix("(unknown)") || line.hasPrefix("Data axis") {
          inSRS = false
          continue
        }
        // GDAL's words for no CRS, or for one that is tied to no place on Earth.
        if ["GEOGCRS[\"Undefined", "GEOGCRS[\"unknown", "ENGCRS[", "LOCAL_CS["].contains(where: { line.hasPrefix($0) })
        {
          inSRS = false
          continue
        }
        layers[layers.count - 1].hasSRS = true
        // The code of the whole stands at the outermost level, four blanks deep.
        let inner = line.drop { $0 == " " }
        if line.count - inner.count == 4, inner.hasPrefix("ID[\"EPSG\",") {
          layers[layers.count - 1].epsg = Int(inner.dropFirst("ID[\"EPSG\",".count).prefix { $0.isNumber })
        }
      }
    }
    return layers
  }
}
