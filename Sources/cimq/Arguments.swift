public import ArgumentParser
public import CIMEngine
internal import Glibc

// Values of options, each with the message that its misuse deserves.

extension OutputFormat: ExpressibleByArgument {
  public init?(argument: String) { self.init(rawValue: argument.lowercased()) }
}

/// `113.62,34.75`: longitude, latitude. Full-width commas and spaces are read.
struct Coordinate: ExpressibleByArgument {
  var longitude: Double
  var latitude: Double

  init(longitude: Double, latitude: Double) { (self.longitude, self.latitude) = (longitude, latitude) }

  init?(argument: String) {
    let parts = argument.replacing("，", with: ",").replacing("、", with: ",").split { $0 == "," || $0 == " " }
    guard parts.count == 2, let x = Double(parts[0]), let y = Double(parts[1]), x.isFinite, y.isFinite else {
      return nil
    }
    (longitude, latitude) = (x, y)
  }
}

/// `2km`, `500 m`, `2公里`: a number with a unit. A bare number is refused: it could be degrees.
struct Distance: ExpressibleByArgument {
  var metres: Double

  init?(argument: String) {
    let text = argument.filter { $0 != " " }
    let units: [(String, Double)] = [
      ("km", 1000), ("公里", 1000), ("千米", 1000), ("cm", 0.01), ("厘米", 0.01), ("mm", 0.001), ("毫米", 0.001), ("m", 1),
      ("米", 1),
    ]
    for (unit, scale) in units where text.lowercased().hasSuffix(unit) {
      guard let number = Double(text.dropLast(unit.count)), number.isFinite, number >= 0 else { return nil }
      metres = number * scale
      return
    }
    return nil
  }
}

/// `10s`, `500ms`, `2min`; a bare number is seconds.
struct Duration: ExpressibleByArgument {
  var seconds: Double

  init?(argument: String) {
    let text = argument.lowercased()
    let units: [(String, Double)] = [("ms", 0.001), ("min", 60), ("s", 1), ("m", 60), ("h", 3600), ("", 1)]
    for (unit, scale) in units where text.hasSuffix(unit) {
      guard let number = Double(text.dropLast(unit.count)), number.isFinite, number >= 0 else { continue }
      seconds = number * scale
      return
    }
    return nil
  }
}

/// `4GB`, `500MB`: a size in bytes.
struct ByteSize: ExpressibleByArgument {
  var bytes: Int

  init?(argument: String) {
    let text = argument.uppercased().filter { $0 != " " }
    let units: [(String, Double)] = [
      ("GB", 1e9), ("MB", 1e6), ("KB", 1e3), ("G", 1e9), ("M", 1e6), ("K", 1e3), ("B", 1), ("", 1),
    ]
    for (unit, scale) in units where text.hasSuffix(unit) {
      guard let number = Double(text.dropLast(unit.count)), number >= 1, number * scale < 9e18 else { continue }
      bytes = Int(number * scale)
      return
    }
    return nil
  }
}

extension CRS: ExpressibleByArgument {
  public init?(argument: String) { self.init(parsing: argument) }
}

/// The database of a command: its first positional, else `$CIMQ_DB`.
enum DatabasePath {
  static var fromEnvironment: String? { Environment["CIMQ_DB"] }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Splits positionals into the database and the rest: with CIMQ_DB set, a first positional that names an existing
  /// file is the database, anything else belongs to the command.
  static func split(_ words: [String], command: String, wants rest: String?) throws -> (String, [String]) {
    if let first = words.first, fromEnvironment == nil || exists(first) || looksLikePath(first, words) {
      return (first, Array(words.dropFirst()))
    }
    if let path = fromEnvironment { return (path, words) }
    throw ValidationError(
      "which database? cimq \(command) DB\(rest.map { " " + $0 } ?? "") — or set CIMQ_DB")
  }

  /// With two or more words the first is taken as the database even when it is missing, so that the message can say so.
  private static func looksLikePath(_ word: String, _ words: [String]) -> Bool {
    words.count > 1 && (word.hasSuffix(".sqlite") || word.hasSuffix(".db") || word.hasSuffix(".gpkg"))
  }
}
