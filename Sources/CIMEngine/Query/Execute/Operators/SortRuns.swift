internal import Glibc

/// Sorts more rows than may be held in memory: sorted runs go to a temporary file and are merged on the way out.
///
/// A row on disk is its row numbers and distances, 4 to 20 bytes mostly; its sort keys are made anew from them. Until the
/// first run is written this is a ``ResultBuffer`` and no more.
struct SortRuns {
  /// What is in memory: everything, as long as nothing was spilled.
  private(set) var buffer: ResultBuffer
  private let empty: ResultBuffer
  private let keyCount: Int
  private let directions: [SortBuffer.Direction]
  private let token: CancellationToken
  /// Bytes that rows and keys in memory may take.
  private let budget: Int
  /// Bytes of `buffer` that the token knows of.
  private var held = 0
  private var runs: [SpilledRun] = []
  private var file: SpillFile?

  /// - Parameter budget: bytes in memory; nil takes half of `--max-memory`, and a quarter of the machine's at most.
  init(
    keyCount: Int, directions: [SortBuffer.Direction], wanted: Int?, token: CancellationToken, budget: Int? = nil
  ) {
    empty = ResultBuffer(keyCount: keyCount, directions: directions, wanted: wanted, token: token)
    buffer = empty
    (self.keyCount, self.directions, self.token) = (keyCount, directions, token)
    let machine = sysconf(Int32(_SC_PHYS_PAGES)) / 4 * sysconf(Int32(_SC_PAGESIZE))
    self.budget = budget ?? min(token.maximumBytes / 2, max(machine, 256 << 20))
  }

  var hasSpilled: Bool { !runs.isEmpty }
  /// With a LIMIT rows may be missing that cannot come into the result.
  var rowCount: Int { runs.reduce(buffer.count) { $0 + $1.count } }

  mutating func append(_ part: ResultBuffer) throws {
    let more = part.byteCount
    if held > 0, held + more > budget { try spill() }
    try buffer.append(part)
    held += more
  }

  private mutating func spill() throws {
    try token.check()
    let file = try self.file ?? SpillFile()
    self.file = file
    let order = try buffer.order()
    runs.append(try SpilledRun(buffer.tuples.selecting(order), in: file))
    try token.use(bytes: -held)
    (buffer, held) = (empty, 0)
  }

  /// Hands out all rows in order, in batches, until `body` says that it has enough.
  ///
  /// Pieces of all runs lie in memory and are sorted together; what comes before the last row of every piece is out of
  /// reach of what is still on disk. A run that is drawn from more gets larger pieces.
  mutating func forEachSorted(
    _ makeKeys: (Tuples) throws(QueryError) -> [SortBuffer.Key], _ body: (Tuples) throws -> Bool
  ) throws {
    if buffer.count > 0 { try spill() }
    var merge = RunMerge(runs.count, directions, token)
    let rowBytes = max(1, runs.first.map { $0.bytesPerRow + 12 * keyCount } ?? 1)
    let room = max(1024, budget / rowBytes / 2)
    while true {
      try token.check()
      for run in runs.indices where merge.wants(run, left: runs[run].left) {
        let piece = try runs[run].take(merge.size(for: run, room: room))
        try merge.add(piece, makeKeys(piece), of: run, isLast: runs[run].left == 0)
      }
      guard merge.count > 0 else { return }
      let ready = try merge.takeReady()
      var start = 0
      while start < ready.count {
        let end = min(start + Tuples.capacity, ready.count)
        guard try body(ready.slice(start..<end)) else { return }
        start = end
      }
    }
  }
}

/// The rows of several runs that are in memory.
private struct RunMerge {
  private let directions: [SortBuffer.Direction]
  private let token: CancellationToken
  private var tuples = Tuples(sourceCount: 0, distanceCount: 0)
  private var keys: [SortBuffer.Key] = []
  /// Which run each row is of.
  private var owners: [Int32] = []
  /// By run: how many rows are here, and how many are wanted.
  private var here: [Int]
  private var wanted: [Int]
  /// By run: the row that came last, while more are on disk.
  private var edges: [Int?]

  init(_ runCount: Int, _ directions: [SortBuffer.Direction], _ token: CancellationToken) {
    (self.directions, self.token) = (directions, token)
    here = Array(repeating: 0, count: runCount)
    wanted = Array(repeating: 64, count: runCount)
    edges = Array(repeating: nil, count: runCount)
  }

  var count: Int { tuples.count }

  func wants(_ run: Int, left: Int) -> Bool { left > 0 && 2 * here[run] <= wanted[run] }

  mutating func size(for run: Int, room: Int) -> Int {
    // A run that has nothing left here was what held the others up.
    if here[run] == 0, count < room { wanted[run] = min(2 * wanted[run], room) }
    return max(64, wanted[run] - here[run])
  }

  mutating func add(_ piece: Tuples, _ more: [SortBuffer.Key], of run: Int, isLast: Bool) {
    tuples.append(piece)
    if owners.isEmpty {
      keys = more
    } else {
      for i in keys.indices { keys[i] = SortBuffer.joined([keys[i], more[i]]) }
    }
    owners += Array(repeating: Int32(run), count: piece.count)
    here[run] += piece.count
    edges[run] = isLast ? nil : owners.count - 1
  }

