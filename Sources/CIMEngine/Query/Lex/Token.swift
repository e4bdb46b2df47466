internal import Synchronization

/// One word, number or sign of a query text.
package struct Token: Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    /// A bare word: a keyword or a name, as its place decides.
    case name
    /// `"name"`: always a name.
    case quotedName
    /// `'text'`; `text` holds the value.
    case string
    /// Unsigned; `text` holds its ASCII spelling.
    case number
    /// `$name`; `text` holds the name.
    case parameter
    /// An operator or punctuation mark; `text` holds its ASCII spelling.
    case symbol
    case end
  }
  package var kind: Kind
  package var text: String
  /// A name in capitals, for matching keywords; "" for every other kind.
  package var key: String
  /// UTF-8 offsets into the text.
  package var range: Range<Int>
  /// The keywords that a bare name may begin, see `Words.keywordBits`.
  package var keywords: UInt128 = 0
  /// True when nothing stands between this token and the one before it.
  package var isAdjacent = false
  /// True for “…”: a name by its place, but most often a text in the wrong quotes.
  package var isCurly = false

  package init(kind: Kind, text: String, range: Range<Int>, isAdjacent: Bool = false) {
    self.kind = kind
    self.text = text
    self.key = kind == .name ? text.uppercased() : ""
    self.range = range
    self.keywords = kind == .name ? Words.keywordBits(key) : 0
    self.isAdjacent = isAdjacent
  }

  package var isName: Bool { kind == .name || kind == .quotedName }

  package func isSymbol(_ symbol: String) -> Bool { kind == .symbol && text == symbol }
}

/// Names that a run of Chinese characters is divided by, beside the keywords: layers, columns and their aliases.
public struct KnownNames: Sendable {
  private var names: Set<String> = []
  private let ofCatalog: CatalogKeys?

  public init() { ofCatalog = nil }

  public init(_ names: some Sequence<String>) {
    ofCatalog = nil
    for name in names { insert(name) }
  }

  /// Every name and alias that the catalogue knows. They are gathered when the first is asked for, which only a run of
  /// Chinese characters does.
  public init(_ catalog: Catalog) { ofCatalog = CatalogKeys(catalog) }

  mutating func insert(_ name: String) { names.insert(name.uppercased()) }

  /// `key` is in capitals.
  func contains(key: String) -> Bool { names.contains(key) || ofCatalog?.contains(key) == true }
}

/// The names of a catalogue in capitals, gathered once for all copies.
private final class CatalogKeys: Sendable {
  private let catalog: Catalog
  private let keys = Mutex<Set<String>?>(nil)

  init(_ catalog: Catalog) { self.catalog = catalog }

  func contains(_ key: String) -> Bool {
    keys.withLock { keys in
      if keys == nil { keys = gathered() }
      return keys!.contains(key)
    }
  }

  private func gathered() -> Set<String> {
    var keys: Set<String> = []
    for layer in catalog.layers {
      keys.insert(layer.name.uppercased())
      for alias in layer.aliases { keys.insert(alias.uppercased()) }
      for column in layer.columns {
        keys.insert(column.name.uppercased())
        for alias in column.aliases { keys.insert(alias.uppercased()) }
      }
    }
    return keys
  }
}
