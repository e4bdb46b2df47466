extension StatementContext {
  func runLink(_ link: LinkLayers, into sink: inout any RowSink) throws -> RunReport {
    throw QueryError(.notSupported("LINK"), at: statement.range)
  }
}