  /// Takes out what no row on disk can come before, in order.
  mutating func takeReady() throws(QueryError) -> Tuples {
    let order = try SortBuffer.sorted(keys, directions, count: tuples.count, token: token)
    var isEdge = [Bool](repeating: false, count: tuples.count)
    for case let edge? in edges { isEdge[edge] = true }
    let end = order.firstIndex { isEdge[Int($0)] }.map { $0 + 1 } ?? order.count
    let ready = tuples.selecting(Array(order[..<end]))
    for row in order[..<end] { here[Int(owners[Int(row)])] -= 1 }
    let rest = Array(order[end...])
    for (place, row) in rest.enumerated() where isEdge[Int(row)] { edges[Int(owners[Int(row)])] = place }
    // The edge that ended it has gone out.
    if end > 0, isEdge[Int(order[end - 1])] { edges[Int(owners[Int(order[end - 1])])] = nil }
    tuples = tuples.selecting(rest)
    keys = keys.map { SortBuffer.selecting($0, rest) }
    owners = rest.map { owners[Int($0)] }
    return ready
  }
}

/// Sorted rows in a file: the row numbers of each source, then the distances of each slot.
private struct SpilledRun {
  let count: Int
  private let file: SpillFile
  private let offset: Int
  /// No rows; says of how many sources and slots they are.
  private let shape: Tuples
  private let hasRows: [Bool]
  private let hasDistances: [Bool]
  private var taken = 0

  init(_ tuples: Tuples, in file: SpillFile) throws {
    count = tuples.count
    self.file = file
    offset = file.size
    hasRows = tuples.rows.map { !$0.isEmpty }
    hasDistances = tuples.distances.map { !$0.isEmpty }
    shape = tuples.slice(0..<0)
    for rows in tuples.rows { try file.append(rows) }
    for distances in tuples.distances { try file.append(distances) }
  }

  var left: Int { count - taken }
  var bytesPerRow: Int { hasRows.reduce(0) { $0 + ($1 ? 4 : 0) } + hasDistances.reduce(0) { $0 + ($1 ? 8 : 0) } }

  mutating func take(_ wanted: Int) throws -> Tuples {
    let number = min(wanted, left)
    var result = shape
    result.count = number
    var place = offset
    for source in hasRows.indices where hasRows[source] {
      result.rows[source] = try file.read(number, at: place + 4 * taken, of: UInt32.self)
      place += 4 * count
    }
    for slot in hasDistances.indices where hasDistances[slot] {
      result.distances[slot] = try file.read(number, at: place + 8 * taken, of: Double.self)
      place += 8 * count
    }
    taken += number
    return result
  }
}

/// A temporary file without a name: it is gone with this value, and with the process.
private final class SpillFile: Sendable {
  private let descriptor: Int32
  private nonisolated(unsafe) var length = 0

  init() throws {
    // `/tmp` may lie in memory, which is what runs out.
    let folders = [Environment["TMPDIR"], "/var/tmp", "/tmp"].compactMap { $0 }
    guard let made = TemporaryFile.openUnnamed(in: folders) else {
      throw StoreError(.file, "cannot write a temporary file for sorting: \(lastSystemError())")
    }
    descriptor = made
  }

  deinit { close(descriptor) }

  var size: Int { length }

  func append<T: BitwiseCopyable>(_ values: [T]) throws {
    // A statement that sorts more than anybody has does not take the disk from everybody else.
    var disk = statvfs()
    let needed = values.count * MemoryLayout<T>.stride
    if fstatvfs(descriptor, &disk) == 0, Int(disk.f_bavail) * Int(disk.f_frsize) < needed + length {
      throw QueryError(
        .limit("the sort needs more than \(length >> 20) MB of temporary files, and half of what is free is its share"),
        fix: "ask for fewer rows, or let TMPDIR name a folder with more room")
    }
    try values.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, length + done)
        if count > 0 {
          done += count
        } else if errno != EINTR {
          throw StoreError(
            .file,
            "the result does not fit in memory, and its temporary file cannot be written: "
              + "\(lastSystemError())\n  TMPDIR names another folder for it")
        }
      }
      length += done
    }
  }

  func read<T: BitwiseCopyable>(_ count: Int, at offset: Int, of type: T.Type) throws -> [T] {
    try [T](unsafeUninitializedCapacity: count) { out, initialized in
      let bytes = UnsafeMutableRawBufferPointer(out)
      let wanted = count * MemoryLayout<T>.stride
      var done = 0
      while done < wanted {
        let number = pread(descriptor, bytes.baseAddress! + done, wanted - done, offset + done)
        if number > 0 {
          done += number
        } else if number == 0 || errno != EINTR {
          throw StoreError(.file, "the temporary file for sorting cannot be read: \(lastSystemError())")
        }
      }
      initialized = count
    }
  }
}

extension Execution {
  /// Sends rows that were spilled on, in order.
  func emit(
    _ sort: inout SortRuns, _ nodes: [Node], _ consumer: Consumer,
    makeKeys: (Tuples) throws(QueryError) -> [SortBuffer.Key]
  ) throws {
    var page = Page(find, executor.token)
    let count = max(0, sort.rowCount - page.skip)
    try consumer.begin(scope, find.distinct ? nil : min(count, page.left ?? count))
    let token = executor.token
    try sort.forEachSorted(makeKeys) { tuples in
      try token.check()
      try page.pass(tuples, try Execution.columns(nodes, tuples), consumer.take)
      return page.left != 0
    }
  }
}
