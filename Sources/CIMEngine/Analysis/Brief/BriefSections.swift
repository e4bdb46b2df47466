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
  /// `{near}` stands for the condition on place, `$brief` for the place itself, `{band}` for the age band by the
  /// city's rules.
  let query: String

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
        FIND shelter NEAREST 5 TO $brief WHERE status = 'open' AND capacity - occupied > 0 \
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
      query: "FIND grid3 {near} RETURN code AS id, manager AS name, phone, 'manager' AS detail ORDER BY code LIMIT 50"),
    BriefSection(
      name: "wardens", english: "Flood wardens", chinese: "防汛责任人", layer: "warden",
      needs: ["grid3", "phone", "duty"], kind: .list,
      query: """
        FIND warden WHERE grid3 IN (FIND grid3 {near} RETURN code) RETURN id, name, phone, duty AS detail \
        ORDER BY id LIMIT 50
        """),
    BriefSection(
      name: "grid_workers", english: "Grid workers", chinese: "网格员", layer: "grid_worker",
      needs: ["grid3", "phone", "duty"], kind: .list,
      query: """
        FIND grid_worker WHERE grid3 IN (FIND grid3 {near} RETURN code) RETURN id, name, phone, duty AS detail \
        ORDER BY id LIMIT 50
        """),
    BriefSection(
      name: "hazards", english: "Hazard points", chinese: "隐患点", layer: "hazard",
      needs: ["kind", "threat_people", "phone"], kind: .list,
      query: """
        FIND hazard {near} RETURN id, name, phone, threat_people AS value, kind AS detail ORDER BY id LIMIT 50
        """),
    BriefSection(
      name: "sensors", english: "Sensors", chinese: "感知设备", layer: "sensor", needs: ["kind", "value"], kind: .list,
      query: "FIND sensor {near} RETURN id, name, value AS value, kind AS detail ORDER BY id LIMIT 50"),
    BriefSection(
      name: "cameras", english: "Cameras", chinese: "视频监控", layer: "camera", needs: ["kind"], kind: .list,
      query: "FIND camera {near} RETURN id, name, kind AS detail ORDER BY id LIMIT 50"),
    BriefSection(
      name: "warnings", english: "Warnings in force", chinese: "生效预警", layer: "warning",
      needs: ["status", "kind", "level"], kind: .list,
      query: """
        FIND warning {near} WHERE status <> 'lifted' RETURN id, name, level AS detail ORDER BY id LIMIT 50
        """),
    BriefSection(
      name: "events", english: "Open events", chinese: "未结事件", layer: "event", needs: ["status", "kind"],
      kind: .list,
      query: "FIND event {near} WHERE status <> 'closed' RETURN id, name, status AS detail ORDER BY id LIMIT 50"),
  ]
}
