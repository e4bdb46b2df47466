import Foundation
import Testing

@testable import CIMEngine

/// The corpus of the fuzzer (`scripts/torture fuzz parser`), read again: every text may be refused, and what it is read as prints
/// to something that reads back to the same.
@Suite("Corpus of the parser") struct ParserCorpusTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures/parser-corpus")

  @Test func everyTextIsReadOrRefused() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
    #expect(files.count >= 100)
    var (scripts, filters, json) = (0, 0, 0)
    for file in files {
      let text = String(decoding: try Data(contentsOf: Self.folder.appendingPathComponent(file)), as: UTF8.self)
      if let script = try? parse(text) {
        scripts += 1
        #expect(try parse(Printer.print(script)) == script, "\(file)")
      }
      if let filter = try? parseFilter(text, strictCQL2: true) {
        filters += 1
        #expect(try parseFilter(Printer.print(filter)) == filter, "\(file)")
      }
      if let filter = try? parseFilterJSON(text) {
        json += 1
        #expect(try parseFilter(Printer.print(filter)) == filter, "\(file)")
      }
    }
    #expect(scripts > 20 && filters > 20 && json > 4)
  }

  @Test(
    "long chains are read, printed and answered; endless ones are refused", arguments: [" + ", " - ", " * ", " / "])
  func chains(sign: String) throws {
    let city = try Self.city.get()
    let long = Array(repeating: "1", count: 125).joined(separator: sign)
    let tree = try parseFilter(long)
    #expect(try parseFilter(Printer.print(tree)) == tree)
    let value: Double = sign == " + " ? 125 : sign == " - " ? -123 : 1
    #expect(try city.rows("FIND spot RETURN \(long) AS x LIMIT 1")[0][0].number == value)
    #expect(try city.rows("COUNT spot WHERE id = 'S1' AND \(long) = \(value)") == [[.int(1)]])
    for count in [500, 100_000] {
      let endless = Array(repeating: "1", count: count).joined(separator: sign)
      #expect { try parseFilter(endless) } throws: { error in
        (error as? QueryError)?.message.contains("more than 150 steps") ?? false
      }
    }
  }

  /// One list of conditions is one step, however long it is.
  @Test func seriesMayBeLong() throws {
    let city = try Self.city.get()
    let text = (0..<5_000).map { "a = \($0 + 1_000)" }.joined(separator: " OR ")
    #expect(try city.rows("COUNT spot WHERE \(text) OR id = 'S1'") == [[.int(1)]])
    #expect(throws: QueryError.self) { try parseFilter(String(repeating: "(", count: 100_000) + "1") }
    #expect(throws: QueryError.self) { try parseFilter(String(repeating: "NOT ", count: 100_000) + "TRUE") }
    #expect(throws: QueryError.self) { try parseFilter(String(repeating: "-", count: 100_000) + "a = 1") }
  }

  private static let city = Result { try QueryMaker.database(seed: 1) }
}
