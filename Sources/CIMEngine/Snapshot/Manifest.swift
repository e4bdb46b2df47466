internal import Glibc

/// The file that makes a folder of segments a snapshot: what it shows, and which files belong to it.
///
/// It is written last and moved into its place, so that a folder always shows one whole snapshot.
struct Manifest: Equatable, Sendable {
  static let fileName = "manifest"
  /// "CIMQSNP" and a byte that text-mode transfers would change.
  static let magic: UInt64 = 0x1A50_4E53_514D_4943
  static let version: UInt32 = 1

  struct Layer: Equatable, Sendable {
    var segmentFile: String
    var segmentDigest: FileDigest
    /// nil where the layer links nothing.
    var linksFile: String?
    var linksDigest: FileDigest?
    var orderID: UInt64
    var rowCount: Int
    /// False for a table whose edits are not logged, because others made it and this database could not be written:
    /// then nobody knows how long the segment is good.
    var isTracked = true
  }

  var state: SnapshotState
  var catalog: Catalog
  /// As in the catalogue.
  var layers: [Layer]

  var bytes: [UInt8] {
    var payload = SnapshotBytes()
    payload.put(state.revision.uuid)
    payload.put(state.revision.revision)
    payload.put(state.revision.token)
    payload.put(state.schemaVersion)
    catalog.write(to: &payload)
    for layer in layers {
      payload.put(layer.segmentFile)
      Self.put(layer.segmentDigest, &payload)
      payload.put(optional: layer.linksFile) { $0.put($1) }
      payload.put(optional: layer.linksDigest) { Self.put($1, &$0) }
      payload.put(layer.orderID)
      payload.put(UInt64(layer.rowCount))
      payload.put(layer.isTracked)
    }
    var result = SnapshotBytes()
    result.put(Self.magic)
    result.put(Self.version)
    result.put(UInt64(payload.bytes.count))
    let checksum = payload.bytes.withUnsafeBytes { BlockFormat.checksum($0) }
    result.put(checksum)
    return result.bytes + payload.bytes
  }

  /// The files that belong to the snapshot, and those that the folder needs itself.
  var fileNames: Set<String> {
    var names: Set<String> = [Self.fileName, SnapshotLock.fileName]
    for layer in layers {
      names.insert(layer.segmentFile)
      if let links = layer.linksFile { names.insert(links) }
    }
    return names
  }

  private static func put(_ digest: FileDigest, _ bytes: inout SnapshotBytes) {
    bytes.put(digest.length)
    bytes.put(digest.checksum)
  }

  private static func getDigest(_ reader: inout SnapshotReader) throws(SnapshotDamage) -> FileDigest {
    FileDigest(length: try reader.get(UInt64.self), checksum: try reader.get(UInt32.self))
  }

  /// A name inside the folder, and nothing else.
  private static func getFileName(_ reader: inout SnapshotReader) throws(SnapshotDamage) -> String {
    let name = try reader.getString()
    guard !name.isEmpty, !name.hasPrefix("."), name.utf8.allSatisfy({ $0 != UInt8(ascii: "/") && $0 != 0 }) else {
      throw reader.damage("names a file outside the folder")
    }
    return name
  }

  init(state: SnapshotState, catalog: Catalog, layers: [Layer]) {
    self.state = state
    self.catalog = catalog
    self.layers = layers
  }

  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(SnapshotDamage) {
    var head = SnapshotReader(bytes, path: path)
    guard try head.get(UInt64.self) == Self.magic else { throw head.damage("is not a snapshot manifest") }
    let version = try head.get(UInt32.self)
    guard version == Self.version else {
      throw head.damage("has format version \(version), this program reads \(Self.version)")
    }
    let length = try head.get(UInt64.self)
    let checksum = try head.get(UInt32.self)
    guard length == UInt64(bytes.count - 24) else { throw head.damage("is cut short") }
    let payload = UnsafeRawBufferPointer(rebasing: bytes[24...])
    guard BlockFormat.checksum(payload) == checksum else { throw head.damage("does not match its checksum") }
    var reader = SnapshotReader(payload, path: path)
    let revision = Revision(
      uuid: try reader.getString(), revision: try reader.get(Int64.self), token: try reader.get(Int64.self))
    state = SnapshotState(revision: revision, schemaVersion: try reader.get(Int64.self))
    catalog = try Catalog.read(from: &reader)
    layers = []
    for _ in catalog.layers {
      let segmentFile = try Self.getFileName(&reader)
      let digest = try Self.getDigest(&reader)
      let linksFile = try reader.getOptional { (reader) throws(SnapshotDamage) in try Self.getFileName(&reader) }
      let linksDigest = try reader.getOptional { (reader) throws(SnapshotDamage) in try Self.getDigest(&reader) }
      let orderID = try reader.get(UInt64.self)
      let rowCount = try reader.get(UInt64.self)
      guard (linksFile == nil) == (linksDigest == nil), rowCount < UInt64(UInt32.max) else {
        throw reader.damage("describes a layer that cannot be")
      }
      layers.append(
        Layer(
          segmentFile: segmentFile, segmentDigest: digest, linksFile: linksFile, linksDigest: linksDigest,
          orderID: orderID, rowCount: Int(rowCount), isTracked: try reader.getBool()))
    }
    guard reader.isAtEnd else { throw reader.damage("has bytes left over") }
  }

  static func read(in folder: String) throws(SnapshotDamage) -> Manifest {
    let path = folder + "/" + fileName
    let descriptor = try BlockFile.open(path)
    defer { close(descriptor) }
    var status = stat()
    // A manifest is some kilobytes; what is larger is not one.
    guard fstat(descriptor, &status) == 0, status.st_size >= 24, status.st_size < 1 << 28 else {
      throw SnapshotDamage(path: path, finding: "is not a snapshot manifest")
    }
    let size = Int(status.st_size)
    var bytes = [UInt8](repeating: 0, count: size)
    let count = bytes.withUnsafeMutableBytes { buffer in
      var done = 0
      while done < size {
        let n = Glibc.read(descriptor, buffer.baseAddress! + done, size - done)
        if n < 0, errno == EINTR { continue }
        if n <= 0 { break }
        done += n
      }
      return done
    }
    guard count == size else { throw SnapshotDamage(path: path, finding: "cannot be read") }
    let result: Result<Manifest, SnapshotDamage> = bytes.withUnsafeBytes { raw in
      do throws(SnapshotDamage) { return .success(try Manifest(raw, path: path)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// Puts the manifest in its place.
  func write(in folder: String) throws(StoreError) {
    try WholeFile.write(bytes, to: folder + "/" + Self.fileName)
  }
}
