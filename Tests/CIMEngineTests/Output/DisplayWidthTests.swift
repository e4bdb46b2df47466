import CIMEngine
import Testing

@Suite struct DisplayWidthTests {
  @Test(
    "columns of a text",
    arguments: [
      ("", 0), ("abc", 3), ("高度", 4), ("ａ１", 4), ("ｱｲ", 2), ("e\u{301}", 1), ("né", 2), ("👍", 2), ("👍🏽", 2),
      ("👨‍👩‍👧", 2), ("🇨🇳", 2), ("☀\u{FE0F}", 2), ("☀", 1), ("한국", 4), ("\u{1112}\u{1161}\u{11AB}", 2),
      ("\u{200B}", 0), ("，。", 4), ("Ω", 1), ("𠀀", 2), ("a\u{7}b", 2), ("ℓ", 1), ("…", 1), ("\u{3000}", 2),
    ])
  func columns(text: String, expected: Int) {
    #expect(DisplayWidth.of(text) == expected)
  }

  @Test func prefixNeverSplitsACharacter() {
    #expect(DisplayWidth.prefix(of: "建筑高度", columns: 5) == "建筑")
    #expect(DisplayWidth.prefix(of: "ab", columns: 9) == "ab")
    #expect(DisplayWidth.prefix(of: "建", columns: 1) == "")
  }

  @Test func paddingCountsColumns() {
    #expect(DisplayWidth.padded("层数", to: 6) == "层数  ")
    #expect(DisplayWidth.padded("层数", to: 3) == "层数")
  }
}
