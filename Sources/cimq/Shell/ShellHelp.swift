internal import CIMEngine

/// What `.help` says: every dot command and every topic of the language, each with an example, in both languages.
enum ShellHelp {
  struct Command {
    var name: String
    var arguments: String
    var english: String
    var chinese: String
    var example: String
  }

  static let commands: [Command] = [
    Command(
      name: ".help", arguments: "[TOPIC]", english: "this list, a command or a topic", chinese: "本列表、某个命令或主题",
      example: ".help nearest"),
    Command(
      name: ".examples", arguments: "[TOPIC|N]", english: "examples by topic; a number runs one",
      chinese: "按主题列出示例；给出编号即运行", example: ".examples 3"),
    Command(
      name: ".layers", arguments: "", english: "the layers, their geometry and row counts", chinese: "图层、几何类型与行数",
      example: ".layers"),
    Command(
      name: ".schema", arguments: "[LAYER]", english: "columns, types, units and values of a layer",
      chinese: "图层的列、类型、单位与取值", example: ".schema shelter"),
    Command(
      name: ".mode", arguments: "[FORMAT]", english: "how results are shown: table, map, csv, json, geojson, …",
      chinese: "结果格式：table、map（地图）、csv、json、geojson 等", example: ".mode map"),
    Command(
      name: ".once", arguments: "FILE", english: "write the next result to a file, by its extension",
      chinese: "下一个结果写入文件，格式由扩展名决定", example: ".once near.geojson"),
    Command(
      name: ".output", arguments: "[FILE]", english: "write results to a file from now on; without FILE to the screen",
      chinese: "此后结果写入文件；无参数则回到屏幕", example: ".output report.jsonl"),
    Command(
      name: ".open", arguments: "", english: "the last result as a map page for the browser; prints its path",
      chinese: "把上一个结果做成网页地图，显示路径", example: ".open"),
    Command(
      name: ".rows", arguments: "N|all", english: "how many rows a table shows (all are counted)",
      chinese: "表格显示的行数（总数照计）", example: ".rows 500"),
    Command(
      name: ".pager", arguments: "on|off", english: "results longer than the screen go to $PAGER, else less",
      chinese: "长结果交给 $PAGER 或 less 分页", example: ".pager off"),
    Command(
      name: ".param", arguments: "[NAME [VALUE]]",
      english: "what $name stands for in statements; without a value: nothing",
      chinese: "语句中 $名称 代表的值；不写值则取消", example: ".param k 5"),
    Command(
      name: ".timer", arguments: "on|off", english: "rows and time after each result", chinese: "显示每个结果的行数与用时",
      example: ".timer on"),
    Command(
      name: ".explain", arguments: "on|off", english: "the plan before each result: steps and indexes",
      chinese: "在每个结果前显示执行计划与索引", example: ".explain on"),
    Command(
      name: ".timeout", arguments: "TIME|off", english: "stop queries that take longer", chinese: "超时即停",
      example: ".timeout 10 s"),
    Command(
      name: ".crs", arguments: "[CRS|off]", english: "print coordinates in this CRS, and lon, lat of every row",
      chinese: "以该坐标系显示坐标，并给出每行的经纬度", example: ".crs gcj02"),
    Command(
      name: ".lang", arguments: "zh|en", english: "headers and messages in Chinese or English", chinese: "中文或英文表头与提示",
      example: ".lang zh"),
    Command(
      name: ".watch", arguments: "TIME [QUERY]", english: "repeat a query until Ctrl-C, and show what changes",
      chinese: "定时重复查询并显示变化，Ctrl-C 停止", example: ".watch 10 s FIND shelter WHERE status = 'open'"),
    Command(
      name: ".save", arguments: "NAME [QUERY]", english: "keep the last or the given query under a name",
      chinese: "以名称保存上一条或给出的查询", example: ".save open FIND shelter WHERE status = 'open'"),
    Command(
      name: ".run", arguments: "[NAME]", english: "run a saved query; without NAME list them",
      chinese: "运行已保存的查询；无参数则列出", example: ".run open"),
    Command(
      name: ".sql", arguments: "SELECT …", english: "read-only SQL on the store, with SpatiaLite",
      chinese: "对数据库的只读 SQL（含 SpatiaLite）", example: ".sql SELECT use, count(*) FROM building GROUP BY use"),
    Command(
      name: ".personal", arguments: "on|off",
      english: "names and phones of people in files and pipes in full, and noted",
      chinese: "文件与管道中完整输出姓名和电话并记入审计表", example: ".personal on"),
    Command(
      name: ".import", arguments: "FILE…", english: "load files into this database; options as in cimq import",
      chinese: "把文件导入本数据库；选项同 cimq import", example: ".import shelters.csv --layer shelter"),
    Command(
      name: ".undo", arguments: "", english: "take back the last edit", chinese: "撤销上一次编辑", example: ".undo"),
    Command(
      name: ".read", arguments: "FILE", english: "run statements and commands from a file", chinese: "运行文件中的语句与命令",
      example: ".read report.cimq"),
    Command(
      name: ".quit", arguments: "", english: "leave (Ctrl-D too)", chinese: "退出（或 Ctrl-D）", example: ".quit"),
  ]

