import Testing

@testable import CIMEngine

@Suite struct CQL2JSONTests {
  @Test(
    "JSON gives the tree of the text",
    arguments: [
      (
        #"{"op":"and","args":[{"op":"=","args":[{"property":"a.b"},"x"]},{"op":"isNull","args":[{"property":"c"}]}]}"#,
        "a.b = 'x' AND c IS NULL"
      ),
      (#"{"op":"not","args":[{"op":"like","args":[{"property":"name"},"foo%"]}]}"#, "name NOT LIKE 'foo%'"),
      (#"{"op":"not","args":[{"op":"between","args":[{"property":"v"},1,2.0]}]}"#, "v NOT BETWEEN 1 AND 2.0"),
      (
        #"{"op":"=","args":[{"property":"v"},{"op":"-","args":[{"op":"*","args":[{"op":"*","args":[-1,{"property":"foo"}]},2.0]},{"op":"^","args":[{"property":"x"},2.0]}]}]}"#,
        "v = - foo * 2.0 - x ^ 2.0"
      ),
      (#"{"op":"div","args":[{"property":"a"},{"op":"-","args":[{"property":"b"}]}]}"#, "a div - b"),
      (
        #"{"op":"t_overlappedBy","args":[{"interval":["..","2005-01-10T01:01:01.393216Z"]},{"interval":[{"property":"s"},{"property":"e"}]}]}"#,
        "T_OVERLAPPEDBY(INTERVAL('..', '2005-01-10T01:01:01.393216Z'), INTERVAL(s, e))"
      ),
      (#"{"op":"a_contains","args":[{"property":"v"},["a"]]}"#, "A_CONTAINS(v, ('a'))"),
      (
        #"{"op":"s_within","args":[{"type":"MultiPoint","coordinates":[[1,2,3],[4,5,6]]},{"bbox":[1,2,3,4]}]}"#,
        "S_WITHIN(MULTIPOINT Z ((1 2 3), (4 5 6)), BBOX(1, 2, 3, 4))"
      ),
      (
        #"{"op":"Foo","args":[true,null,"\u9ad8\ud83d\ude00\n\"",{"date":"2020-02-29"}]}"#,
        "Foo(TRUE, NULL, '高😀\n\"', DATE('2020-02-29'))"
      ),
      ("true", "TRUE"),
    ])
  func trees(json: String, text: String) throws {
    #expect(try parseFilterJSON(json) == parseFilter(text))
  }

  @Test("what CQL2 cannot say is refused", arguments: ["WITHIN 5 m OF AT(1, 2)", "a = 5 m", "a = $p", "a IN (FIND b)"])
  func notCQL2(text: String) throws {
    let tree = try parseFilter(text)
    #expect(throws: QueryError.self) { try filterJSON(tree) }
  }

  /// parseFilterJSON(filterJSON(tree)) == tree for generated trees that CQL2 can say.
  @Test("generated trees survive JSON", arguments: 0..<4 as Range<UInt64>)
  func generated(seed: UInt64) throws {
    var trees = TreeGenerator(seed: seed &+ 9_000)
    var written = 0
    for _ in 0..<400 {
      let tree = trees.expression(3)
      // A name with a dot in quotes has no spelling of its own there, nor has an empty geometry.
      guard !Printer.print(tree).contains("\"a.b\""), let json = try? filterJSON(tree), !json.contains("[]") else {
        continue
      }
      written += 1
      let again = try parseFilterJSON(json)
      #expect(again == tree, "\(json)\n\(Printer.print(tree))\n\(Printer.print(again))")
    }
    #expect(written > 30)
  }

  @Test(
    "errors",
    arguments: [
      (#"{"op":"f(x","args":[]}"#, "the name of an operator or function", 6..<11),
      (#"{"op":"case","args":[1]}"#, "the name of an operator or function", 6..<12),
      (#"{"op":"="}"#, "`args`", 0..<10), (#"{"op":"=","args":[1]}"#, "takes 2 arguments, not 1", 17..<20),
      (#"{"op":"in","args":[1,2]}"#, "an array of values", 21..<22), (#"{"foo":1}"#, "expected `op`", 0..<9),
      (#"{"date":"2021-02-30"}"#, "is not a date", 8..<20),
      (#"{"type":"Pont","coordinates":[1,2]}"#, "did you mean Point?", 8..<14),
      (#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}"#, "not closed", 33..<58),
      (#"{"op":"#, "a JSON value", 6..<6), (#"{"op" 1}"#, "`:` after the key", 6..<7), ("[1,]", "a JSON value", 3..<4),
      ("01", "not a number", 0..<2), ("1e999", "not a number", 0..<5), (#""abc"#, "has no end", 0..<4),
      (#""\ud800x""#, "surrogate", 1..<7), ("true false", "the end of the JSON", 5..<6), ("", "a JSON value", 0..<0),
      (#"{"property":""}"#, "the name of a property", 12..<14),
    ])
  func errors(json: String, part: String, range: Range<Int>) {
    do {
      _ = try parseFilterJSON(json)
      Issue.record("no error")
    } catch {
      #expect(error.message.contains(part), "\(error.message)")
      #expect(error.range == range, "\(error.rendered(in: json))")
    }
  }

  @Test func nestingIsLimited() {
    for (open, close) in [("[", "]"), (#"{"op":"not","args":["#, "]}")] {
      let deep = String(repeating: open, count: 5_000) + "true" + String(repeating: close, count: 5_000)
      #expect(throws: QueryError.self) { try parseFilterJSON(deep) }
    }
  }
}
