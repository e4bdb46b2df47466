internal import CGEOS
internal import Glibc

/// The GEOS library: DE-9IM, overlay, buffer and validity, where the engine's own kernels do not reach.
///
/// libgeos_c is opened on first use. Each thread has a context of its own, so calls may come from any thread; a handle
/// may move between threads but serves one call at a time. Geometries cross as WKB.
package enum GEOS {
  struct Library: @unchecked Sendable {
    let functions: UnsafePointer<cgeos>
    let threadKey: pthread_key_t
  }

  static let library: Result<Library, StoreError> = {
    var message: UnsafePointer<CChar>? = nil
    guard let functions = cgeos_open(&message) else {
      let reason = message.map { String(cString: $0) } ?? "unknown error"
      return .failure(
        StoreError(
          .file, "libgeos_c could not be opened: \(reason)\n  install it (Debian: apt install libgeos-c1v5)"))
    }
    var key = pthread_key_t()
    let status = pthread_key_create(&key) { Unmanaged<Thread>.fromOpaque($0!).release() }
    guard status == 0 else { return .failure(StoreError(.file, "no thread storage is left for GEOS")) }
    return .success(Library(functions: functions, threadKey: key))
  }()

  /// What one thread needs to call GEOS.
  final class Thread {
    let functions: UnsafePointer<cgeos>
    let context: GEOSContextHandle_t
    let reader: OpaquePointer
    let writer: OpaquePointer
    var message = ""

    init(_ functions: UnsafePointer<cgeos>) {
      self.functions = functions
      // None of the three fails but for want of memory.
      context = functions.pointee.GEOS_init_r()!
      reader = functions.pointee.GEOSWKBReader_create_r(context)!
      writer = functions.pointee.GEOSWKBWriter_create_r(context)!
      functions.pointee.GEOSWKBWriter_setOutputDimension_r(context, writer, 3)
      _ = functions.pointee.GEOSContext_setErrorMessageHandler_r(
        context,
        { text, thread in
          guard let text, let thread else { return }
          Unmanaged<Thread>.fromOpaque(thread).takeUnretainedValue().message = String(cString: text)
        }, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
      functions.pointee.GEOSWKBReader_destroy_r(context, reader)
      functions.pointee.GEOSWKBWriter_destroy_r(context, writer)
      functions.pointee.GEOS_finish_r(context)
    }

    /// The error of the call that just failed.
    func error(_ operation: String) -> StoreError {
      defer { message = "" }
      return StoreError(.content, "\(operation): GEOS says: \(message.isEmpty ? "no reason given" : message)")
    }
  }

  static func thread() throws(StoreError) -> Thread {
    let library = try library.get()
    if let known = pthread_getspecific(library.threadKey) {
      return Unmanaged<Thread>.fromOpaque(known).takeUnretainedValue()
    }
    let thread = Thread(library.functions)
    pthread_setspecific(library.threadKey, Unmanaged.passRetained(thread).toOpaque())
    return thread
  }
}

/// A geometry on the side of GEOS, freed with its owner.
package struct GEOSGeometry: ~Copyable, @unchecked Sendable {
  let handle: OpaquePointer

  init(owning handle: OpaquePointer) { self.handle = handle }

  /// - Throws: when GEOS cannot be opened, or refuses the geometry (a ring of fewer than four vertices).
  package init(_ geometry: Geometry) throws(StoreError) {
    let thread = try GEOS.thread()
    let bytes = WKB.write(geometry)
    guard let handle = thread.functions.pointee.GEOSWKBReader_read_r(thread.context, thread.reader, bytes, bytes.count)
    else { throw thread.error("reading a geometry") }
    self.handle = handle
  }

  package init(_ view: GeometryView) throws(StoreError) {
    let thread = try GEOS.thread()
    var bytes: [UInt8] = []
    WKB.append(view, to: &bytes)
    guard let handle = thread.functions.pointee.GEOSWKBReader_read_r(thread.context, thread.reader, bytes, bytes.count)
    else { throw thread.error("reading a geometry") }
    self.handle = handle
  }

  deinit {
    if let thread = try? GEOS.thread() { thread.functions.pointee.GEOSGeom_destroy_r(thread.context, handle) }
  }

  /// A copy as flat arrays.
  package func geometry() throws(StoreError) -> Geometry {
    let thread = try GEOS.thread()
    var size = 0
    guard let bytes = thread.functions.pointee.GEOSWKBWriter_write_r(thread.context, thread.writer, handle, &size)
    else { throw thread.error("writing a geometry") }
    defer { thread.functions.pointee.GEOSFree_r(thread.context, bytes) }
    do throws(GeometryReadError) {
      return try WKB.read(UnsafeRawBufferPointer(start: bytes, count: size))
    } catch {
      throw StoreError(.content, "GEOS returned a geometry that cannot be read: \(error.what)")
    }
  }
}

extension GEOS.Thread {
  func truth(_ answer: CChar, _ operation: String) throws(StoreError) -> Bool {
    if answer == 2 { throw error(operation) }
    return answer == 1
  }
}
