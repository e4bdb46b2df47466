internal import Glibc

/// A flat array that grows by `realloc`: large ones are moved by remapping pages, so growing needs no second copy.
final class GrowingBuffer<Element: BitwiseCopyable> {
  private(set) var start: UnsafeMutablePointer<Element>
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int = 64) {
    self.capacity = max(1, capacity)
    start = Self.allocate(nil, self.capacity)
  }

  deinit { free(start) }

  private static func allocate(_ old: UnsafeMutablePointer<Element>?, _ capacity: Int) -> UnsafeMutablePointer<Element>
  {
    guard let memory = realloc(old, capacity * MemoryLayout<Element>.stride) else {
      fatalError("out of memory while packing a snapshot")
    }
    return memory.assumingMemoryBound(to: Element.self)
  }

  @inline(never)
  private func grow(to wanted: Int) {
    capacity = max(wanted, capacity + capacity / 2)
    start = Self.allocate(start, capacity)
  }

  @inline(__always)
  func append(_ element: Element) {
    if count == capacity { grow(to: count + 1) }
    start[count] = element
    count += 1
  }

  func append(_ elements: UnsafeBufferPointer<Element>) {
    guard let source = elements.baseAddress, !elements.isEmpty else { return }
    if count + elements.count > capacity { grow(to: count + elements.count) }
    (start + count).update(from: source, count: elements.count)
    count += elements.count
  }

  func append(repeating element: Element, count n: Int) {
    if count + n > capacity { grow(to: count + n) }
    (start + count).update(repeating: element, count: n)
    count += n
  }

  /// Calls `body` with the elements; they stay where they are until the next append.
  func withElements<R, E: Error>(_ body: (UnsafeBufferPointer<Element>) throws(E) -> R) throws(E) -> R {
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeBufferPointer(start: start, count: count))
  }

  /// Whether the elements are 0, 1, 2, …
  func isIdentity() -> Bool where Element == UInt32 {
    for i in 0..<count where start[i] != UInt32(truncatingIfNeeded: i) { return false }
    return true
  }
  var last: Element? { count == 0 ? nil : start[count - 1] }

  @inline(__always) subscript(index: Int) -> Element {
    get { start[index] }
    set { start[index] = newValue }
  }
}

/// Integers in the narrowest width that holds all of them so far: 1, 2, 4 or 8 bytes each.
final class NarrowIntegers {
  private var start: UnsafeMutableRawPointer
  private var capacity = 64
  private(set) var width = 1
  private(set) var count = 0
  /// 0 and 0 while empty.
  private(set) var minimum: Int64 = 0
  private(set) var maximum: Int64 = 0
  /// True until the first value.
  private(set) var isEmptyOfValues = true

  init() { start = Self.allocate(nil, 64) }

  deinit { free(start) }

  private static func allocate(_ old: UnsafeMutableRawPointer?, _ bytes: Int) -> UnsafeMutableRawPointer {
    guard let memory = realloc(old, bytes) else { fatalError("out of memory while packing a snapshot") }
    return memory
  }

  static func width(of value: Int64) -> Int {
    if Int64(Int8(truncatingIfNeeded: value)) == value { return 1 }
    if Int64(Int16(truncatingIfNeeded: value)) == value { return 2 }
    return Int64(Int32(truncatingIfNeeded: value)) == value ? 4 : 8
  }

  /// Appends a value that counts for minimum and maximum.
  func append(_ value: Int64) {
    if isEmptyOfValues {
      isEmptyOfValues = false
      (minimum, maximum) = (value, value)
    } else if value < minimum {
      minimum = value
    } else if value > maximum {
      maximum = value
    }
    put(value)
  }

  /// Appends 0 in the place of a NULL.
  func appendPlaceholder() { put(0) }

  private func put(_ value: Int64) {
    let wanted = Self.width(of: value)
    if wanted > width { widen(to: wanted) }
    if count == capacity {
      capacity += capacity / 2
      start = Self.allocate(start, capacity * width)
    }
    store(value, at: count)
    count += 1
  }

  @inline(__always)
  private func store(_ value: Int64, at index: Int) {
    switch width {
    case 1: start.storeBytes(of: Int8(truncatingIfNeeded: value), toByteOffset: index, as: Int8.self)
    case 2: start.storeBytes(of: Int16(truncatingIfNeeded: value), toByteOffset: 2 * index, as: Int16.self)
    case 4: start.storeBytes(of: Int32(truncatingIfNeeded: value), toByteOffset: 4 * index, as: Int32.self)
    default: start.storeBytes(of: value, toByteOffset: 8 * index, as: Int64.self)
    }
  }

  /// From the back, so that no value is overwritten before it is moved.
  private func widen(to wider: Int) {
    start = Self.allocate(start, capacity * wider)
    let narrower = width
    for i in stride(from: count - 1, through: 0, by: -1) {
      width = narrower
      let value = self[i]
      width = wider
      store(value, at: i)
    }
    width = wider
  }

  @inline(__always)
  subscript(index: Int) -> Int64 {
    switch width {
    case 1: Int64(start.load(fromByteOffset: index, as: Int8.self))
    case 2: Int64(start.load(fromByteOffset: 2 * index, as: Int16.self))
    case 4: Int64(start.load(fromByteOffset: 4 * index, as: Int32.self))
    default: start.load(fromByteOffset: 8 * index, as: Int64.self)
    }
  }
}
