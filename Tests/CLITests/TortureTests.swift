import Foundation
import Testing

/// The torture scripts with small counts; `scripts/torture` runs them long.
@Suite("Torture") struct TortureTests {
  @Test(arguments: [("kill", "20"), ("damage", "12"), ("hostile", "1"), ("tools", "15")]) func survives(
    _ script: String, _ count: String
  ) throws {
    let path = Program.root.appendingPathComponent("Tests/Torture/\(script).py").path
    let result = try Program.shell("python3 '\(path)' \(count) 7")
    #expect(result.status == 0, "\(result.error)")
    #expect(result.out.hasPrefix("\(script), seed 7: "))
  }

  @Test func dailyFileIsAppliedByItsKey() throws {
    let scratch = try Scratch()
    let city = scratch.path("city.sqlite")
    let first = try scratch.write("id,code,name,lon,lat\nA,c1,one,113.6,34.7\nB,c2,two,113.6,34.8\n", to: "post.csv")
    #expect(try Program.run("import", city, first, "--layer", "post", "--crs", "EPSG:4326").status == 0)
    let daily = try scratch.write(
      "code,name,lon,lat\nc2,zwei,113.6,34.8\nc1,one,113.6,34.7\nc3,drei,113.7,34.7\n", to: "d.csv")
    let words = ["import", city, daily, "--layer", "post", "--crs", "EPSG:4326", "--key", "code"]
    let refused = try Program.run(words)
    #expect(refused.status == 1 && refused.error.contains("d.csv"), "\(refused.error)")
    let skipped = try Program.run(words + ["--on-conflict", "skip", "--dry-run"])
    #expect(skipped.status == 0)
    let applied = try Program.run(words + ["--on-conflict", "replace"])
    #expect(applied.error.contains("post: 1 inserted, 1 updated, 1 unchanged, 0 skipped"), "\(applied.error)")
    let rows = try Program.run("query", city, "FIND post ORDER BY id RETURN id, code, name")
    #expect(rows.out == "id,code,name\nA,c1,one\nB,c2,zwei\nc3,c3,drei\n")
    let unknown = try Program.run("import", city, daily, "--layer", "post", "--crs", "EPSG:4326", "--key", "nr")
    #expect(unknown.status == 1 && unknown.error.contains("`nr`"))
  }

  @Test func transactionsInTheShell() throws {
    let scratch = try Scratch()
    let city = scratch.path("city.sqlite")
    let first = try scratch.write("id,name\nA,one\nB,two\n", to: "post.csv")
    #expect(try Program.run("import", city, first, "--layer", "post", "--working-crs", "EPSG:4547").status == 0)
    let input = """
      BEGIN; DELETE FROM post WHERE id = 'A';
      COUNT post;
      ROLLBACK;
      COUNT post;
      开始事务; UPDATE post SET name = 'x' ALL; 提交;
      COUNT post WHERE name = 'x';
      BEGIN; DELETE FROM post ALL;
      """
    let result = try Program.run("shell", city, input: input)
    #expect(result.status == 1 && result.error.contains("a transaction was open at the end"), "\(result.error)")
    #expect(result.out.split(separator: "\n").filter { $0.allSatisfy(\.isNumber) } == ["1", "1", "2", "2", "2", "2"])
    // What was open at the end is taken back.
    #expect(try Program.run("query", city, "COUNT post").out == "count\n2\n")
  }
}
