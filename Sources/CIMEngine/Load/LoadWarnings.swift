/// What a source is told about, each kind once with its count and its first place.
struct LoadWarnings {
  private struct Entry {
    var text: String
    var first: SourcePlace
    var count = 0
  }
  private var entries: [Entry] = []
  private var indices: [String: Int] = [:]
  private var plain: [String] = []

  /// Counts one more of a kind. `text` names the kind and must be the same for each of it.
  mutating func count(_ text: String, at place: SourcePlace) {
    if let index = indices[text] {
      entries[index].count += 1
    } else {
      indices[text] = entries.count
      entries.append(Entry(text: text, first: place, count: 1))
    }
  }

  /// Adds a warning that stands by itself.
  mutating func add(_ text: String) { plain.append(text) }

  var messages: [String] {
    plain
      + entries.map { entry in
        let place = entry.first.description
        if entry.count == 1 { return place.isEmpty ? entry.text : "\(place): \(entry.text)" }
        return "\(entry.text) (\(entry.count) times, first in \(place))"
      }
  }
}
