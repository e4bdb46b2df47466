internal import CIMEngine
internal import Glibc

/// The words of a dot command: divided by blanks, except inside '…' and "…". `~/` is the home folder.
enum ShellWords {
  static func split(_ line: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in line {
      if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character.isWhitespace {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let word { words.append(word) }
    return words.map(expanded)
  }

  static func expanded(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home = Environment["HOME"] else { return path }
    return home + path.dropFirst()
  }

  /// What follows the first `count` words of `line`, trimmed, without a `;` at the end.
  static func rest(of line: String, after count: Int) -> String {
    var rest = line[...]
    for _ in 0..<count {
      rest = rest.drop(while: \.isWhitespace).drop { !$0.isWhitespace }
    }
    rest = rest.drop(while: \.isWhitespace)
    while let last = rest.last, last.isWhitespace || last == ";" || last == "；" { rest = rest.dropLast() }
    return String(rest)
  }
}
