/// What kind of thing went wrong, as scripts see it: the raw value is the exit status.
public enum FailureClass: Int32, Sendable {
  /// The query or the data's content is wrong.
  case content = 1
  /// The command line is wrong.
  case usage = 2
  /// A file could not be read or written: missing, no permission, disk full, lock wait over.
  case file = 3
  /// A limit was hit: time, memory, rows.
  case limit = 4
  /// Interrupted by the user.
  case interrupted = 130
}

/// An error that can be shown to a user as it stands.
public protocol UserFacingError: Error {
  var failureClass: FailureClass { get }
  /// What is wrong, where, and what to do; one or a few lines, English.
  var message: String { get }
}

/// A source file was refused.
public struct LoadError: UserFacingError, Equatable {
  /// What is wrong with the source.
  public enum Reason: Equatable, Sendable {
    /// Missing, unreadable, no permission.
    case unreadable(String)
    /// The content is not what the format asks for.
    case malformed(String)
    /// The content is sound but cannot be taken: unknown CRS, coordinates that are not finite, …
    case refused(String)
    /// Reading took more time than it was given.
    case limit(String)
  }
  public var path: String
  public var place: SourcePlace
  public var reason: Reason
  /// What to do about it, when there is something.
  public var fix: String?
  /// The feature is sound, but the database has one of its id with other content.
  public var isConflict = false
  /// Each feature that is wrong, when there are several.
  public var others: [LoadError] = []

  public init(path: String, place: SourcePlace = .file, reason: Reason, fix: String? = nil) {
    self.path = path
    self.place = place
    self.reason = reason
    self.fix = fix
  }

  public var failureClass: FailureClass {
    switch reason {
    case .unreadable: .file
    case .limit: .limit
    case .malformed, .refused: .content
    }
  }
  public var message: String {
    let place = self.place.description
    let head = path + (place.isEmpty ? "" : ", " + place) + ": " + what
    return head + otherLines { $0 } + (fix.map { "\n  " + $0 } ?? "")
  }

  /// What is wrong, without file and place.
  public var what: String {
    switch reason {
    case .unreadable(let text), .malformed(let text), .refused(let text), .limit(let text): text
    }
  }

  /// Place and what is wrong, in one line.
  var reasonText: String {
    let place = self.place.description
    return (place.isEmpty ? "" : place + ": ") + what + (fix.map { "; " + $0 } ?? "")
  }

  /// The first features that are wrong, a line each.
  func otherLines(_ translated: (String) -> String) -> String {
    let shown = 50
    var text = others.isEmpty ? "" : ":"
    for error in others.prefix(shown) {
      let place = error.place.description
      text += "\n  " + (place.isEmpty ? "" : translated(place) + ": ") + translated(error.what)
      text += error.fix.map { "; " + translated($0) } ?? ""
    }
    if others.count > shown { text += "\n  … and \(others.count - shown) more" }
    return text
  }
}

/// The store or its snapshot could not do what was asked.
public struct StoreError: UserFacingError, Equatable {
  public var failureClass: FailureClass
  public var message: String

  public init(_ failureClass: FailureClass, _ message: String) {
    self.failureClass = failureClass
    self.message = message
  }
}

/// A CRS is unknown, or coordinates cannot be brought from one into another.
public struct CRSError: UserFacingError, Equatable {
  public var message: String
  /// The vertex to blame, counted from 0, when a transformation failed on one.
  public var vertex: Int?
  public var failureClass: FailureClass { .content }

  public init(_ message: String, vertex: Int? = nil) {
    self.message = message
    self.vertex = vertex
  }
}
