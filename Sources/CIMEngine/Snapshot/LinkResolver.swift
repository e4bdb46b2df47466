/// A link to resolve while a segment is packed.
struct LinkTarget {
  /// Index among the columns of the layer that links.
  var column: Int
  /// Index of the target layer in the catalogue.
  var layer: Int
  var layerName: String
  /// "fid", or a column of the target.
  var targetColumn: String
  /// nil: the layer links to itself.
  var segment: Segment?

  var isByFid: Bool { targetColumn.lowercased() == "fid" }
}

/// Rows of a layer by a key column, for resolving links: a hash table of row numbers.
struct KeyTable {
  private var slots: [UInt32]
  private let text: (Int) -> UnsafeBufferPointer<UInt8>?

  /// `rows` in the order in which they win: of several rows with one key the first is found. `text` gives nil for NULL.
  init(rows: some Sequence<Int>, count: Int, text: @escaping (Int) -> UnsafeBufferPointer<UInt8>?) {
    var capacity = 16
    while capacity < count * 2 { capacity *= 2 }
    slots = Array(repeating: LinkColumn.none, count: capacity)
    self.text = text
    for row in rows {
      guard let key = text(row) else { continue }
      var slot = Int(truncatingIfNeeded: SteadyHash.hash(key)) & (capacity - 1)
      var isNew = true
      while slots[slot] != LinkColumn.none {
        if let other = text(Int(slots[slot])), areEqual(other, key) {
          isNew = false
          break
        }
        slot = (slot + 1) & (capacity - 1)
      }
      if isNew { slots[slot] = UInt32(row) }
    }
  }

  /// The row with this key, or `LinkColumn.none`.
  func row(_ key: UnsafeBufferPointer<UInt8>) -> UInt32 {
    var slot = Int(truncatingIfNeeded: SteadyHash.hash(key)) & (slots.count - 1)
    while slots[slot] != LinkColumn.none {
      if let other = text(Int(slots[slot])), areEqual(other, key) { return slots[slot] }
      slot = (slot + 1) & (slots.count - 1)
    }
    return LinkColumn.none
  }
}

extension ColumnAccumulator {
  /// Target rows by source index. `rowOfFid` and `rowOfKey` give `LinkColumn.none` where there is none.
  func resolve(
    byFid: Bool, rowOfFid: (Int64) -> UInt32, rowOfKey: (UnsafeBufferPointer<UInt8>) -> UInt32
  ) -> GrowingBuffer<UInt32> {
    let rows = GrowingBuffer<UInt32>(capacity: count)
    switch store {
    case .integers(let integers) where byFid:
      for i in 0..<count { rows.append(isValid(i) ? rowOfFid(integers[i]) : LinkColumn.none) }
    case .integers(let integers):
      for i in 0..<count {
        guard isValid(i) else { rows.append(LinkColumn.none); continue }
        var digits = String(integers[i])
        rows.append(digits.withUTF8 { rowOfKey($0) })
      }
    case .text(let text):
      if text.dictionaryCount != nil {
        let resolved = (0..<text.storedCount).map { rowOfKey(text.stored($0)) }
        for i in 0..<count { rows.append(isValid(i) ? resolved[text.code(i)] : LinkColumn.none) }
      } else {
        for i in 0..<count { rows.append(isValid(i) ? rowOfKey(text[i]) : LinkColumn.none) }
      }
    case .doubles:
      rows.append(repeating: LinkColumn.none, count: count)
    }
    return rows
  }

  /// The value at `index` as the text of a key; nil where NULL.
  func key(_ index: Int) -> UnsafeBufferPointer<UInt8>? {
    guard isValid(index), case .text(let text) = store else { return nil }
    return text[index]
  }
}
