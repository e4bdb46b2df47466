internal import ArgumentParser
internal import CIMEngine

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Write the synthetic Zhengzhou: a city of any size, the same bytes for the same seed.",
    discussion: """
      cimq generate big --scale 0.05

      At scale 1 it has the real numbers: 1.12 million buildings, 5.22 million units, 11.64 million people. No person,
      phone or facility in it is real. answers.json beside the data tells what right answers are.
      """)

  @Argument(help: "The directory to write; made when it is not there.")
  var directory: String
  @Option(help: "The size: 1 is the whole city.")
  var scale = 0.01
  @Option(help: "Another seed gives another city.")
  var seed: UInt64 = 20_220_810

  func validate() throws {
    guard scale > 0, scale <= 1 else { throw ValidationError("--scale is more than 0 and at most 1") }
  }

  func run() throws {
    let generator = try CityGenerator(scale: scale, seed: seed)
    let plan = generator.plan()
    let rows = plan.layers.reduce(0) { $0 + $1.count }
    func size(_ bytes: Int) -> String { CellText.number(Double(bytes) / 1e6, decimals: 1) + " MB" }
    Messages.say(
      Messages.isChinese
        ? "合成郑州，规模 \(scale)，种子 \(seed)：\(CellText.grouped(rows)) 行"
        : "synthetic Zhengzhou, scale \(scale), seed \(seed): \(CellText.grouped(rows)) rows")
    Messages.say(
      Messages.isChinese
        ? "  约需：文件 \(size(plan.sourceBytes))，数据库 \(size(plan.storeBytes))，快照 \(size(plan.snapshotBytes))"
        : "  will take about: \(size(plan.sourceBytes)) of files, \(size(plan.storeBytes)) of database, "
          + "\(size(plan.snapshotBytes)) of snapshot")
    let bar = ProgressBar(Messages.isChinese ? "生成" : "generate")
    let report = try generator.write(to: directory) { bar.update(Double($0) / Double(max($1, 1))) }
    bar.finish()
    Messages.say(
      Messages.isChinese
        ? "已写入 \(directory)：\(report.fileCount) 个文件，\(size(report.bytes))（合成数据）"
        : "wrote \(directory): \(report.fileCount) files, \(size(report.bytes)) (synthetic)")
  }
}
