internal import Glibc

/// The system's words for an error number.
package func systemError(_ code: Int32) -> String { String(cString: strerror(code)) }

/// The system's words for `errno`: to be asked before anything else is.
package func lastSystemError() -> String { systemError(errno) }

/// Variables of the process's environment; an empty one counts as not set.
package enum Environment {
  package static subscript(name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }
}
