import Foundation
import TestSupport
import Testing

@testable import CIMEngine

/// The fuzzers' targets over their seeds, over what was once found (`Tests/Fixtures/fuzz`), and over some hundred damaged
/// copies of both. `scripts/torture fuzz` runs them long.
@Suite("Corpora of the fuzzers") struct FuzzCorpusTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/fuzz")

  private static func corpus(_ target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
    let path = folder.appendingPathComponent(target.rawValue).path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? []
    return try names.map { ($0, try readFile(path + "/" + $0)) }
  }

  @Test(arguments: FuzzTarget.allCases) func seedsAndFindsKeepTheirPromises(_ target: FuzzTarget) throws {
    let seeds = FuzzSeeds.seeds(of: target)
    #expect(!seeds.isEmpty)
    for (number, seed) in seeds.enumerated() { #expect(throws: Never.self, "seed \(number)") { try target.run(seed) } }
    for (name, bytes) in try Self.corpus(target) { #expect(throws: Never.self, "\(name)") { try target.run(bytes) } }
  }

  @Test(arguments: FuzzTarget.allCases) func damagedCopiesKeepTheirPromises(_ target: FuzzTarget) throws {
    var random = SplitMix64(seed: 99)
    let inputs = try FuzzSeeds.seeds(of: target) + Self.corpus(target).map(\.bytes)
    for _ in 0..<120 {
      var bytes = inputs.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[at] = .random(in: 0...255, using: &random)
        case 2: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...9, using: &random)))
        default:
          let end = min(bytes.count, at + Int.random(in: 1...40, using: &random))
          bytes.insert(contentsOf: Array(bytes[at..<end]), at: Int.random(in: 0...bytes.count, using: &random))
        }
      }
      #expect(throws: Never.self, "\(bytes)") { try target.run(bytes) }
    }
  }
}
