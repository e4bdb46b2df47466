internal import GRDBSQLite
internal import Glibc

/// Writes a result through `ogr2ogr`, a process of its own with limits of time and memory.
///
/// Rows go to a SQLite file of typed columns and WKB in a folder beside the target, which ogr2ogr turns into the format;
/// what it wrote is then renamed into place. SQLite rather than GeoJSON: types, NULLs, 64-bit integers and heights
/// arrive as they are.
final class OGRFileSink: RowSink {
  private let path: String
  private let format: OGRFormat
  private let options: OutputOptions
  private let folder: String
  /// Says that somebody still works in the folder.
  private let lock: Int32
  private var handle: OpaquePointer?
  private var insert: SQLStatement?
  private var transform: ShapeTransform?
  private var columns: [(source: Int, name: String)] = []
  private var computedShape: Int?
  private var kinds: Set<GeometryKind> = []
  private var hasZ = false
  private var geometryCount = 0
  private var cutTexts: [Int: Int] = [:]
  private var drawsShapes = false
  /// What the format cannot hold of this result.
  private(set) var notices: [String] = []

  private static let table = "layer"

  init(path: String, format: OGRFormat, options: OutputOptions) throws {
    (self.path, self.format, self.options) = (path, format, options)
    guard ExternalProgram.isInstalled("ogr2ogr") else {
      throw StoreError(
        .file,
        "cannot write \(path): \(format.driver) is written through GDAL's `ogr2ogr`, which is not installed\n"
          + "  install gdal-bin, or export GeoJSON, GeoJSONSeq or CSV")
    }
    try ReplacedFile.refuseDatabase(path)
    let parent = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    AbandonedFiles.removeBeside(path)
    guard let folder = TemporaryFile.makeFolder(prefix: "\(parent)\(AbandonedFiles.folderPrefix)\(getpid())-") else {
      throw StoreError(.file, "cannot write \(path): \(lastSystemError())")
    }
    self.folder = folder
    lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    _ = flock(lock, LOCK_EX | LOCK_NB)
  }

  deinit {
    insert = nil
    if let handle { sqlite3_close(handle) }
    AbandonedFiles.removeFolder(folder)
    close(lock)
  }

  var wantsShapes: Bool { true }

  /// KML knows one CRS, others take the one asked for.
  private var crs: CRS { format.isWGS84Only ? .wgs84 : options.crs }

  func begin(_ header: ResultHeader) throws {
    var output = options
    output.crs = crs
    transform = try ShapeTransform(from: header.crs, options: output)
    if format.isWGS84Only, options.crs != .wgs84 { notices.append("\(format.driver) is in WGS 84, not \(options.crs)") }
    if crs.epsgCode == nil { notices.append("\(format.driver) cannot say that its coordinates are \(crs)") }
    drawsShapes = header.hasShapes
    guard sqlite3_open(folder + "/rows.sqlite", &handle) == SQLITE_OK, let handle else {
      throw StoreError(.file, "cannot write \(folder)")
    }
    var names: Set<String> = ["ogc_fid", "geometry"]
    var definitions: [String] = []
    var renamed: [String] = []
    for (index, column) in header.columns.enumerated() {
      if column.type == .geometry {
        if column.origin == nil, computedShape == nil { computedShape = index }
        continue
      }
      // A drawing has layers and geometry.
      if format == .dxf { continue }
      let name = Self.name(column.name, limit: format.nameLimit, taken: &names)
      if name != column.name { renamed.append("`\(column.name)` is `\(name)`") }
      columns.append((index, name))
      definitions.append("\(quoted(name)) \(type(column.type))")
    }
    if format == .dxf, header.columns.contains(where: { $0.type != .geometry }) {
      notices.append("DXF holds geometry only: the columns are left out")
    }
    if !renamed.isEmpty { notices.append("in \(format.driver) " + renamed.joined(separator: ", ")) }
    let list = definitions.map { ", " + $0 }.joined()
    for sql in [
      "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF",
      "CREATE TABLE geometry_columns (f_table_name TEXT, f_geometry_column TEXT, geometry_type INTEGER, "
        + "coord_dimension INTEGER, srid INTEGER, geometry_format TEXT)",
      "CREATE TABLE spatial_ref_sys (srid INTEGER UNIQUE, auth_name TEXT, auth_srid TEXT, srtext TEXT)",
      "CREATE TABLE \(Self.table) (ogc_fid INTEGER PRIMARY KEY, geometry BLOB\(list))", "BEGIN",
    ] { try SQLStatement(handle, sql).run() }
    let marks = String(repeating: ", ?", count: columns.count)
    insert = try SQLStatement(
      handle, "INSERT INTO \(Self.table) VALUES (NULL, ?\(marks))", persistent: true)
  }

