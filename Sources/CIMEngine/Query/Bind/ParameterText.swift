/// What the text of a `--param` stands for.
enum ParameterText {
  case value(Value)
  /// Metres (or square metres).
  case length(Double)
  case geometry(GeometryLiteral, Name?)

  /// A number, a length with its unit, TRUE or FALSE, WKT and the other geometries of the language; text otherwise.
  static func read(_ text: String) -> ParameterText {
    guard text.utf8.count <= 100_000, let e = try? parseFilter(text) else { return .value(.text(text)) }
    switch e.kind {
    case .literal(let value) where value.type != .text: return .value(value)
    case .length(let size, let unit): return .length(size * (Words.size(ofUnit: unit)?.factor ?? 1))
    case .geometry(let geometry, let crs): return .geometry(geometry, crs)
    default: return .value(.text(text))
    }
  }

  /// A place: "lon,lat", or a geometry.
  static func place(_ text: String) -> (GeometryLiteral, Name?)? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    if parts.count == 2, let x = Double(trimmed(parts[0])), let y = Double(trimmed(parts[1])), x.isFinite, y.isFinite {
      return (.at(x, y), nil)
    }
    if case .geometry(let literal, let crs) = read(text) { return (literal, crs) }
    return nil
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
