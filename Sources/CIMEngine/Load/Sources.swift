internal import Glibc

/// One file, or one layer of a file, that an import is to read.
public struct ImportSource: Sendable {
  public var source: any FeatureSource
  /// The options that hold for it: the caller's, completed by its manifest.
  public var options: LoadOptions
  /// How many rows its manifest promises; another number is worth a warning.
  public var promisedCount: Int?

  public var path: String { source.path }
}

/// Everything that one import reads, and what its manifests say of the whole.
public struct SourceSet: Sendable {
  public var sources: [ImportSource] = []
  public var title: String?
  public var notice: String?
  public var workingCRS: CRS?
  public var verticalCRS: CRS?
  public var links: [Catalog.Link] = []
  public var warnings: [String] = []
}

/// Finds what paths stand for: files of any form, folders with or without `cimq.json`, patterns, tile indexes.
public struct Sources {
  private let options: LoadOptions
  private var set = SourceSet()
  /// Which manifest said the working CRS.
  private var workingCRSPath: String?
  private var manifests: [String: SourceManifest] = [:]

  /// The folders below the one that is added, by their real paths.
  private var folders: Set<String> = []

  private static let folderDepth = 8

  /// Opens every path, in order.
  ///
  /// - A folder with a `cimq.json` gives the files that it lists; without one every file that can be read by its name,
  ///   in subfolders too, sorted by path.
  /// - A file listed by a `cimq.json` beside it is read as that says. Else its layer is its name up to the first dot.
  /// - A path that does not exist and holds `*`, `?` or `[` is a pattern.
  /// - Throws: what is missing, of unknown form, or needs a program that is not there.
  public static func open(_ paths: [String], options: LoadOptions = LoadOptions()) throws(LoadError) -> SourceSet {
    var sources = Sources(options: options)
    for path in paths { try sources.add(path) }
    return sources.set
  }

  private init(options: LoadOptions) { self.options = options }

  private mutating func add(_ path: String) throws(LoadError) {
    folders = []
    if options.isAlone { return try addAlone(path) }
    if try Self.isFolder(path) ?? false, SourceFormat.pathExtension(path) != "gdb" {
      let before = set.sources.count
      try addFolder(Self.trimmed(path), depth: 0)
      if set.sources.count == before {
        throw LoadError(path: path, reason: .refused("the folder holds no file that can be imported"))
      }
      return
    }
    if try Self.isFolder(path) == nil, path.contains(where: { "*?[".contains($0) }) {
      let matches = Self.matches(path)
      guard !matches.isEmpty else { throw LoadError(path: path, reason: .unreadable("no file fits this pattern")) }
      for match in matches where try !(Self.isFolder(match) ?? false) { try addFile(match) }
      return
    }
    try addFile(path)
  }

