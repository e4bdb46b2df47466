internal import CIMEngine

/// Which statement the cursor is in, and what has been written of it: for what Tab offers next.
///
/// Inside parentheses that hold a statement of their own it is that one. Words are in capitals, Chinese keywords as their
/// English ones; strings and closed parentheses are one mark each.
struct CompletionContext {
  static let mark = "·"
  /// FIND, COUNT, EXPOSE, …; "" where no statement has begun.
  private(set) var verb = ""
  /// What follows the verb.
  private(set) var words: [String] = []

  private static let verbs: Set<String> = [
    "FIND", "COUNT", "SELECT", "LET", "EXPOSE", "ALLOCATE", "LINK", "BRIEF", "INSERT", "UPDATE", "DELETE",
  ]
  private static let english: [String: [String]] = {
    var result: [String: [String]] = [:]
    for entry in Words.table where !entry.english.isEmpty {
      for word in entry.chinese where result[word] == nil {
        result[word] = entry.english.split(separator: " ").map(String.init)
      }
    }
    return result
  }()

  init(_ text: ArraySlice<Character>) {
    var open: [[String]] = [[]]
    var word = ""
    var quote: Character?
    func finish() {
      if !word.isEmpty { open[open.count - 1] += Self.english[word] ?? [word.uppercased()] }
      word = ""
    }
    for character in text {
      if let end = quote {
        if character == end { quote = nil }
        continue
      }
      if character.isLetter || character.isNumber || character == "_" || character == "." {
        word.append(character)
        continue
      }
      finish()
      switch character {
      case "'", "\"":
        quote = character
        open[open.count - 1].append(Self.mark)
      case "‘":
        quote = "’"
        open[open.count - 1].append(Self.mark)
      case "(", "（": open.append([])
      case ")", "）":
        if open.count > 1 { open.removeLast() }
        open[open.count - 1].append(Self.mark)
      case ";", "；": open = [[]]
      case ",", "，": open[open.count - 1].append(",")
      default: break
      }
    }
    finish()
    // `ROUND(dep`: the arguments of a function belong to the statement around them.
    var inner: [String] = []
    for segment in open.reversed() {
      if let at = segment.lastIndex(where: { Self.verbs.contains($0) }), at == 0 || segment[at - 1] != "." {
        verb = segment[at]
        words = Array(segment[(at + 1)...]) + inner
        return
      }
      inner = segment + inner
    }
    words = inner
  }

  func has(_ word: String) -> Bool { words.contains(word) }

  /// The words just before the cursor are these.
  func ends(with last: String...) -> Bool { words.suffix(last.count) == last[...] }

  /// What usually comes next, at the beginning of a word; nil where the statement has nothing of its own to say.
  var next: [String]? {
    switch verb {
    case "EXPOSE":
      if words.isEmpty || words.last == "," { return nil }
      if !has("TO") { return ["TO"] }
      if ends(with: "TO") { return nil }
      return unused(["LEVEL", "BY FLOOR", "TOLERANCE", "WHERE", "GROUP BY", "RETURN", "ORDER BY", "LIMIT", "EXPORT TO"])
    case "ALLOCATE":
      if words.isEmpty { return nil }
      if !has("TO") { return ["TO"] }
      if ends(with: "TO") { return nil }
      if !has("CAPACITY") { return ["CAPACITY"] }
      if let keep = words.lastIndex(of: "KEEP"), keep == words.count - 2 { return ["TOGETHER"] }
      if ends(with: "ROAD") { return ["AVOIDING", "GROUP BY", "EXPORT TO"] }
      return unused(["DEMAND", "MAX", "KEEP", "BY ROAD", "GROUP BY", "EXPORT TO"])
    case "LINK":
      if words.isEmpty || ends(with: "TO") { return nil }
      if !has("TO") { return ["TO"] }
      if !has("INSIDE") { return ["BY INSIDE"] }
      if ends(with: "ELSE") { return ["NEAREST WITHIN"] }
      return unused(["ELSE NEAREST WITHIN", "DRY RUN"])
    case "BRIEF":
      if words.isEmpty { return nil }
      return unused(["RADIUS", "EXPORT TO"])
    default: return nil
    }
  }

  /// What `BY` may begin here, beside GROUP BY and ORDER BY; nil after those.
  var afterBy: [String]? {
    if ends(with: "GROUP", "BY") || ends(with: "ORDER", "BY") { return nil }
    switch verb {
    case "EXPOSE": return ["FLOOR"]
    case "LINK": return ["INSIDE"]
    case "ALLOCATE", "FIND", "COUNT", "SELECT": return ["ROAD"]
    default: return nil
    }
  }

  /// Names that EXPOSE brings, beside the columns of the layers.
  static let exposed = ["state", "depth", "water_level", "wet_floors", "age_band", "scenario", "layer"]
  static let exposedChinese = ["状态", "水深", "水位", "被淹楼层", "年龄段", "情景"]

  private func unused(_ phrases: [String]) -> [String] {
    phrases.filter { phrase in
      let parts = phrase.split(separator: " ").map(String.init)
      return !words.indices.contains { words[$0...].prefix(parts.count) == parts[...] }
    }
  }
}
