import Foundation
import Testing

@testable import CIMEngine

@Suite("Messages in Chinese") struct ChineseTextTests {
  private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sources/CIMEngine")

  private static func said(_ text: String) -> String {
    do {
      _ = try SmallCity.bind(text)
      return "no error"
    } catch let error as QueryError {
      return error.rendered(in: text, chinese: true)
    } catch {
      return "\(error)"
    }
  }

  @Test(
    "say what is wrong and how to put it right",
    arguments: [
      (
        "FIND building WITHIN 500 OF hazard",
        """
        距离要写单位：`500` 可能是米，也可能是度；请写 `500 m`
          FIND building WITHIN 500 OF hazard
                               ^^^
        """
      ),
      (
        "查找 建筑 条件 高渡 > 3",
        """
        `building` 没有列 `高渡`；是不是想写 `高度`？
          查找 建筑 条件 高渡 > 3
                         ^^^^
        """
      ),
      (
        "FIND shelter NEAREST 3 TO AT(34.76, 113.65)",
        """
        113.65 不是纬度；是不是把经度和纬度写反了？请写 AT(113.65, 34.76)
          FIND shelter NEAREST 3 TO AT(34.76, 113.65)
                                    ^^^^^^^^^^^^^^^^^
        """
      ),
      (
        "FIND shelter WHERE status = 'opened'",
        """
        `status` 没有取值 'opened'；取值有：开放（open）, 已满（full）, 关闭（closed）；是不是想写 'open'？
          FIND shelter WHERE status = 'opened'
                                      ^^^^^^^^
        """
      ),
      (
        "查找 避难场所 条件 状态 = '开发'",
        """
        `status` 没有取值 '开发'；取值有：开放（open）, 已满（full）, 关闭（closed）；是不是想写 '开放'？
          查找 避难场所 条件 状态 = '开发'
                                    ^^^^^^
        """
      ),
      (
        "FIND building WHERE height > '30'",
        """
        `height` 是数值，而 '30' 是文本；30 不要加引号
          FIND building WHERE height > '30'
                              ^^^^^^^^^^^^^
        """
      ),
      (
        "FIND building WEHRE floors > 3",
        """
        此处应为WHERE、RETURN 之类的子句、`;` 或结尾，却是 `WEHRE`；是不是想写 WHERE？
          FIND building WEHRE floors > 3
                        ^^^^^
        """
      ),
      (
        "FIND building\nWHERE floors >",
        """
        此处应为值、列或条件，却是 文本的结尾
        第 2 行：WHERE floors >
                               ^
        """
      ),
      (
        "FIND unit WHERE area > 5 m",
        """
        `area` 是面积，而 `5 m` 是长度
          FIND unit WHERE area > 5 m
                                 ^^^
        """
      ),
    ])
  func saysIt(text: String, expected: String) { #expect(Self.said(text) == expected) }

  @Test("files")
  func files() {
    #expect(StoreError(.file, "x.sqlite: no such file").chineseMessage == "x.sqlite：没有这个文件")
    #expect(
      LoadError(path: "a.csv", place: .file, reason: .unreadable("there is no such file")).chineseMessage
        == "a.csv：没有这个文件")
    #expect(ChineseText.of("cannot read b.cimq: No such file or directory") == "无法读取 b.cimq：没有这个文件")
  }

