/// The 12 districts and counties of Zhengzhou with their real names and GB/T 2260 codes. The outlines are synthetic:
/// rectangles of the plan set roughly where the real ones lie, bent by the warp.
struct CityDistricts: Sendable {
  struct District: Sendable {
    var code: Int
    var name: String
    /// Outer ring, then holes; plan metres, counter-clockwise outside, clockwise inside, not closed.
    var rings: [[(Int32, Int32)]]
    /// The same area cut into rectangles.
    var rects: [CityRect]
  }

  let all: [District]

  /// Longitude and latitude in thousandths of a degree to plan metres, on the lattice of 8 m that all cuts share.
  private static func plan(_ longitude: Int, _ latitude: Int) -> (Int32, Int32) {
    let x = (Double(longitude) / 1_000 - CityWarp.centreLongitude) * CityWarp.metresPerLongitude
    let y = (Double(latitude) / 1_000 - CityWarp.centreLatitude) * CityWarp.metresPerLatitude
    return (Int32((x / 8).rounded()) * 8, Int32((y / 8).rounded()) * 8)
  }

  private static func rect(_ x0: Int, _ y0: Int, _ x1: Int, _ y1: Int) -> CityRect {
    let (a, b) = (plan(x0, y0), plan(x1, y1))
    return CityRect(x0: a.0, y0: a.1, x1: b.0, y1: b.1)
  }

  init() {
    typealias D = CityDistricts
    // Corners in 1/1000 degree. Each ring is the outline of the rectangles beside it.
    let table: [(Int, String, [[(Int, Int)]], [(Int, Int, Int, Int)])] = [
      (
        410_102, "中原区", [[(113_470, 34_700), (113_620, 34_700), (113_620, 34_820), (113_470, 34_820)]],
        [(113_470, 34_700, 113_620, 34_820)]
      ),
      (
        410_103, "二七区",
        [
          [
            (113_470, 34_640), (113_560, 34_640), (113_560, 34_620), (113_660, 34_620), (113_660, 34_750),
            (113_620, 34_750), (113_620, 34_700), (113_470, 34_700),
          ]
        ],
        [
          (113_470, 34_640, 113_560, 34_700), (113_560, 34_620, 113_660, 34_700),
          (113_620, 34_700, 113_660, 34_750),
        ]
      ),
      (
        410_104, "管城回族区", [[(113_660, 34_620), (113_830, 34_620), (113_830, 34_750), (113_660, 34_750)]],
        [(113_660, 34_620, 113_830, 34_750)]
      ),
      (
        410_105, "金水区", [[(113_620, 34_750), (113_830, 34_750), (113_830, 34_860), (113_620, 34_860)]],
        [(113_620, 34_750, 113_830, 34_860)]
      ),
      (
        410_106, "上街区", [[(113_240, 34_720), (113_320, 34_720), (113_320, 34_840), (113_240, 34_840)]],
        [(113_240, 34_720, 113_320, 34_840)]
      ),
      (
        410_108, "惠济区",
        [
          [
            (113_470, 34_820), (113_620, 34_820), (113_620, 34_860), (113_830, 34_860), (113_830, 34_960),
            (113_470, 34_960),
          ]
        ],
        [(113_470, 34_820, 113_620, 34_960), (113_620, 34_860, 113_830, 34_960)]
      ),
      (
        410_122, "中牟县", [[(113_830, 34_440), (114_190, 34_440), (114_190, 34_960), (113_830, 34_960)]],
        [(113_830, 34_440, 114_190, 34_960)]
      ),
      (
        410_181, "巩义市", [[(112_730, 34_540), (113_140, 34_540), (113_140, 34_960), (112_730, 34_960)]],
        [(112_730, 34_540, 113_140, 34_960)]
      ),
      (
        410_182, "荥阳市",
        [
          [(113_140, 34_640), (113_470, 34_640), (113_470, 34_960), (113_140, 34_960)],
          [(113_240, 34_720), (113_240, 34_840), (113_320, 34_840), (113_320, 34_720)],
        ],
        [
          (113_140, 34_640, 113_240, 34_960), (113_240, 34_640, 113_320, 34_720),
          (113_240, 34_840, 113_320, 34_960), (113_320, 34_640, 113_470, 34_960),
        ]
      ),
      (
        410_183, "新密市",
        [
          [
            (113_240, 34_340), (113_560, 34_340), (113_560, 34_640), (113_140, 34_640), (113_140, 34_540),
            (113_240, 34_540),
          ]
        ],
        [(113_140, 34_540, 113_240, 34_640), (113_240, 34_340, 113_560, 34_640)]
      ),
      (
        410_184, "新郑市", [[(113_560, 34_290), (113_830, 34_290), (113_830, 34_620), (113_560, 34_620)]],
        [(113_560, 34_290, 113_830, 34_620)]
      ),
      (
        410_185, "登封市", [[(112_730, 34_270), (113_240, 34_270), (113_240, 34_540), (112_730, 34_540)]],
        [(112_730, 34_270, 113_240, 34_540)]
      ),
    ]
    all = table.map { code, name, rings, rects in
      District(
        code: code, name: name, rings: rings.map { $0.map { D.plan($0.0, $0.1) } },
        rects: rects.map { D.rect($0.0, $0.1, $0.2, $0.3) })
    }
  }

  /// Plan points every 1,024 m along the outlines, and their corners: vertices that everything along them shares.
  func stations() -> [(Int32, Int32)] {
    var result: [(Int32, Int32)] = []
    for district in all {
      for ring in district.rings {
        for (i, a) in ring.enumerated() {
          let b = ring[(i + 1) % ring.count]
          result.append(a)
          if a.1 == b.1 {
            result.append(contentsOf: CityDistricts.multiples(a.0, b.0).map { ($0, a.1) })
          } else {
            result.append(contentsOf: CityDistricts.multiples(a.1, b.1).map { (a.0, $0) })
          }
        }
      }
    }
    return result
  }

  private static func multiples(_ a: Int32, _ b: Int32) -> [Int32] {
    let (low, high) = (min(a, b), max(a, b))
    var result: [Int32] = []
    var at = (low / 1_024) * 1_024
    while at <= high {
      if at > low, at < high { result.append(at) }
      at += 1_024
    }
    return result
  }

  /// The district at a plan point, if any; on a border the first by code.
  func index(x: Double, y: Double) -> Int? {
    all.firstIndex { district in
      district.rects.contains {
        x >= Double($0.x0) && x <= Double($0.x1) && y >= Double($0.y0) && y <= Double($0.y1)
      }
    }
  }
}

/// A rectangle of the plan in whole metres.
struct CityRect: Hashable, Sendable {
  var x0: Int32
  var y0: Int32
  var x1: Int32
  var y1: Int32

  var width: Int32 { x1 - x0 }
  var height: Int32 { y1 - y0 }
  var midX: Double { Double(x0 + x1) / 2 }
  var midY: Double { Double(y0 + y1) / 2 }
  var isEmpty: Bool { x1 <= x0 || y1 <= y0 }

  func clipped(to other: CityRect) -> CityRect {
    CityRect(x0: max(x0, other.x0), y0: max(y0, other.y0), x1: min(x1, other.x1), y1: min(y1, other.y1))
  }

  /// Closed.
  func contains(_ x: Double, _ y: Double) -> Bool {
    x >= Double(x0) && x <= Double(x1) && y >= Double(y0) && y <= Double(y1)
  }
}
