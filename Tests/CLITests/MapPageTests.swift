import Foundation
import Testing

/// `-o x.html`: one page that needs nothing else, read as text and, where one is installed, in a real browser.
@Suite("Map page") struct MapPageTests {
  private static let hostileNames = [
    "</script><script>document.body.dataset.broken = 1</script>", "\"quoted\" & <b>bold</b>",
    "'; document.body.x = 1 //",
    "<!--<script>", "back\\slash \u{2028} 避难场所",
  ]

  /// A layer of points whose names would break a careless page, and its page.
  private func hostilePage(_ scratch: Scratch) throws -> String {
    var csv = "id,name,lon,lat\n"
    for (i, name) in Self.hostileNames.enumerated() {
      csv += "P\(i),\"\(name.replacingOccurrences(of: "\"", with: "\"\""))\",\(113.6 + Double(i) / 100),34.7\n"
    }
    let db = scratch.path("hostile.sqlite")
    let imported = try Program.run("import", db, try scratch.write(csv, to: "place.csv"))
    try #require(imported.status == 0, "\(imported.error)")
    let made = try Program.run("query", db, "FIND place WHERE name <> '</script>'", "-o", scratch.path("hostile.html"))
    try #require(made.status == 0 && made.error.contains("(5 features)"), "\(made.error)")
    return scratch.path("hostile.html")
  }

  /// The rows of a page: `[geometry, id, value…]`.
  private func rows(_ page: String) throws -> [[Any]] {
    var rows: [[Any]] = []
    for piece in page.components(separatedBy: "<script type=\"application/json\" class=\"rows\">").dropFirst() {
      let json = try #require(piece.components(separatedBy: "</script>").first)
      rows += try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[Any]])
    }
    return rows
  }

  @Test func valuesCannotBreakThePage() throws {
    let scratch = try Scratch()
    let text = try String(contentsOfFile: try hostilePage(scratch), encoding: .utf8)
    #expect(try rows(text).compactMap { $0[3] as? String } == Self.hostileNames)
    #expect(!text.contains("<script>document"))
    #expect(!text.contains("<b>bold"))
  }

  @Test func pageAsksNothingOfTheNetwork() throws {
    let scratch = try Scratch()
    let db = try BundledCity.database.get()
    let query = "FIND building WITHIN 500 m OF hazard 'HZ-0231'"
    #expect(try Program.run("query", db, query, "-o", scratch.path("near.html")).status == 0)
    let text = try String(contentsOfFile: scratch.path("near.html"), encoding: .utf8)
    #expect(!text.contains("http://") && !text.contains("https://") && !text.contains(" src="))
    #expect(text.contains("default-src 'none'"))
    #expect(text.contains("Synthetic city"), "a synthetic city says so")
    #expect(text.contains("FIND building WITHIN 500 m OF hazard 'HZ-0231'"), "the page shows its query")
    let count = try Program.run("query", db, "COUNT building WITHIN 500 m OF hazard 'HZ-0231'").out
    #expect("count\n\(try rows(text).count)\n" == count)
    // Coordinates are whole numbers of 1e-7 degrees, as differences: the first is that of the geojson.
    let first = try #require(try rows(text).first?.first as? [Any])
    #expect(first.first as? Int == 2)
    let ring = try #require(first[1] as? [Int])
    #expect((1_134_000_000...1_140_000_000).contains(ring[0]) && (345_000_000...350_000_000).contains(ring[1]))
    // In another language, and in the CRS of phone maps.
    let chinese = try Program.run(
      "query", db, "FIND shelter EXPORT TO '\(scratch.path("s.html"))' CRS GCJ02", environment: ["LANG": "zh_CN.UTF-8"])
    #expect(chinese.status == 0, "\(chinese.error)")
    let page = try String(contentsOfFile: scratch.path("s.html"), encoding: .utf8)
    #expect(page.contains("\"lang\":\"zh\"") && page.contains("\"crs\":\"GCJ02\"") && page.contains("容量"))
    let metres = try Program.run("query", db, "FIND shelter EXPORT TO '\(scratch.path("m.html"))' CRS EPSG:4547")
    #expect(metres.status == 1 && metres.error.contains("longitude and latitude"), "\(metres.error)")
  }

  // MARK: In a browser

  private static let browser: String? = {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    for name in ["chromium", "chromium-browser", "google-chrome"] {
      for folder in path.split(separator: ":") where FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)") {
        return "\(folder)/\(name)"
      }
    }
    return nil
  }()

  /// The page's document after `script` ran at its end.
  private func document(_ page: String, _ script: String, _ scratch: Scratch) throws -> String {
    let text = try String(contentsOfFile: page, encoding: .utf8)
    let copy = try scratch.write(
      text.replacingOccurrences(of: "</body>", with: "<script>\(script)</script></body>"), to: "checked.html")
    let result = try Program.shell(
      "timeout 100 '\(Self.browser!)' --headless --no-sandbox --disable-gpu --no-first-run --window-size=1200,800 "
        + "--user-data-dir='\(scratch.path("profile"))' --virtual-time-budget=20000 --dump-dom 'file://\(copy)'")
    try #require(result.status == 0, "\(result.error)")
    return result.out
  }

  @Test(.enabled(if: browser != nil, "no chromium is installed")) func browserDrawsAndPicks() throws {
    let scratch = try Scratch()
    let db = try BundledCity.database.get()
    let query = "FIND building WITHIN 300 m OF hazard 'HZ-0231'"
    #expect(try Program.run("query", db, query, "-o", scratch.path("near.html")).status == 0)
    let count = try rows(try String(contentsOfFile: scratch.path("near.html"), encoding: .utf8)).count
    let out = try document(
      scratch.path("near.html"),
      """
      const m = window.cimqMap, b = document.body.dataset, c = document.querySelector('#map');
      const f = m.features.reduce((a, g) => g.h > a.h ? g : a), p = m.screen(f), k = m.view().k;
      const send = (type, x, y) => c.dispatchEvent(new PointerEvent(type, {pointerId: 1, clientX: x, clientY: y}));
      send('pointerdown', p[0], p[1]); send('pointerup', p[0], p[1]);
      b.picked = document.querySelector('#info').style.display;
      b.cells = document.querySelectorAll('#info td').length;
      send('pointerdown', 300, 300); send('pointermove', 380, 300); send('pointerup', 380, 300);
      b.panned = Math.round(m.screen(f)[0] - p[0]);
      m.zoom(2); b.zoomed = Math.round(100 * m.view().k / k);
      b.tall = f.h > 0; b.tilt = m.view().tilt;
      setTimeout(() => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let inked = 0; for (let i = 3; i < d.length; i += 4) if (d[i]) inked++; b.inked = inked > 500; }, 500);
      """, scratch)
    #expect(out.contains("data-features=\"\(count)\""))
    for part in [
      "data-picked=\"block\"", "data-panned=\"80\"", "data-zoomed=\"200\"", "data-tall=\"true\"", "data-tilt=\"true\"",
      "data-inked=\"true\"",
    ] {
      #expect(out.contains(part), "\(part) in \(out.suffix(3000))")
    }
    #expect(!out.contains("data-cells=\"0\""))
  }

  @Test(.enabled(if: browser != nil, "no chromium is installed")) func browserShowsHostileValuesAsText() throws {
    let scratch = try Scratch()
    let out = try document(
      try hostilePage(scratch),
      """
      const m = window.cimqMap, b = document.body.dataset, seen = [];
      for (const f of m.features) { m.select(f); seen.push(document.querySelectorAll('#info td')[3].textContent); }
      b.seen = seen.length; b.same = seen.every((t, i) => t === m.features[i].row[3]);
      b.bold = document.querySelectorAll('b').length;
      """, scratch)
    #expect(
      out.contains("data-features=\"5\"") && out.contains("data-seen=\"5\"") && out.contains("data-same=\"true\""))
    #expect(out.contains("data-bold=\"0\"") && !out.contains("data-broken"))
  }
}
