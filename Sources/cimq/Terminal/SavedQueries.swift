internal import CIMEngine
internal import Glibc

/// Queries kept under a name, in a file of their own for each database beside its history: `name<TAB>text` a line.
struct SavedQueries {
  private let path: String?

  init(forDatabase database: String) {
    path = History.path(forDatabase: database).map { path in
      FilePath.folder(of: path) + "/"
        + FilePath.name(of: path).replacing("history-", with: "queries-", maxReplacements: 1)
    }
  }

  /// By name.
  func all() -> [(name: String, text: String)] {
    guard let path, let text = TextFile.read(path) else { return [] }
    return text.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
      return parts.count == 2 ? (parts[0], History.decode(parts[1])) : nil
    }.sorted { $0.name < $1.name }
  }

  func text(named name: String) -> String? { all().first { $0.name == name }?.text }

  /// Keeps `text` as `name`, in place of what had that name. False when the file cannot be written.
  func save(_ text: String, as name: String) -> Bool {
    guard let path else { return false }
    let others = all().filter { $0.name != name }
    let lines = (others + [(name, text)]).map { $0.name + "\t" + History.encode($0.text) + "\n" }
    return TextFile.write(lines.joined(), to: path)
  }
}
