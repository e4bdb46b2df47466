internal import ArgumentParser
internal import CIMEngine
internal import Glibc

extension Shell {
  /// Runs a dot command; false when it was `.quit`.
  func runDotCommand(_ line: String) throws -> Bool {
    let words = ShellWords.split(line)
    let command = words.first ?? "."
    let arguments = Array(words.dropFirst())
    try refuseInSandbox(command)
    switch command {
    case ".quit", ".exit", ".q": return false
    case ".help", ".h", ".?":
      print(
        ShellHelp.text(for: arguments.isEmpty ? nil : arguments.joined(separator: " "), chinese: Messages.isChinese))
    case ".layers":
      try database.refresh()
      print(CatalogText.layers(catalog, chinese: Messages.isChinese))
    case ".schema":
      print(try CatalogText.schema(catalog, layer: arguments.first, chinese: Messages.isChinese))
    case ".examples", ".example": return try runExamples(arguments)
    case ".mode": try setMode(arguments.first)
    case ".timer": settings.timer = try onOff(command, arguments.first, settings.timer)
    case ".explain": settings.explain = try onOff(command, arguments.first, settings.explain)
    case ".pager": settings.pager = try onOff(command, arguments.first, settings.pager)
    case ".lang": try setLanguage(arguments.first)
    case ".rows": try setRows(arguments.first)
    case ".timeout": try setTimeout(arguments.joined())
    case ".crs": try setCRS(arguments.joined(separator: " "))
    case ".output", ".once":
      if command == ".once", arguments.isEmpty { throw UsageError(".once wants a file, such as .once near.geojson") }
      settings.outputPath = arguments.first
      settings.isOnce = command == ".once"
    case ".read":
      guard let file = arguments.first else { throw UsageError(".read wants a file with statements") }
      let read = try personal.sandbox.map { try $0.reading(file) { TextFile.read($0) } } ?? TextFile.read(file)
      guard let text = read else {
        throw StoreError(.file, "cannot read \(file): \(lastSystemError())")
      }
      var goesOn = true
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) + "\n" }
      try runLines(of: lines) { _, input in
        goesOn = try run(input)
        return goesOn
      }
      return goesOn
    case ".personal": try setPersonal(arguments.first)
    case ".import": try runImport(arguments)
    case ".sql": try runSQL(ShellWords.rest(of: line, after: 1))
    case ".watch": try watch(line, arguments)
    case ".save": try save(line, arguments)
    case ".run":
      guard let name = arguments.first else {
        print(savedList())
        break
      }
      guard let text = saved.text(named: name) else {
        let near = Spelling.nearest(to: name, among: saved.all().map(\.name))
        throw UsageError(
          "nothing is saved as `\(name)`" + (near.map { "; did you mean `\($0)`?" } ?? "; .run lists them"))
      }
      Messages.say(text)
      return try run(text.hasPrefix(".") ? text : text + ";")
    case ".open": try openMap()
    case ".param": try setParameter(line, arguments)
    case ".undo": try undo()
    default:
      let near = Spelling.nearest(to: command, among: ShellHelp.commands.map(\.name))
      throw UsageError(
        Messages.isChinese
          ? "没有命令 \(command)" + (near.map { "；是否为 \($0)？" } ?? "；.help 列出全部")
          : "unknown command \(command)" + (near.map { "; did you mean \($0)?" } ?? "; .help lists them"))
    }
    return true
  }

  func print(_ text: String) {
    let pager = Pager(isOffered: settings.pager && isInteractive)
    let writer = pager.makeWriter()
    writer.append(text + "\n")
    try? writer.flush()
    pager.finish()
  }

  // MARK: Settings

  private func onOff(_ command: String, _ word: String?, _ current: Bool) throws -> Bool {
    switch word?.lowercased() {
    case nil: return !current
    case "on", "开": return true
    case "off", "关": return false
    default: throw UsageError("\(command) on or \(command) off")
    }
  }

  private func setMode(_ name: String?) throws {
    let known = OutputFormat.allCases.map(\.rawValue)
    guard let name else {
      return print("mode: \(settings.format?.rawValue ?? "table")  (\(known.joined(separator: ", ")))")
    }
    guard let format = OutputFormat(rawValue: name.lowercased()) else {
      let near = Spelling.nearest(to: name.lowercased(), among: known).map { "did you mean \($0)? " } ?? ""
      throw UsageError("unknown mode `\(name)`; \(near)there are: \(known.joined(separator: ", "))")
    }
    settings.format = format
  }

  private func setLanguage(_ language: String?) throws {
    switch language?.lowercased() {
    case "zh", "zh-cn", "中文": Messages.isChinese = true
    case "en", "english", "英文": Messages.isChinese = false
    default: throw UsageError(".lang zh or .lang en (now \(Messages.isChinese ? "zh" : "en"))")
    }
  }

  private func setRows(_ text: String?) throws {
    if text == "all" || text == "off" {
      settings.maximumRows = 0
      return
    }
    guard let text, let count = Int(text), count > 0 else {
      let now = settings.maximumRows == 0 ? "all" : String(settings.maximumRows)
      throw UsageError(".rows wants how many rows a table shows, such as .rows 500, or all (now \(now))")
    }
    settings.maximumRows = count
  }

  /// What reaches files beyond those that a sandbox confines, or lets out what its caller did not.
  private func refuseInSandbox(_ command: String) throws {
    guard personal.sandbox != nil, [".import", ".save", ".open", ".personal"].contains(command) else { return }
    throw StoreError(.content, "\(command) is not allowed with --sandbox")
  }

  private func setPersonal(_ word: String?) throws {
    let isOn = try onOff(".personal", word, personal.isFull)
    personal.isFull = isOn
    Messages.say(
      Messages.isChinese
        ? isOn ? "文件与管道中的姓名和电话将完整输出，并逐次记录（cimq audit）" : "文件与管道中的姓名和电话将脱敏"
        : isOn
          ? "names and phones of people leave in full now; each export is noted (cimq audit)"
          : "names and phones of people are masked in files, pipes and pages")
  }

  private func setTimeout(_ text: String) throws {
    if text == "off" {
      settings.timeout = nil
    } else if let duration = Duration(argument: text), duration.seconds > 0 {
      settings.timeout = duration.seconds
    } else {
      let now = settings.timeout.map { CellText.number($0, decimals: 3) + " s" } ?? "off"
      throw UsageError(
        ".timeout wants a time, such as 10s, or off (now \(now))" + (text.isEmpty ? "" : "; found `\(text)`"))
    }
  }

  private func setCRS(_ text: String) throws {
    switch text {
    case "": print(settings.crs?.description ?? "off")
    case "off": settings.crs = nil
    default:
      guard let crs = try CRS.named(text) else { return }
      // Asked now, so that a wrong code is said here and not by the next result.
      if !crs.isOffsetSystem { _ = try CRSInfo.lookup(crs) }
      settings.crs = crs
    }
  }

  // MARK: Files and other programs

  private func runImport(_ arguments: [String]) throws {
    guard !arguments.isEmpty else {
      throw UsageError(".import wants files, globs or directories, such as .import shelters.csv --layer shelter")
    }
    let command = try ImportCommand.parse([path] + arguments)
    sql = nil
    try command.run()
    try catalogHasChanged()
  }

  private func runSQL(_ text: String) throws {
    guard !text.isEmpty else {
      throw UsageError(".sql wants a SELECT, such as .sql SELECT id, ST_Area(geom) FROM grid3 LIMIT 5")
    }
    last = .sql(text)
    try showSQL(text)
  }

  func showSQL(_ text: String) throws {
    let connection = try sqlConnection()
    try show(text) { token, _, sink in try connection.run(text, token: token, into: sink) }
  }

  func sqlConnection() throws -> ReadOnlySQL {
    if let sql { return sql }
    let made = try ReadOnlySQL(path: path, workingCRS: catalog.workingCRS)
    sql = made
    return made
  }

  private func openMap() throws {
    guard let last else {
      throw UsageError(Messages.isChinese ? "还没有可画的结果；先运行一条查询" : "there is no result to draw yet; run a query first")
    }
    guard let file = TemporaryFile.make(prefix: TemporaryFile.folder + "/cimq-map-", ending: ".html") else {
      let why = lastSystemError()
      throw StoreError(.file, "cannot write a file in \(TemporaryFile.folder): \(why)")
    }
    var options = OutputOptions()
    options.chinese = Messages.isChinese
    options.queryText = last.text
    options.disclosure = personal.disclosure(last.text, to: file, of: database)
    if let crs = settings.crs { options.crs = crs }
    do {
      let sink = try FileSink(path: file, format: "html", catalog: catalog, options: options)
      let token = CancellationToken(timeoutSeconds: settings.timeout)
      try Interrupt.during(token) { try send(last, token, isOrdered: false, into: sink) }
      Messages.say(Messages.wrote(file, features: sink.rowCount))
    } catch {
      unlink(file)
      throw error
    }
    guard ["DISPLAY", "WAYLAND_DISPLAY"].contains(where: { Environment[$0] != nil }) else { return }
    // Its own messages would land between prompts.
    _ = system("command -v xdg-open >/dev/null && xdg-open '\(file.replacing("'", with: "'\\''"))' >/dev/null 2>&1 &")
  }

  /// Runs the last statement again into another sink.
  func send(_ last: Last, _ token: CancellationToken, isOrdered: Bool, into sink: any RowSink) throws {
    switch last {
    case .sql(let text): try sqlConnection().run(text, token: token, into: sink)
    case .statement(let text):
      do {
        for var statement in try database.parse(text, strictCQL2: false).statements {
          statement.export = nil
          _ = try database.run(statement, in: &session, queryRun(token, text, isOrdered: isOrdered), into: sink)
        }
      } catch let error as QueryError {
        throw Messages.InText(error: error, text: text)
      }
    }
  }

  // MARK: Saved queries and examples

  private func save(_ line: String, _ arguments: [String]) throws {
    guard let name = arguments.first else { return print(savedList()) }
    guard name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }) else {
      throw UsageError("a name is made of letters, digits, - and _; found `\(name)`")
    }
    let given = ShellWords.rest(of: line, after: 2)
    guard let text = given.isEmpty ? last?.text : given else {
      throw UsageError(".save \(name) keeps the last query, and there is none yet; or .save \(name) FIND …")
    }
    if !text.hasPrefix(".") {
      do { _ = try database.parse(text, strictCQL2: false) } catch { throw Messages.InText(error: error, text: text) }
    }
    guard saved.save(text, as: name) else {
      throw StoreError(.file, "cannot write the file of saved queries: \(lastSystemError())")
    }
    Messages.say(Messages.isChinese ? "已保存 \(name)；用 .run \(name) 运行" : "saved \(name); .run \(name) runs it")
  }

  private func savedList() -> String {
    let all = saved.all()
    guard !all.isEmpty else {
      return Messages.isChinese ? "还没有保存的查询；.save 名称 保存上一条" : "nothing is saved yet; .save NAME keeps the last query"
    }
    return CatalogText.table(
      Messages.isChinese ? ["名称", "查询"] : ["name", "query"], all.map { [$0.name, CellText.oneLine($0.text)] },
      rightAligned: [])
  }

  private func runExamples(_ arguments: [String]) throws -> Bool {
    let word = arguments.first == "run" ? arguments.dropFirst().first : arguments.first
    if let number = word.flatMap({ Int($0) }) {
      guard let example = ShellExamples.example(number) else {
        throw UsageError("there is no example \(number); .examples lists 1 to \(ShellExamples.count)")
      }
      Messages.say(example.text)
      return try run(example.text)
    }
    guard let text = ShellExamples.list(topic: word, chinese: Messages.isChinese) else {
      throw UsageError(
        "no such topic `\(word ?? "")`; topics: " + ShellExamples.topics.map(\.name).joined(separator: ", "))
    }
    print(text)
    return true
  }

  // MARK: Edits

  private func undo() throws {
    Messages.say(try database.undoLastEdit())
  }
}
