/// How many rows each layer of the synthetic city has.
///
/// At scale 1 these are the numbers of Zhengzhou; below it each is `max(5, round(scale * full))`.
/// Districts stay 12. Floods, events, sensors, cameras and rivers follow the same rule from counts chosen here; roads
/// follow from the grids.
public struct CityCounts: Sendable, Equatable {
  public struct Layer: Sendable, Equatable {
    public var name: String
    public var count: Int
  }

  public let scale: Double

  init(scale: Double) { self.scale = scale }

  private func scaled(_ full: Int) -> Int { max(5, Int((scale * Double(full)).rounded())) }

  public var district: Int { 12 }
  public var grid1: Int { scaled(210) }
  public var grid2: Int { scaled(3_551) }
  public var grid3: Int { scaled(18_314) }
  public var building: Int { scaled(1_120_000) }
  public var unit: Int { scaled(5_220_000) }
  public var person: Int { scaled(11_640_000) }
  public var org: Int { scaled(450_000) }
  public var gridWorker: Int { scaled(59_566) }
  public var warden: Int { scaled(38_899) }
  public var expert: Int { scaled(537) }
  public var shelter: Int { scaled(1_323) }
  public var hazard: Int { scaled(481) }
  public var warehouse: Int { scaled(19) }
  public var team: Int { scaled(77) }
  public var plan: Int { scaled(11) }
  public var warning: Int { scaled(66) }
  public var flood: Int { scaled(96) }
  public var event: Int { scaled(2_400) }
  public var sensor: Int { scaled(9_000) }
  public var camera: Int { scaled(24_000) }
  public var river: Int { scaled(24) }

  /// Every layer but `road`, whose count the partition gives.
  var layers: [Layer] {
    [
      Layer(name: "district", count: district), Layer(name: "grid1", count: grid1),
      Layer(name: "grid2", count: grid2), Layer(name: "grid3", count: grid3),
      Layer(name: "building", count: building), Layer(name: "unit", count: unit),
      Layer(name: "person", count: person), Layer(name: "org", count: org),
      Layer(name: "grid_worker", count: gridWorker), Layer(name: "warden", count: warden),
      Layer(name: "expert", count: expert), Layer(name: "shelter", count: shelter),
      Layer(name: "hazard", count: hazard), Layer(name: "warehouse", count: warehouse),
      Layer(name: "team", count: team), Layer(name: "flood", count: flood),
      Layer(name: "warning", count: warning), Layer(name: "event", count: event),
      Layer(name: "plan", count: plan), Layer(name: "sensor", count: sensor),
      Layer(name: "camera", count: camera), Layer(name: "river", count: river),
    ]
  }

  /// How many buildings (each with one unit) are put in odd places on purpose: on shared edges and corners of grids
  /// and outside all grids.
  var oddBuildings: Int { min(12, max(1, building / 40)) }
}
