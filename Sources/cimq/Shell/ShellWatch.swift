internal import CIMEngine
internal import Glibc

extension Shell {
  /// `.watch 10 s [STATEMENT]`: runs a statement again and again until Ctrl-C, and prints what has changed.
  func watch(_ line: String, _ arguments: [String]) throws {
    let usage = ".watch wants a time, such as .watch 10 s, or .watch 10 s FIND shelter WHERE status = 'open'"
    guard let first = arguments.first else { throw UsageError(usage) }
    var taken = 2
    var interval = Duration(argument: first)?.seconds
    // `10 s`: the unit is a word of its own.
    if Double(first) != nil, arguments.count > 1, let both = Duration(argument: first + arguments[1]),
      !arguments[1].isEmpty, arguments[1].allSatisfy(\.isLetter), arguments[1].count <= 3
    {
      interval = both.seconds
      taken = 3
    }
    guard let interval, interval >= 0.05 else { throw UsageError(usage + "; at least 50 ms") }
    let given = ShellWords.rest(of: line, after: taken)
    let watched: Last
    if given.hasPrefix(".sql ") {
      watched = .sql(String(given.dropFirst(5)))
    } else if !given.isEmpty {
      watched = .statement(given)
    } else if let last {
      watched = last
    } else {
      throw UsageError("there is no query to repeat yet; " + usage)
    }
    if case .statement(let text) = watched {
      do {
        for statement in try database.parse(text, strictCQL2: false).statements where !statement.isReading {
          throw UsageError(".watch repeats questions, not statements that change data")
        }
      } catch let error as QueryError { throw Messages.InText(error: error, text: text) }
      last = watched
    }
    let token = CancellationToken()
    try Interrupt.during(token) {
      var before: CollectedRows?
      while !token.isCancelled {
        let rows = CollectedRows()
        do {
          let shown = personal.disclosure(watched.text, to: nil, of: database).guarding(rows)
          try send(watched, token, isOrdered: true, into: shown)
        } catch {
          if token.isCancelled { break }
          throw error
        }
        if let before {
          let changes = RowChanges.between(before, rows)
          if !changes.isEmpty {
            put(clock() + "  " + summary(rows.rows.count, changes: changes.count))
            for change in changes { put("  " + change.text(colour: isatty(STDOUT_FILENO) != 0 && Self.usesColour)) }
          }
        } else {
          let shown = settings.maximumRows == 0 ? rows.rows[...] : rows.rows.prefix(settings.maximumRows)
          put(CatalogText.table(rows.columns, Array(shown), rightAligned: []))
          put(clock() + "  " + summary(rows.rows.count, changes: nil))
        }
        before = rows
        wait(interval, token)
      }
    }
  }

  private func put(_ text: String) { RawTerminal.write(text + "\n", to: STDOUT_FILENO) }

  private func summary(_ rows: Int, changes: Int?) -> String {
    let count = CellText.grouped(rows)
    if Messages.isChinese {
      return "\(count) 行" + (changes.map { "，\(CellText.grouped($0)) 处变化" } ?? "；Ctrl-C 停止")
    }
    return "\(count) row\(rows == 1 ? "" : "s")"
      + (changes.map { ", \(CellText.grouped($0)) change\($0 == 1 ? "" : "s")" } ?? "; Ctrl-C stops watching")
  }

  /// Sleeps until the time is over or Ctrl-C is pressed.
  private func wait(_ seconds: Double, _ token: CancellationToken) {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds)
    while !token.isCancelled, clock.now < end {
      let left = (end - clock.now) / .milliseconds(1)
      _ = poll(nil, 0, Int32(min(max(left, 1), 50)))
    }
  }

  /// The time of day where the user is.
  private func clock() -> String {
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    return [parts.tm_hour, parts.tm_min, parts.tm_sec].map { ($0 < 10 ? "0" : "") + String($0) }.joined(separator: ":")
  }
}

/// How two results of one statement differ, row by row.
struct RowChanges {
  enum Kind { case added, removed, changed }
  var kind: Kind
  var line: String

  /// Rows are told apart by their id where there is one, else by all they hold.
  static func between(_ before: CollectedRows, _ after: CollectedRows) -> [RowChanges] {
    guard before.columns == after.columns else {
      return [RowChanges(kind: .changed, line: after.columns.joined(separator: ", "))]
    }
    let key = after.columns.firstIndex(of: "id")
    func keyed(_ rows: [[String]]) -> (order: [String], rows: [String: [String]]) {
      var order: [String] = []
      var map: [String: [String]] = [:]
      for row in rows {
        let name = key.map { row[$0] } ?? row.joined(separator: " │ ")
        // Equal keys are counted, so that a second one is a row of its own.
        var unique = name
        var n = 2
        while map[unique] != nil {
          unique = "\(name) #\(n)"
          n += 1
        }
        order.append(unique)
        map[unique] = row
      }
      return (order, map)
    }
    let (old, new) = (keyed(before.rows), keyed(after.rows))
    var changes: [RowChanges] = []
    for name in old.order where new.rows[name] == nil {
      changes.append(RowChanges(kind: .removed, line: old.rows[name]!.joined(separator: " │ ")))
    }
    for name in new.order {
      let row = new.rows[name]!
      guard let was = old.rows[name] else {
        changes.append(RowChanges(kind: .added, line: row.joined(separator: " │ ")))
        continue
      }
      guard was != row else { continue }
      let cells = row.indices.filter { was[$0] != row[$0] }.map { i in
        "\(after.columns[i]) \(was[i].isEmpty ? "NULL" : was[i]) → \(row[i].isEmpty ? "NULL" : row[i])"
      }
      changes.append(RowChanges(kind: .changed, line: name + ": " + cells.joined(separator: ", ")))
    }
    return changes
  }

  func text(colour: Bool) -> String {
    let (mark, style) =
      switch kind {
      case .added: ("+", "32")
      case .removed: ("-", "31")
      case .changed: ("~", "33")
      }
    return colour ? "\u{1B}[\(style)m\(mark) \(line)\u{1B}[0m" : "\(mark) \(line)"
  }
}
