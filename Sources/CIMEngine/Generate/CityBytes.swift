internal import Glibc

/// A growing buffer of bytes with the few ways of writing that the generator needs: literals, names, integers and
/// numbers with a fixed count of decimals. No locale, no Foundation, no strings made for a row.
struct CityBytes: ~Copyable {
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int = 1 << 16) {
    self.capacity = capacity
    base = .allocate(capacity: capacity)
  }

  deinit { base.deallocate() }

  mutating func removeAll() { count = 0 }

  borrowing func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: base, count: count))
  }

  @inline(__always)
  private mutating func reserve(_ extra: Int) {
    if count + extra > capacity { grow(extra) }
  }

  @inline(never)
  private mutating func grow(_ extra: Int) {
    let larger = max(capacity * 2, count + extra)
    let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    fresh.update(from: base, count: count)
    base.deallocate()
    base = fresh
    capacity = larger
  }

  @inline(__always)
  mutating func put(_ literal: StaticString) {
    let length = literal.utf8CodeUnitCount
    reserve(length)
    (base + count).update(from: literal.utf8Start, count: length)
    count += length
  }

  mutating func put(text: String) {
    var copy = text
    copy.withUTF8 { bytes in
      reserve(bytes.count)
      if let start = bytes.baseAddress { (base + count).update(from: start, count: bytes.count) }
      count += bytes.count
    }
  }

  mutating func put(_ other: borrowing CityBytes) {
    reserve(other.count)
    (base + count).update(from: other.base, count: other.count)
    count += other.count
  }

  @inline(__always)
  mutating func put(_ name: borrowing CityWords, _ index: Int) {
    let (start, length) = name.place(index)
    reserve(length)
    (base + count).update(from: start, count: length)
    count += length
  }

  @inline(__always)
  mutating func put(byte: UInt8) {
    reserve(1)
    base[count] = byte
    count += 1
  }

  mutating func put(_ value: Int) {
    reserve(20)
    if value < 0 {
      base[count] = 0x2D
      count += 1
    }
    putDigits(value.magnitude, width: 1)
  }

  /// `value` with leading zeros up to `width` digits.
  mutating func put(_ value: Int, width: Int) {
    reserve(20 + width)
    putDigits(value.magnitude, width: width)
  }

  /// `value` / 10^`decimals`, without trailing zeros but with one decimal at least: 18.0, 6.65, -0.3.
  mutating func put(_ value: Int, decimals: Int) {
    reserve(44)
    if value < 0 {
      base[count] = 0x2D
      count += 1
    }
    var power: UInt = 1
    for _ in 0..<decimals { power *= 10 }
    let (whole, rest) = value.magnitude.quotientAndRemainder(dividingBy: power)
    putDigits(whole, width: 1)
    base[count] = 0x2E
    count += 1
    let first = count
    putDigits(rest, width: decimals)
    while count > first + 1, base[count - 1] == 0x30 { count -= 1 }
  }

  /// Degrees or metres rounded to `decimals`.
  mutating func put(_ value: Double, decimals: Int) {
    var power = 1.0
    for _ in 0..<decimals { power *= 10 }
    put(Int((value * power).rounded()), decimals: decimals)
  }

  /// The caller has reserved the room.
  @inline(__always)
  private mutating func putDigits(_ value: UInt, width: Int) {
    var digits = 1
    var limit: UInt = 10
    while value >= limit, digits < 20 {
      digits += 1
      if limit > UInt.max / 10 { break }
      limit *= 10
    }
    let length = max(digits, width)
    var rest = value
    var at = count + length
    count = at
    for _ in 0..<length {
      at -= 1
      let next = rest / 10
      base[at] = UInt8(truncatingIfNeeded: 0x30 &+ (rest &- next &* 10))
      rest = next
    }
  }

  /// The same text in GB18030, for files as older bureaus send them.
  borrowing func encodedGB18030() throws(StoreError) -> CityBytes {
    guard let converter = iconv_open("GB18030", "UTF-8"), converter != iconv_t(bitPattern: -1) else {
      throw StoreError(.file, "this system's iconv has no GB18030; install the C library's character sets")
    }
    defer { iconv_close(converter) }
    var result = CityBytes(capacity: count * 2 + 16)
    var source: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(base).assumingMemoryBound(to: CChar.self)
    var target: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(result.base).assumingMemoryBound(to: CChar.self)
    var left = count
    var room = result.capacity
    guard iconv(converter, &source, &left, &target, &room) != -1, left == 0 else {
      throw StoreError(.content, "a name cannot be written in GB18030")
    }
    result.count = result.capacity - room
    return result
  }
}

/// Names kept as one run of UTF-8, so that writing one is a copy.
struct CityWords: ~Copyable, @unchecked Sendable {
  private let bytes: UnsafeMutablePointer<UInt8>
  private let offsets: [Int]

  init(_ words: [String]) {
    var all: [UInt8] = []
    var ends = [0]
    for word in words {
      all.append(contentsOf: word.utf8)
      ends.append(all.count)
    }
    bytes = .allocate(capacity: max(all.count, 1))
    bytes.update(from: all, count: all.count)
    offsets = ends
  }

  deinit { bytes.deallocate() }

  var count: Int { offsets.count - 1 }

  @inline(__always)
  func place(_ index: Int) -> (UnsafePointer<UInt8>, Int) {
    (UnsafePointer(bytes) + offsets[index], offsets[index + 1] - offsets[index])
  }

  func text(_ index: Int) -> String {
    let (start, length) = place(index)
    return String(decoding: UnsafeBufferPointer(start: start, count: length), as: UTF8.self)
  }
}

/// A file being written from front to back; every failure names it.
struct CityFile: ~Copyable {
  let path: String
  private var descriptor: Int32
  private(set) var byteCount = 0

  init(_ path: String) throws(StoreError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw CityFile.failure(path) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  mutating func write(_ bytes: borrowing CityBytes) throws(StoreError) {
    let (path, descriptor) = (self.path, self.descriptor)
    let written = try bytes.withBytes { (all) throws(StoreError) -> Int in
      var done = 0
      while done < all.count {
        let n = Glibc.write(descriptor, all.baseAddress! + done, all.count - done)
        if n < 0 {
          if errno == EINTR { continue }
          throw CityFile.failure(path)
        }
        done += n
      }
      return done
    }
    byteCount += written
  }

  /// Closes the file; a full disk may only be told of here.
  mutating func finish() throws(StoreError) {
    let result = close(descriptor)
    descriptor = -1
    if result != 0 { throw CityFile.failure(path) }
  }

  static func failure(_ path: String) -> StoreError {
    StoreError(.file, "\(path): \(lastSystemError())")
  }
}
