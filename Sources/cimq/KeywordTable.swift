internal import CIMEngine

/// The words of the language as the shell shows and colours them.
enum KeywordTable {
  /// `.help 中文`: every keyword, function and unit with its Chinese spellings.
  static func text() -> String {
    let keywords = Words.table.map { entry in
      [entry.english.isEmpty ? "—" : entry.english, entry.chinese.joined(separator: "、")]
    }.filter { !$0[1].isEmpty }
    let functions = Words.functions.map { [$0.name, $0.chinese.joined(separator: "、")] }.filter { !$0[1].isEmpty }
    let units = Words.units.map { [$0.name, $0.spellings.joined(separator: "、")] }
    return [("关键字", keywords), ("函数", functions), ("单位", units)].map { title, rows in
      CatalogText.table([title, "中文"], rows, rightAligned: [])
    }.joined(separator: "\n\n")
      + "\n\n图层与列的中文名：.layers、.schema 图层。自然语序：查找 距离 隐患点 'HZ-0231' 500 米 以内 的 建筑 条件 层数 > 6;"
  }

  static func isKeyword(_ word: String) -> Bool { Words.isKeyword(word.uppercased()) }

  static func words(chinese: Bool) -> [String] {
    chinese
      ? Words.table.flatMap(\.chinese) + Words.functions.flatMap(\.chinese)
      : Words.table.map(\.english).filter { !$0.isEmpty } + Words.functions.map(\.name)
  }
}
