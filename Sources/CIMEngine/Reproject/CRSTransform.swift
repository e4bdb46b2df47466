internal import Synchronization

/// Brings coordinates from one reference system into another; x is east or longitude, y north or latitude, in degrees
/// or metres as the system has it. Heights are left as they are.
///
/// Compiled once for each pair of systems and shared by all threads. WGS 84, CGCS2000, their Gauss-Krüger and UTM zones,
/// GCJ-02 and BD-09 are done here, anything else by PROJ, without network. WGS 84 and CGCS2000 count as equal.
public final class CRSTransform: Sendable {
  public let source: CRS
  public let target: CRS
  private let steps: [Step]

  private enum Step: Sendable {
    case gcj02ToWGS84, wgs84ToGCJ02, bd09ToGCJ02, gcj02ToBD09
    case project(TransverseMercator)
    case unproject(TransverseMercator)
    case proj(PROJPipeline)
  }

  private static let cache = Mutex<[Pair: CRSTransform]>([:])

  private struct Pair: Hashable {
    let source: CRS
    let target: CRS
  }

  /// The transformation from `source` to `target`, compiled on first use.
  ///
  /// - Throws: ``CRSError`` when either is unknown or there is no way between them.
  public static func between(_ source: CRS, _ target: CRS) throws(CRSError) -> CRSTransform {
    let pair = Pair(source: source, target: target)
    if let known = cache.withLock({ $0[pair] }) { return known }
    let made = try CRSTransform(source, target)
    return cache.withLock { known in
      if let earlier = known[pair] { return earlier }
      known[pair] = made
      return made
    }
  }

  private init(_ source: CRS, _ target: CRS) throws(CRSError) {
    self.source = source
    self.target = target
    if source == target {
      // Even so the system must exist.
      if KnownCRS(source) == nil { _ = try CRSInfo.lookup(source) }
      steps = []
      return
    }
    let (from, to) = (KnownCRS(source), KnownCRS(target))
    if let from, let to {
      steps = Self.steps(toWGS84: from) + Self.steps(fromWGS84: to)
      return
    }
    // PROJ does what is left between the horizontal systems, with WGS 84 in place of the offset ones.
    let (sourceCRS, before) = try Self.horizontal(source, from)
    let (targetCRS, after) = try Self.horizontal(target, to)
    var steps = before.map { Self.steps(toWGS84: $0) } ?? []
    if sourceCRS != targetCRS { steps.append(.proj(try PROJPipeline(from: sourceCRS, to: targetCRS))) }
    self.steps = steps + (after.map { Self.steps(fromWGS84: $0) } ?? [])
  }

  /// The system that PROJ is to see for `crs`, and what is left to do on this side of it.
  private static func horizontal(_ crs: CRS, _ known: KnownCRS?) throws(CRSError) -> (CRS, KnownCRS?) {
    switch known {
    case .gcj02: return (.wgs84, .gcj02)
    case .bd09: return (.wgs84, .bd09)
    case .geographic where crs != .cgcs2000: return (.wgs84, nil)
    case .geographic, .transverseMercator: return (crs, nil)
    case nil: return (try CRSInfo.lookup(crs).horizontal, nil)
    }
  }

  private static func steps(toWGS84 known: KnownCRS) -> [Step] {
    switch known {
    case .geographic: []
    case .gcj02: [.gcj02ToWGS84]
    case .bd09: [.bd09ToGCJ02, .gcj02ToWGS84]
    case .transverseMercator(let projection): [.unproject(projection)]
    }
  }

  private static func steps(fromWGS84 known: KnownCRS) -> [Step] {
    switch known {
    case .geographic: []
    case .gcj02: [.wgs84ToGCJ02]
    case .bd09: [.wgs84ToGCJ02, .gcj02ToBD09]
    case .transverseMercator(let projection): [.project(projection)]
    }
  }

  /// Whether coordinates come out as they went in.
  public var isIdentity: Bool { steps.isEmpty }