  /// A name that the format takes and that no other column has.
  private static func name(_ name: String, limit: Int?, taken: inout Set<String>) -> String {
    func cut(_ text: String, _ limit: Int) -> String {
      var result = text
      while result.utf8.count > limit { result.removeLast() }
      return result
    }
    var candidate = limit.map { cut(name, $0) } ?? name
    var number = 2
    while !taken.insert(candidate.lowercased()).inserted {
      let suffix = "_\(number)"
      candidate = limit.map { cut(name, $0 - suffix.utf8.count) + suffix } ?? name + suffix
      number += 1
    }
    return candidate
  }

  /// The declared type by which GDAL's SQLite driver knows a column's.
  private func type(_ type: ColumnType?) -> String {
    switch type {
    case .int: "BIGINT"
    case .double: "FLOAT"
    case .bool: format == .shp ? "INTEGER" : "INTEGER_BOOLEAN"
    // FlatGeobuf has no dates without a time, a DBF no times of day, KML neither: they go as text.
    case .date: format == .fgb || format == .kml ? "VARCHAR" : "DATE"
    case .timestamp: format == .shp || format == .kml ? "VARCHAR" : "TIMESTAMP"
    default: "VARCHAR"
    }
  }

  func write(_ batch: RowBatch) throws {
    guard let insert else { return }
    for row in 0..<batch.rowCount {
      var shape = row < batch.shapes.count ? batch.shapes[row] : nil
      if let computedShape, case .geometry(let shapes) = batch.columns[computedShape].storage { shape = shapes[row] }
      if var shape, !shape.isEmpty {
        try transform?.apply(&shape)
        kinds.insert(shape.kind)
        hasZ = hasZ || shape.hasZ
        geometryCount += 1
        insert.bind(1, blob: WKB.write(shape))
      } else {
        insert.bindNull(1)
      }
      for (i, column) in columns.enumerated() { bind(i, batch.columns[column.source][row]) }
      try insert.run()
    }
  }

  private func bind(_ index: Int, _ value: Value) {
    guard let insert else { return }
    switch value {
    case .null: insert.bindNull(index + 2)
    case .int(let number): insert.bind(index + 2, number)
    case .bool(let flag): insert.bind(index + 2, Int64(flag ? 1 : 0))
    case .double(let number): if number.isFinite { insert.bind(index + 2, number) } else { insert.bindNull(index + 2) }
    case .date(let days): insert.bind(index + 2, CellText.date(days))
    case .timestamp(let instant): insert.bind(index + 2, CellText.timestamp(instant))
    case .text, .list, .geometry:
      var text = value.plainText
      if let limit = format.textLimit, text.utf8.count > limit {
        cutTexts[index, default: 0] += 1
        while text.utf8.count > limit { text.removeLast() }
      }
      insert.bind(index + 2, text)
    }
  }

  func end(notices: [String]) throws {
    insert = nil
    guard let handle else { return }
    let dimension = hasZ ? 3 : 2
    if geometryCount > 0 {
      try SQLStatement(
        handle,
        "INSERT INTO geometry_columns VALUES ('\(Self.table)', 'geometry', \(Self.code(kinds)), \(dimension), -1, 'WKB')"
      ).run()
    }
    try SQLStatement(handle, "COMMIT").run()
    sqlite3_close(handle)
    self.handle = nil
    if format.holdsOneKind, Set(kinds.map(\.multi)).count > 1 {
      throw StoreError(
        .content,
        "cannot write \(path): one \(format.driver) file holds one kind of geometry, and this result has "
          + kinds.map(\.rawName).sorted().joined(separator: ", ") + "; use .gpkg, or export one kind at a time")
    }
    if geometryCount == 0, format != .gpkg, format != .shp {
      throw StoreError(.content, "cannot write \(path): the result has no geometry; use .csv or .gpkg")
    }
    for (index, count) in cutTexts.sorted(by: { $0.key < $1.key }) {
      self.notices.append(
        "`\(columns[index].name)`: \(count) text\(count == 1 ? "" : "s") of more than \(format.textLimit ?? 0) bytes "
          + "\(count == 1 ? "is" : "are") cut, which is all that \(format.driver) holds")
    }
    try convert()
  }

