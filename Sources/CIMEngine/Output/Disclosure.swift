/// What becomes of names and phones of people on the way out: every sink that ``OutputFormat`` makes obeys it.
public struct Disclosure: Sendable {
  /// Told the masked columns before the rows of a result that has any.
  public typealias Masking = @Sendable (_ columns: [String]) -> Void
  /// Notes that these columns are about to leave in full; what it returns is told how many rows did. Nothing leaves
  /// when it throws.
  public typealias Noting = @Sendable (_ columns: [String]) throws -> @Sendable (_ rows: Int) throws -> Void

  fileprivate enum Kind {
    case shown
    case masked(Masking?)
    case noted(Noting)
  }
  fileprivate let kind: Kind

  /// In full: for a terminal, which people look at.
  public static let shown = Disclosure(kind: .shown)
  /// `张*`, `138****1234`: for files, pipes and pages.
  public static let masked = Disclosure(kind: .masked(nil))
  public static func masked(_ told: @escaping Masking) -> Disclosure { Disclosure(kind: .masked(told)) }
  /// In full, and noted: see ``Database/noting(_:target:)``.
  public static func noted(_ note: @escaping Noting) -> Disclosure { Disclosure(kind: .noted(note)) }

  /// `sink` behind what this asks for.
  public func guarding(_ sink: any RowSink) -> any RowSink {
    if case .shown = kind { return sink }
    return PersonalDataGate(sink, self)
  }
}

/// Masks personal columns of a result on its way into a sink, or notes that they leave.
private final class PersonalDataGate: RowSink {
  private var sink: any RowSink
  private let disclosure: Disclosure
  private var masks: [(column: Int, kind: PersonalData)] = []
  /// Raw SQL may call anything `id`.
  private var masksIDs: PersonalData?
  private var noteRows: (@Sendable (Int) throws -> Void)?
  private var rowCount = 0
  /// Dictionaries are shared by many batches: each is masked once.
  private var dictionaries: [Int: (plain: TextDictionary, masked: TextDictionary)] = [:]

  init(_ sink: any RowSink, _ disclosure: Disclosure) {
    self.sink = sink
    self.disclosure = disclosure
  }

  deinit {
    // A result that broke off has let rows out, too.
    try? noteRows?(rowCount)
  }

  var wantsShapes: Bool { sink.wantsShapes }

  func begin(_ header: ResultHeader) throws {
    var header = header
    let personal = header.columns.indices.filter { header.columns[$0].personal != nil }
    guard !personal.isEmpty else { return try sink.begin(header) }
    let names = personal.map { header.columns[$0].name }
    switch disclosure.kind {
    case .shown: break
    case .noted(let note): noteRows = try note(names)
    case .masked(let told):
      // A count of people is no personal datum; it is only looked at.
      let values = personal.filter { header.columns[$0].personal != .number }.map { header.columns[$0].name }
      if !values.isEmpty { told?(values) }
      for i in personal {
        guard let kind = header.columns[i].personal else { continue }
        masks.append((i, kind))
        if header.columns[i].name.lowercased() == "id" { masksIDs = kind }
        if kind != .number { header.columns[i].type = .text }
      }
    }
    // Whatever comes behind has nothing to do about them any more.
    for i in personal { header.columns[i].personal = nil }
    try sink.begin(header)
  }

  func write(_ batch: RowBatch) throws {
    rowCount += batch.rowCount
    guard !masks.isEmpty else { return try sink.write(batch) }
    var batch = batch
    for mask in masks { batch.columns[mask.column] = masked(batch.columns[mask.column], mask.column, mask.kind) }
    if let masksIDs { batch.ids = batch.ids.map { $0.map(masksIDs.masked) } }
    try sink.write(batch)
  }

  func end(notices: [String]) throws {
    try sink.end(notices: notices)
    let note = noteRows
    noteRows = nil
    try note?(rowCount)
  }

  private func masked(_ vector: Vector, _ column: Int, _ kind: PersonalData) -> Vector {
    switch vector.storage {
    case .null: return vector
    case .dictionary(let codes, let dictionary):
      if let known = dictionaries[column], known.plain === dictionary {
        return Vector(.dictionary(codes, known.masked), validity: vector.validity)
      }
      let made = TextDictionary(dictionary.strings.map(kind.masked))
      dictionaries[column] = (dictionary, made)
      return Vector(.dictionary(codes, made), validity: vector.validity)
    case .text(let values): return Vector(.text(values.map(kind.masked)), validity: vector.validity)
    default:
      let validity = (0..<vector.count).map { vector.isValid($0) }
      if kind == .number {
        // Seven digits may be a phone.
        let short = (0..<vector.count).map { validity[$0] && (vector[$0].number.map { abs($0) < 1e6 } ?? false) }
        return Vector(vector.storage, validity: short)
      }
      let texts = (0..<vector.count).map { validity[$0] ? kind.masked(Self.text(vector[$0])) : "" }
      return Vector(.text(texts), validity: validity)
    }
  }

  /// A phone kept as a number is masked as one.
  private static func text(_ value: Value) -> String {
    switch value {
    case .int(let number): String(number)
    case .double(let number): Int64(exactly: number).map { String($0) } ?? "\(number)"
    case .text(let text): text
    default: "?"
    }
  }
}
