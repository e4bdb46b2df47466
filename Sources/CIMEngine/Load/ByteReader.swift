internal import Glibc

/// Reads a file front to back through one buffer, as UTF-8 whatever its encoding, holding no more than the
/// stretch that its user has not yet passed.
///
/// The unread bytes are `bytes`; ``fill()`` adds to them, ``advance(by:)`` passes them. Behind them there is always
/// ``JSONParser/padding`` readable memory, so a JSON text can be parsed where it stands. Reading in pieces rather
/// than mapping: a file that is cut short by another process is then an error, not a crash.
final class ByteReader {
  private let path: String
  private let descriptor: Int32
  private var converter: TextConverter?
  private var buffer: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private var begin = 0
  private var end = 0
  private var atEnd = false
  /// Bytes read from the file so far, for progress.
  private(set) var bytesRead = 0
  /// The offset, in UTF-8 bytes from the start, of the first unread byte.
  private(set) var offset = 0
  /// No record may be larger than this.
  static let recordLimit = 1 << 31

  static let usualCapacity = 1 << 20

  /// Opens `path`. A byte order mark is passed over.
  ///
  /// - Parameter encoding: nil or UTF-8 reads the bytes as they are, without a check.
  init(path: String, encoding: String? = nil, capacity: Int = usualCapacity) throws(LoadError) {
    let descriptor = open(path, Sandbox.openFlags(path))
    guard descriptor >= 0 else { throw LoadError.system(path, errno) }
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      close(descriptor)
      throw LoadError(path: path, reason: .unreadable("is a folder, not a file"))
    }
    var converter: TextConverter? = nil
    if let encoding, !TextConverter.isUTF8(encoding) {
      guard let made = TextConverter(from: encoding) else {
        close(descriptor)
        throw LoadError(
          path: path, reason: .refused("unknown encoding `\(encoding)`"), fix: "UTF-8 and GB18030 are always known")
      }
      converter = made
    }
    self.path = path
    self.descriptor = descriptor
    self.converter = converter
    self.capacity = max(capacity, 16)
    self.buffer = .allocate(capacity: self.capacity + JSONParser.padding)
    while end < 3, try fill() {}
    if end >= 3, buffer[0] == 0xEF, buffer[1] == 0xBB, buffer[2] == 0xBF { begin = 3 }
  }

  deinit {
    close(descriptor)
    buffer.deallocate()
  }

  /// The unread bytes that are in memory. Valid until the next ``fill()``.
  var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: buffer + begin, count: end - begin) }

  /// The byte order mark that was passed over counts as content for offsets: lines and columns do not care.
  func advance(by count: Int) {
    begin += count
    offset += count
  }

  /// Reads more behind the unread bytes, which may move. False when there is no more.
  func fill() throws(LoadError) -> Bool {
    if atEnd { return false }
    if begin > 0 {
      memmove(buffer, buffer + begin, end - begin)
      end -= begin
      begin = 0
    }
    if capacity - end < capacity / 4 {
      guard capacity < Self.recordLimit else {
        throw LoadError(
          path: path, reason: .refused("holds a single record of more than 2 GB at byte \(offset)"))
      }
      let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2 + JSONParser.padding)
      memcpy(larger, buffer, end)
      buffer.deallocate()
      buffer = larger
      capacity *= 2
    }
    if converter != nil { return try fillConverted() }
    let count = try readFile(into: buffer + end, count: capacity - end)
    end += count
    return count > 0
  }

  /// Reads the rest of the file behind the unread bytes.
  func fillAll() throws(LoadError) {
    var status = stat()
    if converter == nil, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
      // In one piece of memory of the right size; one byte more, by which the end shows.
      let wanted = end - begin + max(0, Int(status.st_size) - bytesRead) + 1
      if wanted * 4 / 3 + 4 > capacity, wanted < Self.recordLimit { try grow(to: wanted * 4 / 3 + 4) }
    }
    while try fill() {}
  }

  private func grow(to larger: Int) throws(LoadError) {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: larger + JSONParser.padding)
    memcpy(memory, buffer + begin, end - begin)
    end -= begin
    begin = 0
    buffer.deallocate()
    buffer = memory
    capacity = larger
  }

  private func readFile(into target: UnsafeMutablePointer<UInt8>, count: Int) throws(LoadError) -> Int {
    while true {
      let result = read(descriptor, target, count)
      if result < 0, errno == EINTR { continue }
      guard result >= 0 else { throw LoadError.system(path, errno) }
      bytesRead += result
      if result == 0 { atEnd = true }
      return result
    }
  }

  private func fillConverted() throws(LoadError) -> Bool {
    let before = end
    while end == before {
      if !converter!.ended, converter!.needsInput {
        let room = converter!.room()
        let count = try readFile(into: room.baseAddress!, count: room.count)
        converter!.received(count)
        atEnd = false
      }
      let produced = converter!.convert(into: UnsafeMutableBufferPointer(start: buffer + end, count: capacity - end))
      guard let produced else {
        throw LoadError(
          path: path,
          reason: .malformed("the bytes at offset \(converter!.faultOffset) are not \(converter!.encoding)"),
          fix: "name the right one with --encoding")
      }
      end += produced
      if produced == 0, converter!.ended {
        atEnd = true
        break
      }
    }
    return end > before
  }
}

