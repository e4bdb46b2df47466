/// Why a query was refused or stopped, and which part of its text is to blame.
public struct QueryError: UserFacingError, Equatable {
  /// What is wrong with the query, or what stopped it.
  public enum Reason: Equatable, Sendable {
    /// Lexing and parsing.
    case unexpected(found: String, expected: String)
    case unterminated(String)
    case badNumber(String)
    case needsUnit(number: String)
    case unknownUnit(String)
    /// Binding.
    case unknownLayer(String)
    case unknownProperty(String, layer: String)
    case ambiguousProperty(String, layers: [String])
    case unknownFunction(String)
    case unknownFeature(String, layer: String)
    case ambiguousFeature(String, layer: String, ids: [String])
    case unknownSet(String)
    case unknownCRS(String)
    case unknownValue(String, column: String, allowed: [String])
    case typeMismatch(String)
    case badGeometry(String)
    /// Well-formed and understood, but not built yet.
    case notSupported(String)
    /// Anything else that is wrong with the statement.
    case invalid(String)
    /// Execution.
    case failed(String)
    case timedOut(seconds: Double)
    case interrupted
    case limit(String)
    case file(String)
    /// A block of the snapshot is not what was written. The statement is run again on one built anew.
    case damaged(String)
  }
  public var reason: Reason
  /// UTF-8 offsets into the query text, or nil when no part of it is to blame.
  public var range: Range<Int>?
  /// "did you mean `height`?" — a correction or a corrected example.
  public var fix: String?
  /// How the values of ``Reason/unknownValue(_:column:allowed:)`` are shown in Chinese.
  package var chineseValues: [String: String] = [:]

  public init(_ reason: Reason, at range: Range<Int>? = nil, fix: String? = nil) {
    self.reason = reason
    self.range = range
    self.fix = fix
  }

  public var failureClass: FailureClass {
    switch reason {
    case .timedOut, .limit: .limit
    case .interrupted: .interrupted
    case .file, .damaged: .file
    default: .content
    }
  }

  /// The reason in words, without the caret (``rendered(in:)`` adds it).
  public var message: String {
    let what =
      switch reason {
      case .unexpected(let found, let expected): "expected \(expected), found \(found)"
      case .unterminated(let what): "\(what) has no end"
      case .badNumber(let text): "`\(text)` is not a number"
      case .needsUnit(let number): "a distance needs a unit: `\(number)` could be metres or degrees"
      case .unknownUnit(let unit): "unknown unit `\(unit)`; lengths are in m, km, cm, mm, 米 or 公里"
      case .unknownLayer(let name): "there is no layer `\(name)`"
      case .unknownProperty(let name, let layer): "`\(layer)` has no column `\(name)`"
      case .ambiguousProperty(let name, let layers):
        "`\(name)` could be \(layers.map { "\($0).\(name)" }.joined(separator: " or "))"
      case .unknownFunction(let name): "there is no function `\(name)`"
      case .unknownFeature(let key, let layer): "`\(layer)` has nothing with id, code or name '\(key)'"
      case .ambiguousFeature(let key, let layer, let ids):
        "'\(key)' names several rows of `\(layer)`: \(ids.joined(separator: ", "))"
      case .unknownSet(let name): "`$\(name)` is not defined"
      case .unknownCRS(let name): "unknown CRS `\(name)`"
      case .unknownValue(let value, let column, let allowed):
        "`\(column)` has no value '\(value)'; it has: \(allowed.joined(separator: ", "))"
      case .typeMismatch(let text), .badGeometry(let text), .invalid(let text), .failed(let text),
        .limit(let text), .file(let text), .damaged(let text):
        text
      case .notSupported(let text): "\(text) is not supported in this version"
      case .timedOut(let seconds): "stopped after \(seconds) s (--timeout)"
      case .interrupted: "interrupted"
      }
    return what + (fix.map { "; \($0)" } ?? "")
  }
}
