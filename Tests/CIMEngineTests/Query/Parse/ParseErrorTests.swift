import Testing

@testable import CIMEngine

@Suite struct ParseErrorTests {
  /// A text, what its message must contain, and the part that is underlined.
  @Test(
    "messages and places",
    arguments: [
      ("FIND shelter WHER x = 1", ["did you mean WHERE?"], "WHER"),
      ("FIND shelter s WHERE x = 1", ["`AS s`"], "s"),
      ("FIND shelter RETURN height h", ["`AS h`"], "h"),
      ("FIND unit AS u, building AS b WHERE u.building = b.id", ["join layers with JOIN … ON"], ","),
      ("SELECT id FROM unit, building", ["join layers with JOIN … ON"], ","),
      ("FND shelter", ["did you mean FIND?"], "FND"),
      ("查询 建筑", ["did you mean 查找?"], "查询"),
      ("FIND building WITHIN 500 OF hazard 'h'", ["needs a unit", "`500 m`"], "500"),
      ("FIND building WITHIN -5 OF hazard 'h'", ["needs a unit"], "-5"),
      ("FIND building WITHIN 500 feet OF hazard 'h'", ["unknown unit `feet`"], "feet"),
      ("FIND building WITHIN 500ft OF hazard 'h'", ["unknown unit `ft`"], "ft"),
      ("FIND building WITHIN 500 meters OF hazard 'h'", ["write `500 m`"], "meters"),
      ("FIND building WITHIN 500 m hazard 'h'", ["OF"], "hazard"),
      ("FIND building NEAREST 3 TO AT(1, 2) WITHIN 2", ["needs a unit"], "2"),
      ("FIND building BELOW ELEVATION 92.4", ["needs a unit"], "92.4"),
      ("FIND building INSIDE 'F-1'", ["of which layer"], "'F-1'"),
      ("FIND building INSIDE flood “F-1”", ["single quotes", "'F-1'"], "“F-1”"),
      ("FIND building WHERE status = “open”", ["use single quotes", "'open'"], "“open”"),
      ("FIND building WHERE status IN (“open”)", ["use single quotes", "'open'"], "“open”"),
      ("FIND building WHERE status == 'open'", ["one `=`"], "="),
      ("FIND building WHERE 1 < a < 3", ["a < b AND b < c"], "<"),
      ("FIND building WHERE", ["expected a value"], ""),
      ("FIND building WHERE a =", ["expected a value"], ""),
      ("FIND building WHERE like = 3", ["\"like\""], "like"),
      ("FIND building WHERE (a = 1", ["`)`"], ""),
      ("FIND building WHERE a IN (1, 2", ["`,` or `)`"], ""),
      ("FIND building WHERE a BETWEEN 1 OR 2", ["AND after the lower bound"], "OR"),
      ("FIND building WHERE a IS 3", ["NULL or NOT NULL"], "3"),
      ("FIND building WHERE x = (FIND a)", ["subquery"], "FIND"),
      ("FIND WHERE height > 3", ["a layer", "name the layer first"], "WHERE"),
      ("FIND building ON FLOOR 0", ["no floor 0"], "0"),
      ("FIND building ON FLOOR 3..1", ["write 1..3"], "ON FLOOR 3..1"),
      ("FIND building NEAREST 0 TO AT(1,2)", ["from 1 on"], "0"),
      ("FIND building NEAREST x TO AT(1,2)", ["whole number"], "x"),
      ("FIND building LIMIT 1.5", ["whole number"], "1.5"),
      ("FIND building ORDER BY a ORDER BY b", ["ORDER BY is given twice"], "ORDER BY"),
      ("SELECT a FROM b RETURN c", ["given twice"], "RETURN"),
      ("COUNT a RETURN b", ["COUNT returns the count alone"], "a"),
      ("FIND a NEAREST 1 TO b NEAREST 1 TO c", ["one NEAREST"], "NEAREST 1 TO c"),
      ("FIND a JOIN b", ["ON and a condition"], ""),
      ("FIND a JOIN b s ON s.x = a.x", ["`AS s`"], "s"),
      ("FIND a EXPORT TO x.csv", ["single quotes"], "x"),
      ("FIND a EXPORT TO 'x.csv' LIMIT 3", ["comes last"], "LIMIT"),
      ("UPDATE a SET b = 1", ["write ALL"], ""),
      ("DELETE FROM a", ["write ALL"], ""),
      ("DELETE FROM a WHER x = 1", ["did you mean WHERE?"], "WHER"),
      ("INSERT INTO a (b, c) VALUES (1)", ["1 values for 2 columns"], "(1)"),
      ("FIND a INSIDE POLYGON((0 0, 1 0, 1 1, 0 1))", ["not closed", "0 0"], "(0 0, 1 0, 1 1, 0 1)"),
      ("FIND a INSIDE POLYGON((0 0, 1 0, 0 0))", ["four points"], "(0 0, 1 0, 0 0)"),
      ("FIND a INSIDE POINT(1, 2)", ["without a comma"], ","),
      ("FIND a INSIDE LINESTRING(1 2 3, 4 5)", ["has a height or none"], "4 5"),
      ("FIND a INSIDE POINT M (1 2 3)", ["measures (M)"], "M"),
      ("FIND a INSIDE BBOX(1, 2, 3)", ["4 numbers"], "BBOX(1, 2, 3)"),
      ("FIND a WHERE d = DATE('2021-13-01')", ["not a date"], "'2021-13-01'"),
      ("FIND a WHERE d = TIMESTAMP('yesterday')", ["not a time"], "'yesterday'"),
      ("FIND a WHERE x = 1e999", ["not a number"], "1e999"),
      ("FIND a WHERE x = 1.2.3", ["not a number"], "1.2.3"),
      ("FIND a WHERE CASE WHEN x THEN 1", ["END"], ""),
      ("FIND a WHERE h. = 3", ["a column after the dot"], "="),
      ("FIND a INSIDE", ["a place"], ""),
      ("LET f = flood 'x'", ["`$`"], "f"),
      ("EXPLAIN", ["expected a statement"], ""),
      ("查找建筑条件高度作为", ["expected"], "作为"),
    ])
  func messages(text: String, parts: [String], marked: String) throws {
    do {
      _ = try parse(text, names: KnownNames(["建筑", "高度"]))
      Issue.record("no error for \(text)")
    } catch {
      #expect(parts.allSatisfy { error.message.contains($0) }, "\(error.message)")
      let range = try #require(error.range)
      #expect(String(decoding: Array(text.utf8)[range], as: UTF8.self) == marked, "\(error.rendered(in: text))")
    }
  }

