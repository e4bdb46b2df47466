import Foundation
import TestSupport
import Testing

@testable import CIMEngine

/// Files with random damage: each loads, or is refused with a reason that names it. Nothing else may happen.
@Suite struct HostileInputTests {
  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures")

  private static let files = [
    "two-buildings.city.json", "two-buildings.city.jsonl", "bureau/shelter.csv", "bureau/event.csv",
    "bureau/ward.geojson", "bureau/below/sensor.geojsonl", "bureau/cimq.json",
  ]

  /// Bytes that structures hang on, and numbers that break limits.
  private static let pieces: [[UInt8]] =
    [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\n", "\r", ";", "-", ".", "0", "9", "e", "null", "true", "[]", "{}",
      "\"\"",
    ]
    .map { Array($0.utf8) } + [
      Array("1e308".utf8), Array("-9223372036854775808".utf8), Array("18446744073709551615".utf8),
      Array("4294967296".utf8),
      [0], [0xFF], [0xE4, 0xB8], [0x1E], [0xEF, 0xBB, 0xBF], Array("\\ud800".utf8), Array("2024-01-01".utf8),
    ]

  private func damaged(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes.remove(at: at)
      case 1: bytes.insert(contentsOf: Self.pieces.randomElement(using: &random)!, at: at)
      case 2: bytes.replaceSubrange(at...at, with: Self.pieces.randomElement(using: &random)!)
      case 3:
        // A stretch copied elsewhere: repeated keys, objects within others.
        let end = min(bytes.count, at + Int.random(in: 1...40, using: &random))
        bytes.insert(contentsOf: Array(bytes[at..<end]), at: Int.random(in: 0...bytes.count, using: &random))
      default: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...60, using: &random)))
      }
    }
    return bytes
  }

  @Test(arguments: files, 1...3 as ClosedRange<UInt64>)
  func damageIsRefusedOrLoads(file: String, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let whole = Array(try Data(contentsOf: Self.fixtures.appending(path: file)))
    let name = String(file.split(separator: "/").last!)
    var refused = 0
    for _ in 0..<80 {
      try withFile(damaged(whole, &random), named: name) { path in
        do {
          for source in try Sources.open([path], options: LoadOptions(crs: .epsg(4547))).sources {
            let survey = try source.source.survey { _ in }
            let shapes = survey.layers.map { BuildingShape(layer: $0) }
            try source.source.read(survey, progress: { _ in }) { batch in
              for var feature in batch.features { try shapes[batch.layer].derive(into: &feature) }
            }
          }
        } catch let error as LoadError {
          refused += 1
          #expect(error.path.hasPrefix(URL(filePath: path).deletingLastPathComponent().path))
          #expect(!error.message.isEmpty)
        } catch is StoreError {
          // Coordinates beyond what GEOS can unite.
          refused += 1
        }
      }
    }
    #expect(refused > 0)
  }
}