  /// Transforms `count` vertices x0, y0, x1, y1, … in place.
  ///
  /// - Throws: ``CRSError`` that names the first vertex (from 0) which is not finite or cannot be transformed; vertices
  ///   up to it may have been changed.
  public func apply(_ xy: UnsafeMutablePointer<Double>, count: Int) throws(CRSError) {
    // Blocks keep a copy of what went in, for the message, and stay in the cache between steps.
    let block = 512
    try withBlock(of: 2 * min(block, count)) { (before: UnsafeMutablePointer<Double>) throws(CRSError) in
      var first = 0
      while first < count {
        let size = min(block, count - first)
        let vertices = xy + 2 * first
        before.update(from: vertices, count: 2 * size)
        var reason: String? = nil
        for step in steps { reason = try Self.run(step, vertices, size) ?? reason }
        for i in 0..<size where !vertices[2 * i].isFinite || !vertices[2 * i + 1].isFinite {
          throw failure(vertex: first + i, x: before[2 * i], y: before[2 * i + 1], reason)
        }
        first += size
      }
    }
  }

  private func withBlock(
    of count: Int, _ body: (UnsafeMutablePointer<Double>) throws(CRSError) -> Void
  ) throws(CRSError) {
    let result: Result<Void, CRSError> = withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, count)) {
      memory in
      memory.initialize(repeating: 0)
      do throws(CRSError) {
        return .success(try body(memory.baseAddress!))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  private static func run(
    _ step: Step, _ xy: UnsafeMutablePointer<Double>, _ count: Int
  ) throws(CRSError) -> String? {
    switch step {
    case .proj(let pipeline): return try pipeline.apply(xy, count: count)
    case .project(let projection):
      for i in 0..<count { (xy[2 * i], xy[2 * i + 1]) = projection.project(xy[2 * i], xy[2 * i + 1]) }
    case .unproject(let projection):
      for i in 0..<count { (xy[2 * i], xy[2 * i + 1]) = projection.unproject(xy[2 * i], xy[2 * i + 1]) }
    case .gcj02ToWGS84:
      for i in 0..<count { (xy[2 * i], xy[2 * i + 1]) = OffsetSystems.wgs84(fromGCJ02: xy[2 * i], xy[2 * i + 1]) }
    case .wgs84ToGCJ02:
      for i in 0..<count { (xy[2 * i], xy[2 * i + 1]) = OffsetSystems.gcj02(fromWGS84: xy[2 * i], xy[2 * i + 1]) }
    case .bd09ToGCJ02:
      for i in 0..<count { (xy[2 * i], xy[2 * i + 1]) = OffsetSystems.gcj02(fromBD09: xy[2 * i], xy[2 * i + 1]) }
    case .gcj02ToBD09:
      for i in 0..<count { (xy[2 * i], xy[2 * i + 1]) = OffsetSystems.bd09(fromGCJ02: xy[2 * i], xy[2 * i + 1]) }
    }
    return nil
  }

  private func failure(vertex: Int, x: Double, y: Double, _ reason: String?) -> CRSError {
    var text = "vertex \(vertex) (\(x), \(y)) "
    if !x.isFinite || !y.isFinite {
      text += "is not finite"
    } else {
      text += "cannot be brought from \(source) to \(target)" + (reason.map { ": \($0)" } ?? ": it lies too far off")
      if let info = KnownCRS.info(source), info.isGeographic, abs(y) > 90 && abs(x) <= 90 {
        text += "\n  are longitude and latitude swapped? x is longitude, y is latitude"
      }
    }
    return CRSError(text, vertex: vertex)
  }

  /// One point.
  public func apply(_ x: Double, _ y: Double) throws(CRSError) -> (x: Double, y: Double) {
    var point = (x, y)
    let result: Result<Void, CRSError> = withUnsafeMutableBytes(of: &point) { bytes in
      do throws(CRSError) {
        return .success(try apply(bytes.assumingMemoryBound(to: Double.self).baseAddress!, count: 1))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
    return point
  }

  /// All vertices of an array x0, y0, x1, y1, … in place.
  public func apply(_ xy: inout [Double]) throws(CRSError) {
    if steps.isEmpty && xy.allSatisfy(\.isFinite) { return }
    let result: Result<Void, CRSError> = xy.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return .success(()) }
      do throws(CRSError) {
        return .success(try apply(start, count: buffer.count / 2))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// All vertices of a geometry, members of collections included, in place; z stays as it is.
  public func apply(_ geometry: inout Geometry) throws(CRSError) {
    try apply(&geometry.xy)
    for i in geometry.members.indices { try apply(&geometry.members[i]) }
  }

  /// A transformed copy.
  public func transformed(_ geometry: Geometry) throws(CRSError) -> Geometry {
    var copy = geometry
    try apply(&copy)
    return copy
  }
}
