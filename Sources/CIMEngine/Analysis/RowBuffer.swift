/// Keeps a result in memory: for the rows that a statement asks of its own.
final class RowBuffer: RowSink {
  /// Of the columns.
  private(set) var names: [String] = []
  private(set) var rows: [[Value]] = []
  /// By row, when they are wanted.
  private(set) var shapes: [Geometry?] = []
  private(set) var notices: [String] = []
  let wantsShapes: Bool
  private let token: CancellationToken?

  init(wantsShapes: Bool = false, token: CancellationToken? = nil) {
    self.wantsShapes = wantsShapes
    self.token = token
  }

  func begin(_ header: ResultHeader) { names = header.columns.map(\.name) }
  func write(_ batch: RowBatch) throws {
    try token?.check()
    for row in 0..<batch.rowCount { rows.append(batch.columns.map { $0[row] }) }
    if wantsShapes { shapes += batch.shapes.isEmpty ? Array(repeating: nil, count: batch.rowCount) : batch.shapes }
  }
  func end(notices: [String]) { self.notices = notices }
}
