extension StatementContext {
  func runEdit(_ edit: Edit, into sink: inout any RowSink) throws -> RunReport {
    throw QueryError(.notSupported("changing rows with a statement"), at: statement.range)
  }
}