  @Test func caretsCountColumns() {
    let text = "查找 建筑 条件 层数 >"
    let error = QueryError(.unknownProperty("层数", layer: "建筑"), at: 21..<27, fix: "did you mean `高度`?")
    #expect(
      error.rendered(in: text) == """
        `建筑` has no column `层数`; did you mean `高度`?
          查找 建筑 条件 层数 >
                         ^^^^
        """)
  }

  @Test func caretsInSeveralLines() {
    let error = QueryError(.unknownLayer("x"), at: 10..<11)
    let lines = error.rendered(in: "FIND a;\n  x b\nc").split(separator: "\n").map(String.init)
    #expect(lines[1] == "line 2:   x b")
    #expect(lines[2] == "          ^")
  }

  @Test func caretsAtTheEndAndBeyond() {
    #expect(QueryError(.unknownLayer("x"), at: 6..<6).rendered(in: "FIND a").hasSuffix("\n  FIND a\n        ^"))
    #expect(QueryError(.unknownLayer("x"), at: 60..<99).rendered(in: "FIND a").hasSuffix("\n        ^"))
    #expect(QueryError(.unknownLayer("x")).rendered(in: "FIND a") == "there is no layer `x`")
    #expect(QueryError(.unknownLayer("x"), at: 0..<0).rendered(in: "").hasSuffix("\n  ^"))
  }

  @Test func longLinesShowAWindow() throws {
    let text = String(repeating: "层", count: 300) + " BAD " + String(repeating: "x", count: 300)
    let lines = QueryError(.unknownLayer("BAD"), at: 901..<904).rendered(in: text).split(separator: "\n").map(
      String.init)
    #expect(lines[1].contains("BAD") && DisplayWidth.of(lines[1]) <= 110)
    let caret = try #require(lines[2].firstIndex(of: "^"))
    let bad = try #require(lines[1].range(of: "BAD"))
    #expect(lines[2].distance(from: lines[2].startIndex, to: caret) == DisplayWidth.of(lines[1][..<bad.lowerBound]))
  }
}

extension String {
  fileprivate func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}
