extension StatementContext {
  func runBrief(_ brief: Brief, into sink: inout any RowSink) throws -> RunReport {
    throw QueryError(.notSupported("BRIEF"), at: statement.range)
  }
}