  /// Nil when there is nothing.
  private static func isFolder(_ path: String) throws(LoadError) -> Bool? {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .system(path, errno)
    }
    return status.st_mode & S_IFMT == S_IFDIR
  }

  private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  private static func trimmed(_ path: String) -> String {
    var path = Substring(path)
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  private static func matches(_ pattern: String) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, 0, nil, &result) == 0 else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { result.gl_pathv[$0].map { String(cString: $0) } }
  }

  // MARK: Folders

  /// A folder that symbolic links lead to again would be read again and again.
  private mutating func enter(_ folder: String) throws(LoadError) {
    guard let real = FilePath.real(folder) else { throw .system(folder, errno) }
    guard folders.insert(real).inserted else {
      throw LoadError(path: folder, reason: .refused("is the folder \(real) once more, by a symbolic link or a list"))
    }
  }

  private mutating func addFolder(_ folder: String, depth: Int) throws(LoadError) {
    try enter(folder)
    let manifestPath = folder + "/" + SourceManifest.fileName
    if Self.exists(manifestPath) {
      try addManifest(manifestPath, depth: depth)
      return
    }
    guard depth < Self.folderDepth else {
      throw LoadError(path: folder, reason: .refused("folders nest more than \(Self.folderDepth) deep"))
    }
    for name in try Self.names(in: folder) {
      let path = folder + "/" + name
      if try Self.isFolder(path) ?? false, SourceFormat.pathExtension(path) != "gdb" {
        try addFolder(path, depth: depth + 1)
      } else if SourceFormat.isImportable(name) {
        // The tiles of an index lie in the folder and are met one by one.
        try ListedFile.checkKind(path)
        if SourceFormat.pathExtension(name) == "json", try SourceFormat.find(path) == .tileIndex { continue }
        try addFile(path)
      }
    }
  }

  /// The names in a folder, sorted, hidden ones left out.
  private static func names(in folder: String) throws(LoadError) -> [String] {
    guard let names = Folder.names(in: folder) else { throw .system(folder, errno) }
    return names.filter { !$0.hasPrefix(".") }.sorted()
  }

  private mutating func addManifest(_ path: String, depth: Int) throws(LoadError) {
    guard depth < Self.folderDepth else {
      throw LoadError(path: path, reason: .refused("folders nest more than \(Self.folderDepth) deep"))
    }
    let manifest = try self.manifest(path)
    let folder = FilePath.folder(of: path)
    if let layer = options.layer, Set(manifest.files.map { $0.layer.lowercased() }).count > 1 {
      throw LoadError(
        path: path, reason: .refused("lists several layers, but --layer \(layer) names one"),
        fix: "leave --layer out, or import a single file")
    }
    try take(manifest)
    for entry in manifest.files {
      let file = folder + "/" + entry.path
      guard Self.exists(file) else {
        throw LoadError(path: file, reason: .unreadable("there is no such file, but \(path) lists it"))
      }
      try ListedFile.check(file, within: folder, listedBy: path)
      try addFile(file, entry, manifest)
    }
    for name in manifest.folders {
      let below = folder + "/" + name
      guard Self.exists(below + "/" + SourceManifest.fileName) else {
        throw LoadError(
          path: below,
          reason: .unreadable("there is no \(SourceManifest.fileName) in this folder, but \(path) lists it"))
      }
      try ListedFile.check(below + "/" + SourceManifest.fileName, within: folder, listedBy: path)
      try enter(below)
      try addManifest(below + "/" + SourceManifest.fileName, depth: depth + 1)
    }
  }

  private mutating func manifest(_ path: String) throws(LoadError) -> SourceManifest {
    if let known = manifests[path] { return known }
    let manifest = try SourceManifest(path: path)
    manifests[path] = manifest
    return manifest
  }

  /// Joins what a manifest says of the whole to what others have said.
  private mutating func take(_ manifest: SourceManifest) throws(LoadError) {
    if let crs = manifest.workingCRS {
      if let known = set.workingCRS, known != crs {
        throw LoadError(
          path: manifest.path,
          reason: .refused("asks for the working CRS \(crs), but \(workingCRSPath ?? "another") asks for \(known)"),
          fix: "name one with --working-crs and import the folders one by one")
      }
      set.workingCRS = crs
      workingCRSPath = manifest.path
    }
    set.title = set.title ?? manifest.title
    set.notice = set.notice ?? manifest.notice
    set.verticalCRS = set.verticalCRS ?? manifest.verticalCRS
    for link in manifest.links where !set.links.contains(link) { set.links.append(link) }
  }

  private static func name(of path: String) -> String { String(path.split(separator: "/").last ?? "") }

  /// The file's name up to the first dot.
  static func layerName(of path: String) -> String {
    let name = name(of: path)
    let stem = name.prefix { $0 != "." }
    return stem.isEmpty ? String(name.drop { $0 == "." }.prefix { $0 != "." }) : String(stem)
  }

  // MARK: Files

  private mutating func addFile(_ path: String) throws(LoadError) {
    let beside = FilePath.folder(of: path) + "/" + SourceManifest.fileName
    if Self.name(of: path) != SourceManifest.fileName, Self.exists(beside) {
      let manifest = try self.manifest(beside)
      if let entry = manifest.entry(named: Self.name(of: path)) {
        try take(manifest)
        try addFile(path, entry, manifest)
        return
      }
    }
    if try Self.isFolder(path) == nil { throw .system(path, ENOENT) }
    if SourceFormat.pathExtension(path) == "gdb", try Self.isFolder(path) ?? false {
      try addOther(path, options, promised: nil)
      return
    }
    switch try SourceFormat.find(path) {
    case .manifest: try addManifest(path, depth: 0)
    case .tileIndex: try addTiles(path)
    case .file(let format): try add(path, format, options, promised: nil)
    }
  }

  private mutating func addFile(_ path: String, _ entry: SourceManifest.File, _ manifest: SourceManifest)
    throws(LoadError)
  {
    var options = self.options
    options.layer = options.layer ?? entry.layer
    if let crs = entry.crs {
      if let given = options.crs, given != crs {
        set.warnings.append("\(path): the manifest says \(crs), which wins over --crs \(given)")
      }
      options.crs = crs
    }
    options.encoding = options.encoding ?? entry.encoding
    options.timeZone = options.timeZone ?? entry.timeZone ?? manifest.timeZone
    options.types = entry.types.merging(options.types) { _, given in given }
    options.linkColumns.formUnion(manifest.linkColumns(of: entry.layer))
    options.xColumn = entry.x
    options.yColumn = entry.y
    options.zColumn = entry.z
    options.shapeColumn = entry.wkt
    // An entry without columns and CRS has no geometry.
    options.findsGeometry = entry.crs != nil || options.forceCRS != nil
    if let bytes = entry.byteCount, let size = Self.size(path), size != bytes {
      set.warnings.append("\(path): has \(size) bytes, the manifest says \(bytes)")
    }
    let format: SourceFormat
    if let name = entry.format, let stated = SourceFormat(rawValue: name) {
      format = stated
    } else if case .file(let found) = try SourceFormat.find(path) {
      format = found
    } else {
      throw LoadError(path: path, reason: .refused("is listed as a file of data, but holds a list of files"))
    }
    try add(path, format, options, promised: entry.count)
  }

  private static func size(_ path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : nil
  }

  private mutating func add(
    _ path: String, _ format: SourceFormat, _ options: LoadOptions, promised: Int?
  ) throws(LoadError) {
    let layer = options.layer ?? Self.layerName(of: path)
    let source: any FeatureSource
    switch format {
    case .geojson, .geojsonseq:
      source = GeoJSON(path: path, layer: layer, options: options, isSequence: format == .geojsonseq)
    case .cityjson, .cityjsonseq:
      source = CityJSON(path: path, options: options, isSequence: format == .cityjsonseq)
    case .csv: source = CSV(path: path, layer: layer, options: options, delimiter: nil)
    case .tsv: source = CSV(path: path, layer: layer, options: options, delimiter: UInt8(ascii: "\t"))
    case .other:
      try addOther(path, options, promised: promised)
      return
    }
    set.sources.append(ImportSource(source: source, options: options, promisedCount: promised))
  }

  /// A file by itself, whatever lies beside it.
  private mutating func addAlone(_ path: String) throws(LoadError) {
    guard case .file(let format) = try SourceFormat.find(path), format != .other else {
      throw LoadError(
        path: path, reason: .refused("in a sandbox only GeoJSON, CSV, TSV and CityJSON are read, file by file"),
        fix: "convert the file to GeoJSON")
    }
    try add(path, format, options, promised: nil)
  }

  private mutating func addOther(_ path: String, _ options: LoadOptions, promised: Int?) throws(LoadError) {
    for source in try OGR.sources(path, options: options) {
      set.sources.append(ImportSource(source: source, options: options, promisedCount: promised))
    }
  }

  /// The files that a tile index lists: `{"tiles": [{"file": "a.city.jsonl"}, …], "crs": "EPSG:4547"}`.
  private mutating func addTiles(_ path: String) throws(LoadError) {
    let document = try JSONDocumentReader(path: path)
    let root = try document.value()
    var files: [String] = []
    guard let tiles = root["tiles"], tiles.isArray else {
      throw LoadError(path: path, reason: .malformed("`tiles` is not an array"))
    }
    for (index, tile) in tiles.elements.enumerated() {
      let name = tile.text ?? tile["file"]?.text ?? tile["path"]?.text ?? tile["location"]?.text
      guard let name = name?.string, !name.isEmpty, !name.hasPrefix("/"), !name.split(separator: "/").contains("..")
      else {
        throw LoadError(
          path: path, reason: .malformed("tile \(index + 1) names no `file` in the folder of the index"))
      }
      files.append(FilePath.folder(of: path) + "/" + name)
    }
    withExtendedLifetime(document) {}
    for (index, file) in files.enumerated() {
      guard Self.exists(file) else {
        throw LoadError(path: file, reason: .unreadable("there is no such file, but \(path) lists it"))
      }
      try ListedFile.check(file, within: FilePath.folder(of: path), listedBy: path)
      // An index that lists itself, or another that lists it, would never end.
      guard try !(Self.isFolder(file) ?? false), case .file = try SourceFormat.find(file) else {
        throw LoadError(path: path, reason: .refused("tile \(index + 1), \(file), is no tile but a list of files"))
      }
      try addFile(file)
    }
  }
}
