extension PackedRTreeView {
  /// What is wrong with the tree, or nil: each box of a node must be the box around its children, the box around
  /// everything the one around the root's, positions outside the tree must be without a place, and item numbers a
  /// permutation. Every test calls it.
  package func violation() -> String? {
    if let numbers {
      var seen = [Bool](repeating: false, count: count)
      for position in 0..<count {
        let number = Int(numbers[position])
        guard number < count, !seen[number] else { return "item number \(number) at \(position) is not a permutation" }
        seen[number] = true
      }
    }
    guard height > 0 else {
      return covered == 0 && bounds.isEmpty ? nil : "no levels, but positions or bounds"
    }
    var holes = 0
    for position in 0..<covered where entryBox(level: 0, position).isEmpty { holes += 1 }
    if (holes > 0) != hasHoles { return "\(holes) holes, said to have \(hasHoles ? "some" : "none")" }
    var entries = covered
    for level in 0..<height {
      let blocks = (entries + TreeLayout.mask) >> TreeLayout.shift
      for index in 0..<blocks {
        var union = Box<D>.empty
        let lanes = lanes(level: level, index)
        for lane in 0..<TreeLayout.capacity {
          let isEntry = index << TreeLayout.shift | lane < entries
          if (lanes >> UInt32(lane) & 1 == 1) != isEntry { return "lanes of block \(index) of level \(level)" }
          if isEntry { union = union.union(entryBox(level: level, index << TreeLayout.shift | lane)) }
        }
        let parent = level + 1 == height ? bounds : entryBox(level: level + 1, index)
        if parent != union { return "box of node \(index) of level \(level + 1) is not that around its children" }
      }
      entries = blocks
    }
    return entries == 1 ? nil : "\(entries) roots"
  }
}