  /// Everything that has a page: topics, statements, clauses.
  static let allTopics = topics + pages

  static func text(for topic: String?, chinese: Bool) -> String {
    guard let topic, !topic.isEmpty else { return overview(chinese) }
    // `.help BY  ROAD;`
    let key = topic.lowercased().split { $0.isWhitespace || $0 == ";" || $0 == "；" }.joined(separator: " ")
    if key == "examples" || key == "示例" { return ShellExamples.list(topic: nil, chinese: chinese) ?? "" }
    if ["中文", "zh", "chinese"].contains(key) { return KeywordTable.text() }
    let dotted = key.hasPrefix(".") ? key : "." + key
    let found = allTopics.first { $0.name == key || $0.chineseName == key } ?? allTopics.first { $0.answers(to: key) }
    if key.hasPrefix(".") || found == nil, let command = commands.first(where: { $0.name == dotted }) {
      return "  \(command.name) \(command.arguments)\n  \(chinese ? command.chinese : command.english)\n  "
        + (chinese ? "例：" : "example: ") + command.example
    }
    if let found {
      let example = found.example(chinese: chinese)
      return (chinese ? found.chinese : found.english) + (example.isEmpty ? "" : "\n\n  " + example)
    }
    if let page = page(ofWord: key, chinese) { return page }
    let names = allTopics.map { chinese ? $0.chineseName : $0.name } + commands.map(\.name)
    let candidates = allTopics.flatMap { [$0.name, $0.chineseName] + $0.also } + commands.map(\.name)
    var message = chinese ? "没有主题 \(topic)" : "no such topic: \(topic)"
    if let near = Spelling.nearest(to: key, among: candidates) {
      message += chinese ? "；是否为 \(near)？" : "; did you mean \(near)?"
    }
    return message + (chinese ? "\n主题：" : "\ntopics: ") + names.joined(separator: ", ")
  }

  /// A word of the language that has no page of its own: what it is called in the other language, and where it stands.
  private static func page(ofWord key: String, _ chinese: Bool) -> String? {
    let capitals = key.uppercased()
    if let entry = Words.table.first(where: { $0.english == capitals || $0.chinese.contains(key) }) {
      let spellings = ([entry.english] + entry.chinese).filter { !$0.isEmpty }.joined(separator: "、")
      return "  \(spellings)\n  "
        + (chinese
          ? "语言中的一个词；见 .help 语言、.help 空间、.help 参照"
          : "a word of the language; see .help language, .help spatial, .help references")
    }
    if let function = Words.functions.first(where: { $0.name == capitals || $0.chinese.contains(key) }) {
      let spellings = ([function.name] + function.chinese).joined(separator: "、")
      return "  \(spellings)\n  "
        + (chinese
          ? "函数；docs/language.zh-CN.md 的表中有参数与例子"
          : "a function; the tables of docs/language.md have its arguments and examples")
    }
    return nil
  }

  private static func overview(_ chinese: Bool) -> String {
    let width = commands.map { $0.name.count + $0.arguments.count + 1 }.max() ?? 0
    let list = commands.map { command in
      let usage = command.name + (command.arguments.isEmpty ? "" : " " + command.arguments)
      return "  " + usage + String(repeating: " ", count: width - usage.count + 2)
        + (chinese ? command.chinese : command.english)
    }
    func names(_ topics: [Topic]) -> String {
      topics.map { chinese ? $0.chineseName : $0.name }.joined(separator: ", ")
    }
    return list.joined(separator: "\n") + "\n\n"
      + (chinese ? "语句以 ; 结束，例如：" : "Statements end with ;  For example:")
      + "\n  FIND shelter NEAREST 3 TO AT(113.65, 34.76);\n\n"
      + (chinese ? "主题（.help 主题）：\(names(topics))" : "topics (.help TOPIC): \(names(topics))")
      + "\n\n" + (chinese ? "语句与子句（.help 子句）：" : "statements and clauses (.help CLAUSE): ") + names(pages)
  }
}
