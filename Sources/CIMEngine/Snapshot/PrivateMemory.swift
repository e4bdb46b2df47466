internal import Glibc

/// Memory of a snapshot's edits: private copies of parts of a mapped file, of which only the pages written to are copied,
/// and blocks of its own. Filled while it is made, then only read.
final class PrivateMemory: @unchecked Sendable {
  private var mappings: [(start: UnsafeMutableRawPointer, length: Int)] = []
  let owned = OwnedMemory()

  deinit { for mapping in mappings { munmap(mapping.start, mapping.length) } }

  /// Elements of a file that can be written here, with room behind them; what is behind is 0.
  ///
  /// - Parameters:
  ///   - offset: of the first element in the file, in bytes.
  ///   - count: how many there are.
  ///   - newCount: how many are wanted.
  func copy<T: BitwiseCopyable>(
    _ file: BlockFile, offset: Int, count: Int, newCount: Int, of type: T.Type
  ) throws(SnapshotDamage) -> UnsafeMutablePointer<T> {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let stride = MemoryLayout<T>.stride
    let lead = offset % page
    let have = lead + count * stride
    let need = lead + max(count, newCount) * stride + 64
    let length = (need + page - 1) / page * page
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let start = mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED else {
      throw file.damage("cannot be mapped: \(lastSystemError())")
    }
    mappings.append((start, length))
    if count > 0 {
      let mapped = (have + page - 1) / page * page
      guard
        mmap(
          start, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, file.descriptor, offset - lead
        )
          != MAP_FAILED
      else { throw file.damage("cannot be mapped: \(lastSystemError())") }
      if newCount > count { memset(start + have, 0, (newCount - count) * stride) }
    }
    return (start + lead).assumingMemoryBound(to: type)
  }

  /// Zeros; pages that are never touched take no memory.
  func zeros<T: BitwiseCopyable>(_ count: Int, of type: T.Type) throws(SnapshotDamage) -> UnsafeMutablePointer<T> {
    let length = max(1, count * MemoryLayout<T>.stride)
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let start = mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED else {
      throw SnapshotDamage(path: "memory", finding: "cannot be had: \(lastSystemError())")
    }
    mappings.append((start, length))
    return start.assumingMemoryBound(to: type)
  }
}
