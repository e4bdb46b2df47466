/// Random numbers keyed by (seed, kind, index), so that any part of the city can be made on its own, in any order, on
/// any thread, with the same result. SplitMix64 (Steele, Lea and Flood 2014) from a state mixed out of the key.
struct CityRandom {
  enum Kind: UInt64 {
    case partition = 1, cell, building, unit, household, org, shelter, hazard, river, flood, event, warning, sensor
    case camera, worker, warden, expert, warehouse, team, plan, odd
  }

  private var state: UInt64

  init(seed: UInt64, _ kind: Kind, _ index: Int) {
    let key = CityRandom.mix(seed &+ kind.rawValue &* 0x9E37_79B9_7F4A_7C15)
    state = CityRandom.mix(key ^ (UInt64(truncatingIfNeeded: index) &* 0xD1B5_4A32_D192_ED03))
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  @inline(__always)
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return CityRandom.mix(state)
  }

  /// 0 ..< n. The bias of the multiply is below n / 2^64.
  @inline(__always)
  mutating func below(_ n: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(n)).high) }

  /// 0 ..< 1, in steps of 2^-53.
  @inline(__always)
  mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

  @inline(__always)
  mutating func between(_ low: Double, _ high: Double) -> Double { low + (high - low) * fraction() }

  /// Closed on both ends.
  @inline(__always)
  mutating func between(_ low: Int, _ high: Int) -> Int { low + below(high - low + 1) }

  @inline(__always)
  mutating func chance(_ probability: Double) -> Bool { fraction() < probability }
}

/// Shares of a whole: part i of `total` is `share(i + 1) - share(i)`, so that the parts add up exactly.
struct CityShares {
  private var cumulative: [Int]
  let total: Int

  init(total: Int, weights: [Double]) {
    self.total = total
    var sum = 0.0
    for weight in weights { sum += weight }
    var running = 0.0
    cumulative = [0]
    cumulative.reserveCapacity(weights.count + 1)
    for weight in weights {
      running += weight
      cumulative.append(sum > 0 ? min(total, Int((Double(total) * running / sum).rounded(.down))) : 0)
    }
    // Rounding may leave the last ones over: they go to the last part that has a weight.
    let last = weights.lastIndex { $0 > 0 } ?? weights.count - 1
    if last >= 0 { for i in last + 1...weights.count { cumulative[i] = total } }
  }

  /// The first number of part `index`.
  func start(_ index: Int) -> Int { cumulative[index] }
  func count(_ index: Int) -> Int { cumulative[index + 1] - cumulative[index] }
}

/// The sine of `angle` radians from exact operations only, so that the city is the same on every machine: a platform's
/// own `sin` may differ in the last bit. Error below 1e-9 for |angle| < 1e5; the shapes need no more.
func citySine(_ angle: Double) -> Double {
  let turns = (angle * 0.159_154_943_091_895_34).rounded()
  let x = angle - turns * 6.283_185_307_179_586
  // sin(x) = sin(π - x): fold into [-π/2, π/2], where the Taylor series to x^15 is exact to 1e-11.
  let half = 1.570_796_326_794_896_6
  let y = x > half ? 2 * half - x : (x < -half ? -2 * half - x : x)
  let s = y * y
  var series = -1.0 / 1_307_674_368_000
  series = series * s + 1.0 / 6_227_020_800
  series = series * s - 1.0 / 39_916_800
  series = series * s + 1.0 / 362_880
  series = series * s - 1.0 / 5_040
  series = series * s + 1.0 / 120
  series = series * s - 1.0 / 6
  series = series * s + 1
  return series * y
}
