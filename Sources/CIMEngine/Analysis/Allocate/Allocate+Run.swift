extension StatementContext {
  func runAllocate(_ allocate: Allocate, into sink: inout any RowSink) throws -> RunReport {
    throw QueryError(.notSupported("ALLOCATE"), at: statement.range)
  }
}
