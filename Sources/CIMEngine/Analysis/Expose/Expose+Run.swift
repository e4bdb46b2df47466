extension StatementContext {
  func runExpose(_ expose: Expose, into sink: inout any RowSink) throws -> RunReport {
    throw QueryError(.notSupported("EXPOSE"), at: statement.range)
  }
}
