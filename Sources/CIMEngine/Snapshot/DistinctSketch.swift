internal import Glibc

/// Estimates how many different values a column has, within about 3 %, in 2 KiB.
///
/// HyperLogLog with 2,048 registers and linear counting below 2.5 registers' worth: Flajolet, Fusy, Gandouet and
/// Meunier, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007).
struct DistinctSketch {
  private static let bits = 11
  private var registers = [UInt8](repeating: 0, count: 1 << bits)

  /// Takes the hash of a value; hashes must be well mixed.
  @inline(__always)
  mutating func insert(hash: UInt64) {
    let register = Int(hash >> UInt64(64 - Self.bits))
    let rank = UInt8((hash << UInt64(Self.bits) | 1 << UInt64(Self.bits - 1)).leadingZeroBitCount + 1)
    if rank > registers[register] { registers[register] = rank }
  }

  var estimate: Int {
    let m = Double(registers.count)
    var sum = 0.0
    var empty = 0
    for rank in registers {
      sum += 1 / Double(1 << UInt64(rank))
      if rank == 0 { empty += 1 }
    }
    let raw = 0.7213 / (1 + 1.079 / m) * m * m / sum
    if raw <= 2.5 * m, empty > 0 { return Int((m * log(m / Double(empty))).rounded()) }
    return Int(raw.rounded())
  }
}

/// Hashes for sketches, dictionaries and the order of rows: the same on every run.
enum SteadyHash {
  /// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
  @inline(__always)
  static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Eight bytes at a time, each folded in by a 128-bit product.
  @inline(__always)
  static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var state = UInt64(bytes.count) &* 0x9E37_79B9_7F4A_7C15
    var rest = bytes.count
    guard var p = bytes.baseAddress.map({ UnsafeRawPointer($0) }) else { return mix(state) }
    while rest >= 8 {
      state = fold(state ^ p.loadUnaligned(as: UInt64.self))
      p += 8
      rest -= 8
    }
    var tail: UInt64 = 0
    for i in 0..<rest { tail |= UInt64(p.load(fromByteOffset: i, as: UInt8.self)) << UInt64(8 * i) }
    return mix(state ^ tail)
  }

  @inline(__always)
  private static func fold(_ value: UInt64) -> UInt64 {
    let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
  }
}
