import Foundation
import TestSupport
import Testing

@testable import CIMEngine

@Suite struct JSONTests {
  private func parse<R>(_ text: String, _ body: (JSON) throws -> R) throws -> R {
    let parser = JSONParser()
    return try withExtendedLifetime(parser) {
      try Array(text.utf8).withUnsafeBufferPointer { bytes in
        try body(#require(parser.parse(bytes, padded: false)))
      }
    }
  }

  private func fault(_ bytes: [UInt8]) -> JSONSyntax.Fault? {
    bytes.withUnsafeBufferPointer { JSONSyntax.firstFault(in: $0) }
  }

  @Test func cursorWalksEveryKind() throws {
    try parse(#"{"a":[1,-2,2.5,18446744073709551615,"x\n\u00e9",true,false,null,{"b":[]}],"c":{}}"#) { root in
      #expect(root.isObject)
      #expect(root.count == 2)
      let list = try #require(root["a"])
      #expect(list.count == 9)
      let items = list.elements.map { $0 }
      #expect(items[0].int == 1)
      #expect(items[1].double == -2)
      #expect(items[2].double == 2.5)
      #expect(items[3].int == nil)
      #expect(items[3].scalarText == "18446744073709551615")
      #expect(items[4].text?.string == "x\né")
      #expect(items[5].bool == true)
      #expect(items[6].bool == false)
      #expect(items[7].isNull)
      #expect(items[8]["b"]?.count == 0)
      #expect(root["missing"]?.tag == nil)
      #expect(root["c"]?.isObject == true)
    }
  }

  @Test func lastOfRepeatedKeysWins() throws {
    try parse(#"{"a":1,"a":2}"#) { #expect($0["a"]?.int == 2) }
  }

  @Test(arguments: [
    #"{"a":[1,2.5,"q\"\\\n\u0001",true,null,{"b":[]}],"c":{}}"#, "[]", #""Ä""#, "-3", #"[1e-7,1e+300,0.1]"#,
  ])
  func writerKeepsTheValue(text: String) throws {
    let written = try parse(text) { JSONWriter.text(of: $0) }
    let again = try parse(written) { JSONWriter.text(of: $0) }
    #expect(written == again)
    let (a, b) = (
      try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed) as? NSObject,
      try JSONSerialization.jsonObject(with: Data(written.utf8), options: .fragmentsAllowed) as? NSObject
    )
    #expect(a == b)
  }

  @Test(arguments: [
    ("", 0), ("  ", 2), ("[1,]", 3), ("[1 2]", 3), ("{\"a\" 1}", 5), ("{\"a\":1,}", 7), ("{a:1}", 1), ("[01]", 1),
    ("[1.]", 3), ("[1e]", 3), ("[1e999]", 1), ("[123456789012345678901]", 1), ("\"abc", 0), ("\"a\u{1}\"", 2),
    ("\"\\x\"", 1), ("\"\\ud800\"", 1), ("\"\\ud800\\u0041\"", 1), ("\"\\udc00\"", 1), ("\"\\u12g4\"", 5),
    ("{}x", 2), ("[NaN]", 1), ("[Infinity]", 1), ("[+1]", 1), ("tru", 0), ("[1", 2), ("{\"a\":", 5), ("]", 0),
    ("[}", 1), ("'a'", 0),
  ])
  func faultsAreFoundWhereTheyAre(text: String, offset: Int) {
    #expect(fault(Array(text.utf8))?.offset == offset, "\(text)")
  }

  @Test func badUTF8IsFound() {
    for bytes: [UInt8] in [
      [0xFF], [0xC0, 0xAF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE4, 0xB8],
    ] {
      #expect(fault([0x22, 0x61] + bytes + [0x22])?.offset == 2)
    }
    #expect(fault(Array("\"中文𝄞é\"".utf8)) == nil)
  }

  @Test func depthIsLimited() {
    #expect(fault(Array(repeating: UInt8(ascii: "["), count: 1_000_000))?.offset == 1_024)
    let deep = Array(repeating: UInt8(ascii: "["), count: 1_000) + Array(repeating: UInt8(ascii: "]"), count: 1_000)
    #expect(fault(deep) == nil)
  }

  /// The validator must refuse what the parser refuses and nothing else: every edit of a text is put before both.
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func validatorAgreesWithParser(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let base = Array(
      #"{"é中":[1,-0.5e+3,true,false,null,"a\u00e9\ud834\udd1e\\"],"b":{"c":[[],{}]},"d":12345678901234567890}"#.utf8)
    let alphabet = Array("{}[]:,\"\\u0123456789eE+-.tfn \u{0}\n".utf8) + [0xFF, 0xC3, 0xA9, 0xE4, 0x80]
    let parser = JSONParser()
    for _ in 0..<250 {
      var text = base
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let at = Int.random(in: 0..<text.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: text[at] = alphabet.randomElement(using: &random)!
        case 1: text.remove(at: at)
        default: text.insert(alphabet.randomElement(using: &random)!, at: at)
        }
      }
      text.withUnsafeBufferPointer { bytes in
        let isJSON = parser.parse(bytes, padded: false) != nil
        let fault = JSONSyntax.firstFault(in: bytes)
        #expect(isJSON == (fault == nil), "\(String(decoding: text, as: UTF8.self)) \(String(describing: fault))")
      }
    }
  }

  @Test func linesOfBothForms() throws {
    for (text, lines) in [
      ("{\"n\":1}\n\n{\"n\":2}\r\n  {\"n\":3}", [1, 3, 4]),
      ("\u{1E}{\"n\":1}\n\u{1E}{\n\"n\":2}\n\u{1E}{\"n\":3}\n", [1, 2, 4]),
      ("\u{FEFF}{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n", [1, 2, 3]),
    ] {
      for capacity in [16, 20, 1 << 20] {
        try withFile(text) { path in
          let records = try JSONLines(path: path, capacity: capacity)
          var seen: [(Int64?, Int)] = []
          while let json = try records.next() { seen.append((json["n"]?.int, records.line)) }
          #expect(seen.map(\.0) == [1, 2, 3])
          #expect(seen.map(\.1) == lines)
        }
      }
    }
  }

  @Test func textsOfOtherEncodingsAreConverted() throws {
    // 郑州 in GB18030, many times over so that characters fall on buffer borders.
    let word: [UInt8] = [0xD6, 0xA3, 0xD6, 0xDD]
    var bytes: [UInt8] = Array("{\"a\":\"".utf8)
    for _ in 0..<100_000 { bytes += word }
    bytes += Array("\"}".utf8)
    try withFile(bytes) { path in
      let records = try JSONLines(path: path, encoding: "GB18030", capacity: 64)
      #expect(try records.next()?["a"]?.text?.string == String(repeating: "郑州", count: 100_000))
      #expect(try records.next()?.tag == nil)
    }
    _ = try withFile(bytes.dropLast(3)) { path in
      #expect(throws: LoadError.self) { _ = try JSONLines(path: path, encoding: "GB18030").next() }
    }
    #expect(throws: LoadError.self) {
      _ = try withFile("x") { try ByteReader(path: $0, encoding: "no-such-encoding") }
    }
  }

  @Test func missingAndFolderAreUnreadable() throws {
    let missing = #expect(throws: LoadError.self) { _ = try ByteReader(path: "/nonexistent/file.json") }
    #expect(missing?.failureClass == .file)
    let folder = #expect(throws: LoadError.self) { _ = try ByteReader(path: NSTemporaryDirectory()) }
    #expect(folder?.failureClass == .file)
  }
}