  private static func code(_ kinds: Set<GeometryKind>) -> Int {
    guard kinds.count == 1, let kind = kinds.first else { return 0 }
    switch kind {
    case .point: return 1
    case .lineString: return 2
    case .polygon: return 3
    case .multiPoint: return 4
    case .multiLineString: return 5
    case .multiPolygon: return 6
    case .geometryCollection: return 7
    }
  }

  /// `-nlt` where single and multi geometries are mixed, or none is known.
  private var typeArguments: [String] {
    let multi = Set(kinds.map(\.multi))
    let suffix = hasZ ? "25D" : ""
    if geometryCount == 0 { return ["-nlt", "NONE"] }
    if kinds.count == 1 { return ["-nlt", kinds.first!.rawName.uppercased() + suffix] }
    return multi.count == 1 ? ["-nlt", multi.first!.rawName.uppercased() + suffix] : ["-nlt", "GEOMETRY" + suffix]
  }

  private func convert() throws {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    let made = folder + "/" + stem + "." + format.rawValue
    var arguments = ["-f", format.driver, made, folder + "/rows.sqlite", Self.table]
    arguments += format == .dxf ? [] : ["-nln", stem]
    arguments += typeArguments
    if let code = crs.epsgCode { arguments += ["-a_srs", "EPSG:\(code)"] }
    switch format {
    case .shp: arguments += ["-lco", "ENCODING=\(options.encoding ?? "UTF-8")"]
    case .gpkg: arguments += ["-lco", "FID=fid_", "-lco", "GEOMETRY_NAME=geom"]
    case .gml: arguments += ["-dsco", "FORMAT=GML3.2"]
    default: break
    }
    let outcome = ExternalProgram.run(
      "ogr2ogr", arguments, seconds: options.externalSeconds, memoryBytes: options.externalBytes,
      token: options.token)
    guard let outcome else { throw StoreError(.file, "`ogr2ogr` is not installed") }
    if let error = outcome.stopped { throw error }
    if outcome.timedOut {
      throw StoreError(
        .limit, "cannot write \(path): `ogr2ogr` was stopped after \(Int(options.externalSeconds)) s (--timeout)")
    }
    guard outcome.status == 0, access(made, F_OK) == 0 else {
      let said = ExternalProgram.summary(outcome)
      if said.lowercased().contains("driver"), said.lowercased().contains("find") || said.contains("not recognized") {
        throw StoreError(.file, "cannot write \(path): this GDAL has no driver for \(format.driver)")
      }
      throw StoreError(.file, "cannot write \(path): `ogr2ogr` \(said)")
    }
    for line in outcome.errors.split(whereSeparator: \.isNewline) where line.hasPrefix("Warning") {
      let text = line.drop { $0 != ":" }.dropFirst().drop { $0 == " " }
      // Said above, in words of our own.
      if text.hasPrefix("Normalized/laundered") || text.hasPrefix("Field") && text.contains("as") { continue }
      let end = text.firstRange(of: " -mapFieldType")?.lowerBound ?? text.endIndex
      if !notices.contains(String(text[..<end])) { notices.append(String(text[..<end])) }
    }
    try publish(made, stem: stem, path: path)
  }

  /// Gives each file its name: none, when one of them cannot have it.
  private func publish(_ made: String, stem: String, path: String) throws {
    // A dot of a folder's name ends nothing.
    let target = path.dropLast(path.split(separator: "/").last?.count ?? 0) + stem
    let files = format.companions(of: folder + "/" + stem)
    let places = zip(files, format.companions(of: String(target))).map { $0 == made ? path : $1 }
    for (file, place) in zip(files, places) {
      var status = stat()
      if lstat(place, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        throw StoreError(.file, "cannot write \(place): \(systemError(EISDIR))")
      }
      if access(file, F_OK) == 0 { try FileSync.flush(file) }
    }
    for (file, place) in zip(files, places) {
      guard access(file, F_OK) == 0 else {
        unlink(place)
        continue
      }
      guard rename(file, place) == 0 else {
        throw StoreError(.file, "cannot write \(place): \(lastSystemError())")
      }
    }
  }
}

extension GeometryKind {
  /// `Point`, `MultiPolygon`, …
  var rawName: String {
    switch self {
    case .point: "Point"
    case .lineString: "LineString"
    case .polygon: "Polygon"
    case .multiPoint: "MultiPoint"
    case .multiLineString: "MultiLineString"
    case .multiPolygon: "MultiPolygon"
    case .geometryCollection: "GeometryCollection"
    }
  }
}
