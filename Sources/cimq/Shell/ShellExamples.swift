/// Examples that run as they stand on the bundled city: `.examples`.
enum ShellExamples {
  struct Example {
    var text: String
    var english: String
    var chinese: String
  }
  struct Topic {
    var name: String
    var chineseName: String
    var examples: [Example]
  }

  static let topics: [Topic] = [
    Topic(
      name: "nearest", chineseName: "最近",
      examples: [
        Example(
          text: "FIND shelter NEAREST 3 TO AT(113.65, 34.76) WHERE status = 'open' AND capacity - occupied >= 50;",
          english: "open shelters with room, nearest first", chinese: "最近的有空余的开放避难场所"),
        Example(
          text: "FIND shelter NEAREST 5 TO AT(113.6562, 34.7588) IN GCJ02 WITHIN 5 km;",
          english: "from a coordinate of a phone map", chinese: "用手机地图坐标查询"),
        Example(
          text: "查找 避难场所 最近 3 到 AT(113.65, 34.76) 条件 状态 = '开放';", english: "the same in Chinese", chinese: "中文写法"),
        Example(
          text: "FIND team NEAREST 2 TO hazard 'HZ-0231' RETURN name, phone, distance;",
          english: "rescue teams nearest to a hazard", chinese: "离隐患点最近的救援队伍"),
      ]),
    Topic(
      name: "within", chineseName: "范围",
      examples: [
        Example(
          text: "FIND building WITHIN 500 m OF hazard 'HZ-0231' WHERE floors > 6 ORDER BY distance;",
          english: "tall buildings near a hazard", chinese: "隐患点附近的高楼"),
        Example(
          text: "查找 距离 隐患点 'HZ-0231' 500 米 以内 的 建筑 条件 层数 > 6;", english: "the same in Chinese", chinese: "自然语序的中文写法"),
        Example(
          text: "COUNT person INSIDE grid3 '410105003012007';", english: "how many people live in a grid",
          chinese: "网格内的人口数"),
        Example(
          text: "FIND unit ON FLOOR -1..1 INSIDE flood 'F-0720' RETURN building.name, floor, room LIMIT 10;",
          english: "low floors in a flooded area", chinese: "淹没区内的低楼层房屋"),
      ]),
    Topic(
      name: "groups", chineseName: "分组",
      examples: [
        Example(
          text: "FIND building GROUP BY use RETURN use, COUNT(*) AS n, AVG(height) AS mean_height ORDER BY n DESC;",
          english: "buildings by use", chinese: "按用途统计建筑"),
        Example(
          text:
            "FIND grid3 AS g JOIN unit AS u ON S_CONTAINS(g.geom, u.geom) GROUP BY g.code RETURN g.code, COUNT(*) AS units ORDER BY units DESC LIMIT 5;",
          english: "the grids with most housing units", chinese: "房屋最多的网格"),
        Example(
          text: "FIND shelter GROUP BY status RETURN status, COUNT(*) AS n, SUM(capacity) AS places;",
          english: "places by status", chinese: "按状态统计容量"),
      ]),
    Topic(
      name: "joins", chineseName: "连接",
      examples: [
        Example(
          text:
            "FIND hazard AS h LEFT JOIN NEAREST 1 (FIND shelter WHERE status = 'open') AS s WITHIN 1 km WHERE s.id IS NULL RETURN h.id, h.threat_people;",
          english: "hazards without an open shelter within 1 km", chinese: "一公里内没有开放避难场所的隐患点"),
        Example(
          text: "FIND person WHERE unit.building.floors > 20 RETURN id, unit.building.name LIMIT 5;",
          english: "along links: people in tall buildings", chinese: "沿链接查询：住在高层的人"),
      ]),
    Topic(
      name: "city", chineseName: "城市",
      examples: [
        Example(
          text: "LINK unit TO grid3 BY INSIDE ELSE NEAREST WITHIN 30 m DRY RUN;",
          english: "which grid each housing unit belongs to (without DRY RUN it is written)",
          chinese: "每个房屋属于哪个网格（去掉 DRY RUN 即写入）"),
        Example(
          text: "EXPOSE building, unit, person TO flood 'F-0720' TOLERANCE 0.2 m GROUP BY layer;",
          english: "what stands in the water of a flood", chinese: "一场洪水淹到什么"),
        Example(
          text: "EXPOSE person TO flood 'F-0720' WHERE state = 'wet' GROUP BY age_band, mobility;",
          english: "who sleeps below the water, by age and mobility", chinese: "睡在水位以下的人，按年龄与行动能力"),
        Example(
          text:
            "ALLOCATE (FIND person INSIDE flood 'F-0720') TO (FIND shelter WHERE status = 'open' NOT INSIDE flood 'F-0720') CAPACITY capacity - occupied MAX 2 km KEEP household TOGETHER GROUP BY shelter;",
          english: "households to shelters with room", chinese: "按户安置到有余位的避难场所"),
        Example(
          text: "BRIEF hazard 'HZ-0231' RADIUS 1 km;", english: "one page about a place", chinese: "一个地点的一页简报"),
      ]),
    Topic(
      name: "roads and heights", chineseName: "道路与高度",
      examples: [
        Example(
          text: "FIND shelter NEAREST 3 TO AT(113.65, 34.76) BY ROAD;", english: "nearest on foot", chinese: "步行最近"),
        Example(
          text: "FIND building WITHIN 1 km OF shelter 'S-0001' BY ROAD AVOIDING flood 'F-0720';",
          english: "within a walk that stays out of the water", chinese: "避开淹没区的步行范围"),
        Example(
          text:
            "FIND building WITHIN 30 m OF LINESTRING Z (113.60 34.75 120, 113.64 34.77 120) IN 3D ORDER BY distance;",
          english: "what is too near to a flight corridor", chinese: "离飞行走廊太近的建筑"),
        Example(
          text: "FIND building VISIBLE FROM POINT Z (113.62 34.75 180) WITHIN 300 m;",
          english: "which buildings a tower sees", chinese: "从塔上看得见的建筑"),
      ]),
    Topic(
      name: "plans", chineseName: "计划",
      examples: [
        Example(
          text: "EXPLAIN ANALYZE FIND building WITHIN 500 m OF hazard 'HZ-0231' WHERE floors > 6;",
          english: "which index a query uses, and where its time goes", chinese: "查询用了哪个索引，时间花在哪里"),
        Example(
          text: "LET $wet = flood 'F-0720'; COUNT building INTERSECTS $wet; COUNT shelter INSIDE $wet;",
          english: "one area in several questions", chinese: "同一区域用于多个查询"),
      ]),
  ]

  static var count: Int { topics.reduce(0) { $0 + $1.examples.count } }

  /// Examples count from 1 through all topics.
  static func example(_ number: Int) -> Example? {
    let all = topics.flatMap(\.examples)
    return all.indices.contains(number - 1) ? all[number - 1] : nil
  }

  /// The examples of a topic, or of all; nil when there is no such topic.
  static func list(topic: String?, chinese: Bool) -> String? {
    var lines: [String] = []
    var number = 0
    for entry in topics {
      let isWanted = topic == nil || entry.name == topic?.lowercased() || entry.chineseName == topic
      if isWanted { lines.append(chinese ? entry.chineseName : entry.name) }
      for example in entry.examples {
        number += 1
        guard isWanted else { continue }
        lines.append("  \(number < 10 ? " " : "")\(number)  \(chinese ? example.chinese : example.english)")
        lines.append("      " + example.text)
      }
    }
    guard !lines.isEmpty else { return nil }
    lines.append(chinese ? "\n.examples 编号 运行其中一个" : "\n.examples N runs one")
    return lines.joined(separator: "\n")
  }
}