extension LoadError {
  /// A failed system call on a file.
  static func system(_ path: String, _ code: Int32) -> LoadError {
    let what =
      switch code {
      case ENOENT: "there is no such file"
      case EACCES, EPERM: "no permission to read it"
      default: systemError(code)
      }
    return LoadError(path: path, reason: .unreadable(what))
  }
}

/// Turns text of another encoding into UTF-8 by iconv, piece by piece.
final class TextConverter {
  let encoding: String
  private let handle: iconv_t
  private let input = UnsafeMutablePointer<UInt8>.allocate(capacity: inputCapacity)
  private var count = 0
  private(set) var ended = false
  private var consumed = 0
  private static let inputCapacity = 1 << 18
  private(set) var needsInput = true

  static func isUTF8(_ name: String) -> Bool {
    let plain = name.lowercased().filter { $0.isLetter || $0.isNumber }
    return plain == "utf8" || plain == "utf8bom" || plain == "ascii" || plain == "usascii"
  }

  init?(from encoding: String) {
    let plain = encoding.lowercased()
    // GB18030 contains GBK and GB2312; files named so hold its characters all the same.
    let known = ["gb18030", "gbk", "gb2312", "cp936", "936"].contains(plain) ? "GB18030" : encoding
    guard let handle = iconv_open("UTF-8", known), Int(bitPattern: handle) != -1 else { return nil }
    self.handle = handle
    self.encoding = known
  }

  deinit {
    iconv_close(handle)
    input.deallocate()
  }

  /// The offset in the file of the byte that could not be converted.
  var faultOffset: Int { consumed }

  func room() -> UnsafeMutableBufferPointer<UInt8> {
    UnsafeMutableBufferPointer(start: input + count, count: Self.inputCapacity - count)
  }

  func received(_ more: Int) {
    count += more
    if more == 0 { ended = true }
    needsInput = false
  }

  /// Converts what there is; the number of bytes written, or nil when the text is not in this encoding.
  func convert(into target: UnsafeMutableBufferPointer<UInt8>) -> Int? {
    let start = UnsafeMutableRawPointer(target.baseAddress!).assumingMemoryBound(to: CChar.self)
    let source = UnsafeMutableRawPointer(input).assumingMemoryBound(to: CChar.self)
    var from: UnsafeMutablePointer<CChar>? = source
    var to: UnsafeMutablePointer<CChar>? = start
    var (left, room) = (count, target.count)
    let result = iconv(handle, &from, &left, &to, &room)
    let code = errno
    let used = count - left
    memmove(input, input + used, left)
    count = left
    consumed += used
    if result == -1 {
      switch code {
      case E2BIG: break
      case EINVAL:
        // The input ends within a character: more is needed.
        if ended { return nil }
        needsInput = true
      default: return nil
      }
    } else {
      needsInput = true
    }
    return target.count - room
  }
}
