import Foundation
import Testing

@testable import CIMEngine

/// The examples of OGC 21-065r2, where they are at hand (`CIMQ_REALDATA`).
enum CQL2Examples {
  static let folder = ProcessInfo.processInfo.environment["CIMQ_REALDATA"].map { "\($0)/cql2/examples" }
  static var arePresent: Bool { folder.map { FileManager.default.fileExists(atPath: $0) } ?? false }

  /// Stems of the examples in text, sorted.
  static var stems: [String] {
    guard let folder, let files = try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/text") else {
      return []
    }
    return files.filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.sorted()
  }

  static func text(_ stem: String) throws -> String { try read("text/\(stem).txt") }
  static func json(_ stem: String) throws -> String? {
    guard FileManager.default.fileExists(atPath: "\(folder ?? "")/json/\(stem).json") else { return nil }
    return try read("json/\(stem).json")
  }

  private static func read(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: "\(folder ?? "")/\(path)")), as: UTF8.self)
  }
}

@Suite(.enabled(if: CQL2Examples.arePresent, "set CIMQ_REALDATA to run the examples of the standard"))
struct CQL2ExampleTests {
  @Test func allAreThere() { #expect(CQL2Examples.stems.count >= 60) }

  @Test("every example parses and prints to the same tree", arguments: CQL2Examples.stems)
  func roundTrip(stem: String) throws {
    let text = try CQL2Examples.text(stem)
    let tree = try parseFilter(text)
    #expect(try parseFilter(Printer.print(tree)) == tree, "\(Printer.print(tree))")
    #expect(try parseFilter(text, strictCQL2: true) == tree)
  }

  @Test("text and JSON of one example give one tree", arguments: CQL2Examples.stems)
  func textAndJSON(stem: String) throws {
    guard let json = try CQL2Examples.json(stem) else { return }
    let (fromText, fromJSON) = (try parseFilter(try CQL2Examples.text(stem)), try parseFilterJSON(json))
    #expect(fromText == fromJSON, "\(Printer.print(fromText))\n\(Printer.print(fromJSON))")
  }

  @Test("JSON written from a tree reads back to it", arguments: CQL2Examples.stems)
  func jsonRoundTrip(stem: String) throws {
    let tree = try parseFilter(try CQL2Examples.text(stem))
    let json = try filterJSON(tree)
    #expect(try parseFilterJSON(json) == tree, "\(json)")
    // The standard's own JSON, written again, is the same JSON but for spaces and the spelling of numbers.
    guard let original = try CQL2Examples.json(stem) else { return }
    let again = try filterJSON(try parseFilterJSON(original))
    func sorted(_ json: String) throws -> Data {
      let value = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
      return try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
    }
    #expect(try sorted(original) == sorted(again), "\(original)\n\(again)")
  }

  @Test func mostExamplesHaveJSON() throws {
    #expect(try CQL2Examples.stems.filter { try CQL2Examples.json($0) != nil }.count >= 50)
  }
}
