import Foundation
import Testing

/// Slips at the command line that would cost data or mislead: what an export replaces, what a signal leaves, what is open
/// at the end.
@Suite("Safety at the command line") struct SafetyTests {
  let scratch: Scratch
  let db: String

  init() throws {
    scratch = try Scratch()
    db = scratch.path("city.sqlite")
    try FileManager.default.copyItem(atPath: try BundledCity.database.get(), toPath: db)
  }

  @Test func anExportReplacesNoDatabase() throws {
    let before = try Data(contentsOf: URL(fileURLWithPath: db))
    for arguments in [
      ["query", db, "FIND shelter", "--format", "csv", "-o", db],
      ["query", db, "FIND shelter EXPORT TO '\(db)' FORMAT csv"],
      ["query", db, "FIND shelter EXPORT TO '\(db)' FORMAT gpkg"],
      ["export", db, "shelter", "--format", "csv", "-o", db],
      ["query", db, "FIND shelter", "--format", "csv", "-o", db + "-wal"],
      ["query", db, "FIND shelter", "--format", "csv", "-o", db + ".cimx/x.csv"],
    ] {
      let result = try Program.run(arguments)
      #expect(
        result.status == 3 && result.error.contains("is not replaced by an export"), "\(arguments)\n\(result.error)")
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: db)) == before)
    // A GeoPackage of an earlier export is no such database.
    for _ in 0..<2 {
      let again = try Program.run("export", db, "shelter", "-o", scratch.path("s.gpkg"))
      #expect(again.status == 0, "\(again.error)")
    }
  }

  @Test(arguments: ["TERM", "HUP", "INT"]) func aSignalLeavesNothingHalfWritten(_ signal: String) throws {
    let question = "FIND person AS a JOIN person AS b ON a.age = b.age RETURN a.id, b.id"
    let script = """
      mkdir out
      "$CIMQ" query '\(db)' '\(question)' --format csv -o out/pairs.csv 2> said &
      until [ -n "$(ls out)" ] || ! kill -0 $! 2> /dev/null; do sleep 0.02; done
      kill -\(signal) $!
      wait $!; echo "$?"; ls out | wc -l
      """
    let result = try Program.shell(script, in: scratch.folder)
    let status = ["TERM": 143, "HUP": 129, "INT": 130][signal]!
    #expect(result.out.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) } == ["\(status)", "0"])
  }

  @Test func aTransactionThatIsOpenAtTheEndIsSaid() throws {
    let open = try Program.run("shell", db, input: "BEGIN;\nUPDATE shelter SET capacity = 1 ALL;\n")
    #expect(open.status == 1 && open.error.contains("a transaction was open at the end, so its edits are undone"))
    #expect(try Program.run("query", db, "COUNT shelter WHERE capacity = 1").out == "count\n0\n")
    let closed = try Program.run("shell", db, input: "BEGIN;\nUPDATE shelter SET capacity = 1 ALL;\nCOMMIT;\n")
    #expect(closed.status == 0)
  }

  @Test func theSnapshotIsForThoseWhoMayReadTheDatabase() throws {
    let script = """
      chmod 600 city.sqlite; "$CIMQ" snapshot city.sqlite 2> /dev/null; stat -c %a city.sqlite.cimx
      "$CIMQ" backup city.sqlite copy.sqlite > /dev/null 2>&1; stat -c %a copy.sqlite
      """
    let result = try Program.shell(script, in: scratch.folder)
    #expect(result.out == "700\n600\n")
  }

  @Test func wordsOfExposeAreCheckedAndReadInChinese() throws {
    let count = "RETURN COUNT(*) AS n"
    func asked(_ condition: String) throws -> Program.Output {
      try Program.run("query", db, "EXPOSE person TO flood 'F-0720' WHERE \(condition) \(count)", "--format", "csv")
    }
    let wet = try asked("state = 'wet'")
    #expect(wet.status == 0 && wet.out.hasPrefix("n\n") && wet.out != "n\n0\n")
    for same in ["state = '被淹'", "状态 = '被淹'", "'WET' = state", "state IN ('wet', '被淹')"] {
      #expect(try asked(same).out == wet.out, "\(same)")
    }
    for wrong in ["state = 'weet'", "age_band = 'elderly'", "state IN ('wet', 'moist')"] {
      let result = try asked(wrong)
      #expect(result.status == 1 && result.out.isEmpty, "\(wrong)")
    }
    #expect(try asked("state = 'weet'").error.contains("did you mean 'wet'?"))
    #expect(try asked("年龄段 = 'older' AND 水深 > 0").status == 0)
  }
}
