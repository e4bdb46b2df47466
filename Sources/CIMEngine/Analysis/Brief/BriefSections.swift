/// The questions that a brief answers, in the order of the page. A question whose layer or columns a database lacks is
/// left out, and the brief says which.
struct BriefSection: Sendable {
  enum Kind: Sendable {
    /// One row for each feature: `id`, `name`, `phone`, `value`, `detail` and the distance.
    case list
    /// One row for each row of a grouped or counting query: `name` and `value`.
    case figures
  }
  /// Stable, for scripts.
  let name: String
  let english: String
  let chinese: String
  let layer: String
  /// Columns without which the question makes no sense.
  let needs: [String]
  let kind: Kind
  /// `{near}` stands for the condition on place, `{metres}` and `{order}` for the distance where there is one, `$brief` for the place
  /// itself, `{dry}` keeps away what lies in a flood, `{band}` and `{grade}` for the age band and the grade of a threat by the city's rules. Besides `detail` a
  /// row may have `detail2`, which is shown beside it.
  let query: String

  /// The heading, in both languages.
  var title: String { "\(english) \(chinese)" }

  /// The key by which an EXPOSE divides the same people, when the place is a flood with a level.
  var exposedBy: String? {
    switch name {
    case "people_by_age": "age_band"
    case "people_by_mobility": "mobility"
    default: nil
    }
  }

  /// Said beside figures that count what is inside a flood, wet or not.
  static let anyHeight = "at any height"

  /// What figures and details are called in Chinese.
  static let words = [
    "all": "全部", "none": "无", "unknown": "不明", "wet": "被淹", "dry": "未淹", "free places": "空位", "members": "队员",
    "in stock": "库存", "manager": "网格长", "floors under water": "被淹楼层", anyHeight: "不论高度",
  ]

  /// How many features of a kind a page shows.
  static let mostShown = 50

  static let all: [BriefSection] = [
    BriefSection(
      name: "people", english: "People", chinese: "人口", layer: "person", needs: [], kind: .figures,
      query: "FIND person {near} RETURN 'all' AS name, COUNT(*) AS value"),
    BriefSection(
      name: "people_by_age", english: "People by age", chinese: "分年龄人口", layer: "person", needs: ["age"],
      kind: .figures,
      query: "FIND person {near} GROUP BY {band} RETURN {band} AS name, COUNT(*) AS value"),
    BriefSection(
      name: "people_by_mobility", english: "People by mobility", chinese: "按行动能力", layer: "person",
      needs: ["mobility"], kind: .figures,
      query: "FIND person {near} GROUP BY mobility RETURN mobility AS name, COUNT(*) AS value"),
    BriefSection(
      name: "buildings", english: "Buildings", chinese: "建筑", layer: "building", needs: [], kind: .figures,
      query: "FIND building {near} RETURN 'all' AS name, COUNT(*) AS value"),
    BriefSection(
      name: "units", english: "Housing units", chinese: "房屋", layer: "unit", needs: [], kind: .figures,
      query: "FIND unit {near} RETURN 'all' AS name, COUNT(*) AS value"),
    BriefSection(
      name: "shelters", english: "Nearest shelters with room", chinese: "最近的有余位避难场所", layer: "shelter",
      needs: ["status", "capacity", "occupied", "phone"], kind: .list,
      query: """
        FIND shelter NEAREST 5 TO $brief {dry} WHERE status = 'open' AND capacity - occupied > 0 \
        RETURN id, name, phone, capacity - occupied AS value, 'free places' AS detail, distance
        """),
    BriefSection(
      name: "teams", english: "Nearest rescue teams", chinese: "最近的救援队伍", layer: "team",
      needs: ["members", "phone"], kind: .list,
      query: "FIND team NEAREST 3 TO $brief RETURN id, name, phone, members AS value, 'members' AS detail, distance"),
    BriefSection(
      name: "warehouses", english: "Nearest flood warehouses", chinese: "最近的防汛仓库", layer: "warehouse",
      needs: ["stock", "phone"], kind: .list,
      query: "FIND warehouse NEAREST 3 TO $brief RETURN id, name, phone, stock AS value, 'in stock' AS detail, distance"
    ),
    BriefSection(
      name: "grids", english: "Grids", chinese: "三级网格", layer: "grid3", needs: ["code", "manager", "phone"],
      kind: .list,
      query: "FIND grid3 {near} RETURN code AS id, manager AS name, phone, 'manager' AS detail ORDER BY code"),
    BriefSection(
      name: "wardens", english: "Flood wardens", chinese: "防汛责任人", layer: "warden",
      needs: ["grid3", "phone", "duty"], kind: .list,
      query: """
        FIND warden WHERE grid3 IN (FIND grid3 {near} RETURN code) RETURN id, name, phone, duty AS detail \
        ORDER BY id
        """),
    BriefSection(
      name: "grid_workers", english: "Grid workers", chinese: "网格员", layer: "grid_worker",
      needs: ["grid3", "phone", "duty"], kind: .list,
      query: """
        FIND grid_worker WHERE grid3 IN (FIND grid3 {near} RETURN code) RETURN id, name, phone, duty AS detail \
        ORDER BY id
        """),
    BriefSection(
      name: "hazards", english: "Hazard points", chinese: "隐患点", layer: "hazard",
      needs: ["kind", "threat_people", "phone"], kind: .list,
      query: """
        FIND hazard {near} RETURN id, name, phone, threat_people AS value, kind AS detail, {grade} AS detail2{metres} \
        ORDER BY {order}
        """),
    BriefSection(
      name: "sensors", english: "Sensors", chinese: "感知设备", layer: "sensor", needs: ["kind", "value"], kind: .list,
      query: """
        FIND sensor {near} RETURN id, name, value AS value, kind AS detail{metres} ORDER BY {order}
        """),
    BriefSection(
      name: "cameras", english: "Cameras", chinese: "视频监控", layer: "camera", needs: ["kind"], kind: .list,
      query: "FIND camera {near} RETURN id, name, kind AS detail{metres} ORDER BY {order}"),
    BriefSection(
      name: "warnings", english: "Warnings in force", chinese: "生效预警", layer: "warning",
      needs: ["status", "kind", "level"], kind: .list,
      query: """
        FIND warning {near} WHERE status <> 'lifted' OR status IS NULL RETURN id, name, kind AS detail, \
        level AS detail2 ORDER BY id
        """),
    BriefSection(
      name: "events", english: "Open events", chinese: "未结事件", layer: "event", needs: ["status", "kind"],
      kind: .list,
      query: """
        FIND event {near} WHERE status <> 'closed' OR status IS NULL RETURN id, name, kind AS detail, \
        status AS detail2{metres} ORDER BY {order}
        """),
  ]
}