  @Test("backups, the sandbox, personal data, wrong features and exports")
  func safety() {
    for (english, chinese) in [
      (
        "/a/b.sqlite is outside of the sandbox /c\n  name a file in it: '/c/…'",
        "/a/b.sqlite 在沙箱 /c 之外\n  请写其中的文件：'/c/…'"
      ),
      ("b.sqlite exists already; --force replaces it", "b.sqlite 已经存在；--force 可替换"),
      (
        "cannot write x.shp: in a sandbox no other program is started, and ESRI Shapefile needs `ogr2ogr`",
        "无法写入 x.shp：沙箱中不启动其他程序，而 ESRI Shapefile 需要 `ogr2ogr`"
      ),
      (
        "a.geojson: 3 geometries are not valid and imported as they are (--skip-invalid leaves them out): row 1",
        "a.geojson：3 个几何无效，按原样导入（--skip-invalid 可跳过）：row 1"
      ),
      (
        "--skip-invalid imports the others and writes these, with the reasons, to a file",
        "--skip-invalid 导入其余要素，并将这些连同原因写入文件"
      ),
      (
        "names and phones do not leave while a transaction is open; COMMIT or ROLLBACK it first",
        "有未结束的事务时不输出姓名和电话；请先 COMMIT 或 ROLLBACK"
      ),
      (
        "cannot write x.gpkg: GeoPackage is written through GDAL's `ogr2ogr`, which is not installed",
        "无法写入 x.gpkg：GeoPackage 要通过 GDAL 的 `ogr2ogr` 写，而它没有安装"
      ),
    ] {
      #expect(ChineseText.of(english) == chinese)
    }
  }

  @Test("a message without a pattern stays as it is, and hostile ones end")
  func unknown() {
    for text in ["", " ", "{}", "qwertz", "`{}` `{}`", String(repeating: "a or ", count: 2000), "是{1}的{2}"] {
      let said = ChineseText.of(text)
      #expect(said.utf8.count <= 20 + 2 * text.utf8.count)
    }
    #expect(ChineseText.of("qwertz") == "qwertz")
  }

  /// Texts of messages in the source: what stands in a call that makes or expects one.
  private static func messages(in source: String) -> [String] {
    let marks = [
      ".invalid(", ".typeMismatch(", ".badGeometry(", ".failed(", ".limit(", "fix:", "unexpected(", "expect(symbol:",
      "after:",
    ]
    var result: [String] = []
    for line in source.split(separator: "\n") where !line.contains("//") && !line.contains("case ") {
      for mark in marks {
        guard let at = line.range(of: mark) else { continue }
        var rest = line[at.upperBound...]
        if mark == "expect(symbol:" { rest = rest[(rest.firstIndex(of: ",") ?? rest.endIndex)...] }
        guard let quote = rest.firstIndex(of: "\""), rest[..<quote].allSatisfy({ " ,".contains($0) }) else { continue }
        if let text = literal(rest[quote...]) { result.append(text) }
      }
    }
    return result
  }

  /// A string literal with its interpolations as the name `x`; nil when it goes on in another line.
  private static func literal(_ text: Substring) -> String? {
    let characters = Array(text)
    var result = ""
    var i = 1
    while i < characters.count {
      if characters[i] == "\\", i + 1 < characters.count {
        if characters[i + 1] == "(" {
          var depth = 1
          i += 2
          while i < characters.count, depth > 0 {
            depth += characters[i] == "(" ? 1 : characters[i] == ")" ? -1 : 0
            i += 1
          }
          result += "x"
          continue
        }
        result.append(characters[i + 1])
        i += 2
      } else if characters[i] == "\"" {
        let after = characters[(i + 1)...].first { $0 != " " }
        return after == "+" ? nil : result
      } else {
        result.append(characters[i])
        i += 1
      }
    }
    return nil
  }

  @Test("nearly every message of lexer, parser and binder has its Chinese", arguments: ["Lex", "Parse", "Bind"])
  func coverage(folder: String) throws {
    let base = Self.sources.appendingPathComponent("Query").appendingPathComponent(folder)
    var all = 0
    var unknown: [String] = []
    for file in try FileManager.default.contentsOfDirectory(at: base, includingPropertiesForKeys: nil) {
      for text in Self.messages(in: try String(contentsOf: file, encoding: .utf8))
      where text.contains(" ") && text.contains(where: \.isLetter) {
        all += 1
        if !ChineseText.knows(text) { unknown.append(text) }
      }
    }
    #expect(all > (folder == "Lex" ? 0 : 40))
    #expect(unknown.count * 20 <= all, "\(unknown)")
  }
}
