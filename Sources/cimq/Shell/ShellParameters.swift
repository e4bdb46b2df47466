internal import CIMEngine

extension Shell {
  /// `.param` lists what `$name` stands for, `.param name value` sets one, `.param name` alone takes it away.
  func setParameter(_ line: String, _ arguments: [String]) throws {
    guard let first = arguments.first else {
      for (name, value) in session.parameters.sorted(by: { $0.key < $1.key }) { print("$\(name) = \(value)") }
      return
    }
    var name = first[...]
    var value = ShellWords.rest(of: line, after: 2)
    if let equals = first.firstIndex(of: "=") {
      name = first[..<equals]
      value = String(first[first.index(after: equals)...])
    }
    if name.hasPrefix("$") { name = name.dropFirst() }
    guard !name.isEmpty else { throw UsageError(".param wants a name and a value, such as .param k 5") }
    session.parameters[String(name)] = value.isEmpty ? nil : value
  }
}
