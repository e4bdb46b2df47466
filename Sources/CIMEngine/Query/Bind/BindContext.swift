// What goes into the binder beside the tree and the catalogue, and what comes out of it.
//
//   let bound = try bind(statement, in: catalog, BindContext(session: session, lookup: lookup, readFile: readFile))

/// What the binder asks about rows. The executor answers from the snapshot.
package protocol FeatureLookup: Sendable {
  /// The rows of `layer` (an index into the catalogue) whose column holds exactly `key`, by id, at most `limit`. A column
  /// of numbers holds it when it reads as that number. The geometry is that at the end of `geometryPath` (empty: the
  /// row's own; nil: none is wanted).
  func features(
    layer: Int, column: Int, equalTo key: String, geometryPath: [LinkStep]?, limit: Int
  ) throws(QueryError) -> [FeatureMatch]

  /// Values of these columns that `key` may have been meant for, best first, at most `limit`; for error messages.
  func keysNear(_ key: String, layer: Int, columns: [Int], limit: Int) throws(QueryError) -> [String]
}

/// One row that a key names.
package struct FeatureMatch: Sendable, Equatable {
  package var id: String
  /// In the working CRS; nil where the row has none or none was asked for.
  package var geometry: Geometry?

  package init(id: String, geometry: Geometry?) {
    self.id = id
    self.geometry = geometry
  }
}

package struct BindContext: Sendable {
  package var session: Session
  package var lookup: any FeatureLookup
  /// The geometries of a file of FILE '…', in the working CRS. A CRS that the statement names goes with it.
  package var readFile: @Sendable (_ path: String, _ crs: CRS?) throws -> [Geometry]

  /// Writes an EXPOSE that stands for rows out as a FIND.
  var exposed = ExposedRows { expose throws(QueryError) in
    throw QueryError(.notSupported("EXPOSE inside another EXPOSE"), at: expose.find.range)
  }

  package init(
    session: Session = Session(), lookup: any FeatureLookup,
    readFile: @escaping @Sendable (_ path: String, _ crs: CRS?) throws -> [Geometry]
  ) {
    self.session = session
    self.lookup = lookup
    self.readFile = readFile
  }
}

/// Asked while a statement is bound, on the thread that binds it.
struct ExposedRows: @unchecked Sendable {
  let rows: (Expose) throws(QueryError) -> (find: Find, notices: [String])
  init(_ rows: @escaping (Expose) throws(QueryError) -> (find: Find, notices: [String])) { self.rows = rows }
}

/// A statement that can be planned.
package struct BoundStatement: Sendable {
  package enum Body: Sendable {
    case find(BoundFind)
    /// LET: checked, and with the sets in it written out, so that it stays what it is when one of them is made anew.
    /// The caller keeps it in `Session.sets`.
    case `let`(name: String, Reference)
    /// A statement of the city's own, which binds the FINDs and references inside it itself: see ``StatementContext``.
    case other
  }
  package var explain: Statement.Explain?
  package var body: Body
  /// Its CRS, where it names one, is known to exist.
  package var export: Export?
}
