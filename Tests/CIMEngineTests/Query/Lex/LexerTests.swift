import Testing

@testable import CIMEngine

@Suite struct LexerTests {
  /// Tokens as short texts: names bare, strings 's', numbers #n, quoted "n", parameters $p.
  static func spell(_ text: String, names: KnownNames = KnownNames(), strict: Bool = false) throws -> [String] {
    try lex(text, names: names, strictCQL2: strict).dropLast().map { token in
      switch token.kind {
      case .name, .symbol, .end: token.text
      case .quotedName: "\"\(token.text)\""
      case .string: "'\(token.text)'"
      case .number: "#\(token.text)"
      case .parameter: "$\(token.text)"
      }
    }
  }

  @Test(
    "tokens",
    arguments: [
      ("FIND building", ["FIND", "building"]),
      ("1..5", ["#1", "..", "#5"]),
      ("-1 .. 5", ["-", "#1", "..", "#5"]),
      ("1.5 .5 1. 1e3 1.5E-3 1e", ["#1.5", "#.5", "#1.", "#1e3", "#1.5E-3", "#1", "e"]),
      ("500m 3D", ["#500", "m", "#3", "D"]),
      ("EPSG:4547", ["EPSG:4547"]),
      ("eo:cloud_cover<0.1", ["eo:cloud_cover", "<", "#0.1"]),
      ("h.id g.* a.\"b c\"", ["h", ".", "id", "g", ".", "*", "a", ".", "\"b c\""]),
      ("foo.1bar", ["foo", ".", "1bar"]),
      ("'it''s' 'a\\'b' ''", ["'it's'", "'a'b'", "''"]),
      ("‘开放’ ‘a’’b’", ["'开放'", "'a’b'"]),
      ("“高度”", ["\"高度\""]),
      ("\"a\"\"b\"", ["\"a\"b\""]),
      ("$flood $洪水", ["$flood", "$洪水"]),
      ("a<>b a<=b a>=b a!=b a≤b", ["a", "<>", "b", "a", "<=", "b", "a", ">=", "b", "a", "<>", "b", "a", "<=", "b"]),
      ("a -- note ' \" \nb", ["a", "b"]),
      ("（１，２．５）；＝＜＞", ["(", "#1", ",", "#2.5", ")", ";", "=", "<>"]),
      ("a、b。￥c", ["a", ",", "b", ";", "$c"]),
      ("'，（）１'", ["'，（）１'"]),
      ("层数 > ６", ["层数", ">", "#6"]),
      ("a　b\u{FEFF}c\u{A0}d", ["a", "b", "c", "d"]),
      ("", []),
    ])
  func tokens(text: String, expected: [String]) throws {
    #expect(try Self.spell(text) == expected)
  }

  @Test(
    "runs of Chinese characters are divided when one division only works",
    arguments: [
      ("查找避难场所最近3到AT(113.65", ["查找", "避难场所", "最近", "#3", "到", "AT", "(", "#113.65"]),
      ("条件状态=", ["条件", "状态", "="]),
      ("距离隐患点", ["距离", "隐患点"]),
      ("500米以内的建筑条件层数>6", ["#500", "米", "以内", "的", "建筑", "条件", "层数", ">", "#6"]),
      ("低于高程92.4米", ["低于高程", "#92.4", "米"]),
      ("距离500m以内", ["距离", "#500", "m", "以内"]),
      ("返回高度作为楼高 排序楼高", ["返回", "高度", "作为", "楼高", "排序", "楼高"]),
      ("防汛责任人", ["防汛责任人"]),
      ("未知的名字", ["未知的名字"]),
      ("建筑.高度且建筑.层数", ["建筑", ".", "高度", "且", "建筑", ".", "层数"]),
      ("$洪水区内", ["$洪水区内"]),
    ])
  func runs(text: String, expected: [String]) throws {
    let names = KnownNames(["避难场所", "隐患点", "建筑", "状态", "层数", "高度", "防汛责任人", "责任人", "网格", "网格员", "楼高"])
    #expect(try Self.spell(text, names: names) == expected)
  }

  @Test func ambiguousRunShowsItsReadings() throws {
    let names = KnownNames(["网格", "网格员", "员工", "工"])
    #expect(throws: QueryError.self) { try Self.spell("统计网格员工", names: names) }
    do {
      _ = try Self.spell("统计网格员工", names: names)
    } catch let error as QueryError {
      #expect(error.message.contains("统计 网格员 工") && error.message.contains("统计 网格 员工"))
      #expect(error.range == 0..<18)
    }
    #expect(try Self.spell("网格员工", names: KnownNames(["网格", "网格员", "员工"])) == ["网格", "员工"])
  }

  @Test func longRunsEndQuickly() throws {
    let run = String(repeating: "距离", count: 120) + "甲"
    #expect(try Self.spell(run) == [run])
    let endless = String(repeating: "的", count: 20_000)
    #expect(try Self.spell(endless) == [endless])
  }

  @Test func rangesAreThoseOfTheText() throws {
    let text = "查找建筑　条件 层数＞６ 距离５００米"
    let names = KnownNames(["建筑", "层数"])
    let bytes = Array(text.utf8)
    let slices = try lex(text, names: names).map { String(decoding: bytes[$0.range], as: UTF8.self) }
    #expect(slices == ["查找", "建筑", "条件", "层数", "＞", "６", "距离", "５００", "米", ""])
  }

  @Test func strictReadsAsTheStandard() throws {
    #expect(try Self.spell("层数，甲", strict: true) == ["层数，甲"])
    #expect(try Self.spell("1--2", strict: true) == ["#1", "-", "-", "#2"])
    #expect(throws: QueryError.self) { try Self.spell("‘x’", strict: true) }
  }

  @Test(
    "errors",
    arguments: [
      ("'abc", 0..<4), ("a \"b", 2..<4), ("a # b", 2..<3), ("\"\"", 0..<2), ("$ x", 0..<1), ("a 【", 2..<5),
      ("‘x'", 0..<5),
    ])
  func errors(text: String, range: Range<Int>) {
    #expect { try lex(text) } throws: { ($0 as? QueryError)?.range == range }
  }
}
