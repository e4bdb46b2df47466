import Foundation
import TestSupport
import Testing

@testable import CIMEngine

/// Lists of strangers: indexes of tiles and manifests that lead elsewhere, to themselves, or to what never ends.
@Suite("Lists of files") struct ListedFileTests {
  private let folder = ThrowawayFolder()
  private static let point = #"{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[1,2]}}"#

  private func make(_ name: String, _ text: String) -> String {
    let path = folder.file(name)
    try? FileManager.default.createDirectory(
      atPath: URL(filePath: path).deletingLastPathComponent().path, withIntermediateDirectories: true)
    return folder.write(name, text)
  }

  private func link(_ name: String, to target: String) {
    #expect(symlink(target, folder.file(name)) == 0)
  }

  private func refusal(_ path: String) -> String? {
    do {
      _ = try Sources.open([path])
      return nil
    } catch { return error.message }
  }

  @Test func anIndexThatListsItselfOrAnother() {
    let own = make("own.json", #"{"tiles":["own.json"]}"#)
    #expect(refusal(own) == "\(own): tile 1, \(folder.path)/own.json, is no tile but a list of files")
    let first = make("first.json", #"{"tiles":["second.json"]}"#)
    _ = make("second.json", #"{"tiles":["first.json"]}"#)
    #expect(refusal(first)?.contains("is no tile but a list of files") == true)
    let manifest = make("third.json", #"{"tiles":["cimq.json"]}"#)
    _ = make("cimq.json", #"{"cimq":1,"files":[]}"#)
    #expect(refusal(manifest)?.contains("is no tile but a list of files") == true)
    let below = make("fourth.json", #"{"tiles":["."]}"#)
    #expect(refusal(below)?.contains("is no tile but a list of files") == true)
  }

  @Test(arguments: ["/etc/passwd", "../a.json", "b/../../a.json", "", ".."])
  func anIndexThatNamesPlacesElsewhere(_ name: String) {
    let path = make("index.json", "{\"tiles\":[\"\(name)\"]}")
    #expect(refusal(path) == "\(path): tile 1 names no `file` in the folder of the index")
  }

  @Test func linksThatLeadOut() throws {
    let outside = make("outside.geojson", Self.point)
    let index = make("in/index.json", #"{"tiles":[{"file":"t.geojson"}]}"#)
    link("in/t.geojson", to: outside)
    let manifest = make("in/below/cimq.json", #"{"cimq":1,"files":[{"path":"m.geojson","layer":"m"}]}"#)
    link("in/below/m.geojson", to: outside)
    for path in [index, manifest] {
      #expect(refusal(path)?.contains("leads out of the folder by a symbolic link, to \(outside)") == true)
    }
    let folders = make("in/top/cimq.json", #"{"cimq":1,"folders":["up"]}"#)
    link("in/top/up", to: folder.file("in/below"))
    #expect(refusal(folders)?.contains("leads out of the folder by a symbolic link") == true)
    // Within the folder links are as good as files.
    _ = make("in/u.geojson", Self.point)
    let sound = make("in/sound.json", #"{"tiles":["v.geojson"]}"#)
    link("in/v.geojson", to: "u.geojson")
    #expect(try Sources.open([sound]).sources.map(\.path) == [folder.file("in/v.geojson")])
  }

  @Test func foldersThatHoldThemselves() {
    _ = make("loop/a.geojson", Self.point)
    link("loop/again", to: ".")
    #expect(refusal(folder.file("loop"))?.contains("once more") == true)
    _ = make("listed/cimq.json", #"{"cimq":1,"folders":["again","again"]}"#)
    link("listed/again", to: ".")
    #expect(refusal(folder.file("listed"))?.contains("once more") == true)
  }

  @Test func pipesAreNotOpened() {
    _ = make("pipes/a.geojson", Self.point)
    #expect(mkfifo(folder.file("pipes/b.csv"), 0o600) == 0)
    #expect(refusal(folder.file("pipes"))?.contains("neither a file nor a folder") == true)
    let index = make("pipes/index.json", #"{"tiles":["b.csv"]}"#)
    #expect(refusal(index)?.contains("neither a file nor a folder") == true)
  }
}
