internal import CPROJ
internal import Synchronization

/// The PROJ library, opened on first use, without network.
enum PROJ {
  struct Library: @unchecked Sendable {
    let functions: UnsafePointer<cproj>
  }

  private static let library: Result<Library, CRSError> = {
    var message: UnsafePointer<CChar>? = nil
    guard let functions = cproj_open(&message) else {
      let reason = message.map { String(cString: $0) } ?? "unknown error"
      return .failure(
        CRSError("libproj could not be opened: \(reason)\n  install it (Debian: apt install libproj25 proj-data)"))
    }
    return .success(Library(functions: functions))
  }()

  static func functions() throws(CRSError) -> UnsafePointer<cproj> { try library.get().functions }

  /// A PROJ context, which serves one thread at a time, with an object made in it, freed with its owner.
  struct Object: ~Copyable, @unchecked Sendable {
    let functions: UnsafePointer<cproj>
    let context: OpaquePointer
    let pointer: OpaquePointer

    /// Takes both over.
    init(functions: UnsafePointer<cproj>, context: OpaquePointer, pointer: OpaquePointer) {
      self.functions = functions
      self.context = context
      self.pointer = pointer
    }

    deinit {
      _ = functions.pointee.proj_destroy(pointer)
      _ = functions.pointee.proj_context_destroy(context)
    }

    /// The same object in a context of its own, for another thread.
    func clone() throws(CRSError) -> Object {
      guard let context = functions.pointee.proj_context_clone(context) else {
        throw CRSError("PROJ has no memory for another context")
      }
      guard let pointer = functions.pointee.proj_clone(context, pointer) else {
        _ = functions.pointee.proj_context_destroy(context)
        throw CRSError("PROJ could not copy a transformation for another thread")
      }
      return Object(functions: functions, context: context, pointer: pointer)
    }
  }

  static func makeContext(_ functions: UnsafePointer<cproj>) throws(CRSError) -> OpaquePointer {
    guard let context = functions.pointee.proj_context_create() else {
      throw CRSError("PROJ has no memory for a context")
    }
    _ = functions.pointee.proj_log_level(context, PJ_LOG_NONE)
    _ = functions.pointee.proj_context_set_enable_network(context, 0)
    return context
  }

  /// What PROJ says of the last failure in `context`.
  static func reason(_ functions: UnsafePointer<cproj>, _ context: OpaquePointer, _ number: Int32? = nil) -> String {
    let number = number ?? functions.pointee.proj_context_errno(context)
    guard number != 0, let text = functions.pointee.proj_context_errno_string(context, number) else {
      return "no reason given"
    }
    return String(cString: text)
  }
}

/// A transformation compiled by PROJ: x and y in, x and y out. Threads share it; each works on a clone of its own, kept
/// for the next caller.
final class PROJPipeline: Sendable {
  /// Arrays hold no noncopyable values; a class around each does.
  private final class Box: Sendable {
    let object: PROJ.Object
    init(_ object: consuming PROJ.Object) { self.object = object }
  }

  /// Never transforms, so that it can be cloned at any time.
  private let template: Mutex<Box>
  private let idle = Mutex<[Box]>([])

  init(from source: CRS, to target: CRS) throws(CRSError) {
    let functions = try PROJ.functions()
    let context = try PROJ.makeContext(functions)
    func crs(_ crs: CRS) throws(CRSError) -> OpaquePointer {
      if let object = functions.pointee.proj_create(context, "\(crs.authority):\(crs.code)") { return object }
      throw CRSError("\(crs) is not known to PROJ (\(PROJ.reason(functions, context)))")
    }
    do throws(CRSError) {
      let from = try crs(source)
      defer { _ = functions.pointee.proj_destroy(from) }
      let to = try crs(target)
      defer { _ = functions.pointee.proj_destroy(to) }
      guard let operation = functions.pointee.proj_create_crs_to_crs_from_pj(context, from, to, nil, nil) else {
        throw CRSError("PROJ has no way from \(source) to \(target) (\(PROJ.reason(functions, context)))")
      }
      // x east, y north, whatever the authority's order: the only place where axis order is settled.
      defer { _ = functions.pointee.proj_destroy(operation) }
      guard let normalised = functions.pointee.proj_normalize_for_visualization(context, operation) else {
        throw CRSError("PROJ cannot put the axes from \(source) to \(target) in order")
      }
      template = Mutex(Box(PROJ.Object(functions: functions, context: context, pointer: normalised)))
    } catch {
      _ = functions.pointee.proj_context_destroy(context)
      throw error
    }
  }

  /// Transforms in place. Coordinates that cannot be transformed become infinite; returns PROJ's reason for the last.
  func apply(_ xy: UnsafeMutablePointer<Double>, count: Int) throws(CRSError) -> String? {
    let box = try take()
    defer { idle.withLock { $0.append(box) } }
    let (f, object) = (box.object.functions.pointee, box.object.pointer)
    _ = f.proj_errno_reset(object)
    let stride = 2 * MemoryLayout<Double>.stride
    _ = f.proj_trans_generic(object, PJ_FWD, xy, stride, count, xy + 1, stride, count, nil, 0, 0, nil, 0, 0)
    let number = f.proj_errno(object)
    return number == 0 ? nil : PROJ.reason(box.object.functions, box.object.context, number)
  }

  private func take() throws(CRSError) -> Box {
    if let box = idle.withLock({ $0.popLast() }) { return box }
    let clone: Result<Box, CRSError> = template.withLock { template in
      do throws(CRSError) { return .success(Box(try template.object.clone())) } catch { return .failure(error) }
    }
    return try clone.get()
  }
}
