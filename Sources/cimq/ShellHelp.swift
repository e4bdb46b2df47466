/// What `.help` says.
enum ShellHelp {
  struct Command {
    var name: String
    var arguments: String
    var english: String
    var chinese: String
  }

  static let commands: [Command] = [
    Command(
      name: ".help", arguments: "[TOPIC]", english: "this list, or a topic: language, examples, 中文",
      chinese: "本列表，或主题：language、examples、中文"),
    Command(
      name: ".layers", arguments: "", english: "the layers, their geometry and row counts", chinese: "图层、几何类型与行数"),
    Command(
      name: ".schema", arguments: "[LAYER]", english: "columns, types, units and values of a layer",
      chinese: "图层的列、类型、单位与取值"),
    Command(
      name: ".mode", arguments: "[FORMAT]", english: "how results are shown: table, csv, json, geojson, …",
      chinese: "结果格式：table、csv、json、geojson 等"),
    Command(name: ".once", arguments: "FILE", english: "write the next result to a file", chinese: "下一个结果写入文件"),
    Command(
      name: ".output", arguments: "[FILE]",
      english: "write results to a file from now on; without FILE back to the screen", chinese: "此后结果写入文件；无参数则回到屏幕"),
    Command(
      name: ".rows", arguments: "N", english: "how many rows a table shows (all are counted)", chinese: "表格显示的行数（总数照计）"),
    Command(name: ".timer", arguments: "on|off", english: "rows and time after each result", chinese: "显示每个结果的行数与用时"),
    Command(name: ".timeout", arguments: "TIME|off", english: "stop queries that take longer", chinese: "超时即停"),
    Command(
      name: ".lang", arguments: "zh|en", english: "headers and messages in Chinese or English", chinese: "中文或英文表头与提示"),
    Command(name: ".read", arguments: "FILE", english: "run statements from a file", chinese: "运行文件中的语句"),
    Command(name: ".quit", arguments: "", english: "leave (Ctrl-D too)", chinese: "退出（或 Ctrl-D）"),
  ]

  static let examples = """
    FIND shelter NEAREST 3 TO AT(113.65, 34.76) WHERE status = 'open' AND capacity - occupied >= 50;
    FIND building WITHIN 500 m OF hazard 'HZ-0231' WHERE floors > 6 ORDER BY distance;
    COUNT person INSIDE grid3 '410105003012007';
    FIND building WHERE height > 60 RETURN name, height, floors ORDER BY height DESC LIMIT 10;
    FIND grid3 AS g JOIN unit AS u ON S_CONTAINS(g.geom, u.geom) GROUP BY g.code RETURN g.code, COUNT(*) AS units;
    FIND shelter INSIDE district '金水区' EXPORT TO 'shelters.geojson';
    查找 避难场所 最近 3 到 AT(113.65, 34.76) 条件 状态 = '开放';
    查找 距离 隐患点 'HZ-0231' 500 米 以内 的 建筑 条件 层数 > 6;
    """

  static func text(for topic: String?, chinese: Bool) -> String {
    switch topic?.lowercased() {
    case nil:
      let width = commands.map { $0.name.count + $0.arguments.count + 1 }.max() ?? 0
      let list = commands.map { command in
        let usage = command.name + (command.arguments.isEmpty ? "" : " " + command.arguments)
        return "  " + usage + String(repeating: " ", count: width - usage.count + 2)
          + (chinese ? command.chinese : command.english)
      }
      return list.joined(separator: "\n") + "\n\n" + (chinese ? "语句以 ; 结束，例如：" : "Statements end with ;  For example:")
        + "\n  FIND shelter NEAREST 3 TO AT(113.65, 34.76);"
    case "examples", "example", "示例": return examples
    case "language", "语言", "query":
      return language
    case "中文", "zh", "chinese": return KeywordTable.text()
    case let word?:
      let dotted = word.hasPrefix(".") ? word : "." + word
      if let command = commands.first(where: { $0.name == dotted }) {
        return "  \(command.name) \(command.arguments)\n  \(chinese ? command.chinese : command.english)"
      }
      return (chinese ? "没有该主题；主题：" : "no such topic; topics: ") + "language, examples, 中文, "
        + commands.map(\.name).joined(separator: ", ")
    }
  }

  private static let language = """
    FIND layer [clauses]     or   SELECT items FROM layer [clauses]     or   COUNT layer [clauses]
      WHERE condition                 = <> < <= > >=  AND OR NOT  LIKE  BETWEEN  IN  IS NULL  S_INTERSECTS(…) …
      INSIDE | INTERSECTS | TOUCHES | CONTAINS reference
      WITHIN 500 m OF reference       NEAREST 3 TO reference [WITHIN 2 km]
      JOIN layer AS x ON condition    JOIN NEAREST 1 layer AS s [WITHIN 1 km]     LEFT JOIN …
      RETURN items                    GROUP BY items   HAVING condition
      ORDER BY keys                   LIMIT n [OFFSET n]      EXPORT TO 'file.geojson'
    reference:  AT(lon, lat) [IN GCJ02]   BBOX(…)   CIRCLE(AT(…), 500 m)   POLYGON((…))   layer 'id, code or name'
                layer   $set   (FIND …)   FILE 'area.geojson'
    LET $near = (FIND shelter …);    EXPLAIN FIND …    -- comment
    A distance has a unit: m, km, 米, 公里.
    """
}
