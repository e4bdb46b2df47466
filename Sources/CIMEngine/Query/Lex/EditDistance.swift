/// Finds what a misspelt word was meant to be.
package enum Spelling {
  /// The candidate nearest to `word`, case apart, when it is near enough to be meant: one slip in three or four
  /// letters, two in up to eight, three in longer words. Ties go to the first.
  package static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    let key = Array(word.uppercased().unicodeScalars)
    let isCJK = key.contains { $0.isCJK }
    // A Chinese word says in two characters what takes eight letters.
    let allowed = isCJK ? max(1, key.count / 2) : key.count < 2 ? 0 : key.count < 5 ? 1 : key.count < 9 ? 2 : 3
    var best: (String, Int)?
    for candidate in candidates {
      let other = Array(candidate.uppercased().unicodeScalars)
      guard abs(other.count - key.count) <= allowed else { continue }
      let distance = distance(key, other)
      guard distance <= allowed, distance < max(key.count, other.count) else { continue }
      if best == nil || distance < best!.1 { best = (candidate, distance) }
    }
    return best?.0
  }

  /// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. Cost: product of lengths.
  package static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var (older, old) = ([Int](repeating: 0, count: b.count + 1), Array(0...b.count))
    for i in 1...a.count {
      var new = [i] + [Int](repeating: 0, count: b.count)
      for j in 1...b.count {
        let cost = a[i - 1] == b[j - 1] ? 0 : 1
        new[j] = min(old[j] + 1, new[j - 1] + 1, old[j - 1] + cost)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { new[j] = min(new[j], older[j - 2] + 1) }
      }
      (older, old) = (old, new)
    }
    return old[b.count]
  }
}
