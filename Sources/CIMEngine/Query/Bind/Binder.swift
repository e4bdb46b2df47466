/// Resolves the names of a statement, types its expressions, brings its literals into the working CRS and its distances
/// to metres. What cannot be run is an error that says so.
package func bind(_ statement: Statement, in catalog: Catalog, _ context: BindContext) throws(QueryError)
  -> BoundStatement
{
  let state = BindState(catalog, context)
  if let crs = statement.export?.crs { _ = try state.crs(crs) }
  let body: BoundStatement.Body
  switch statement.body {
  case .find(let find):
    var bound = try FindBinder.bind(find, state)
    bound.notices = state.notices
    body = .find(bound)
  case .let(let name, let reference):
    let expanded = try state.expand(reference)
    var binder = FindBinder(state)
    _ = try binder.bind(reference: expanded)
    body = .let(name: name, expanded)
  case .expose, .allocate, .link, .brief, .edit, .transaction: body = .other
  }
  return BoundStatement(explain: statement.explain, body: body, export: statement.export)
}

/// What the binding of one statement shares: the catalogue, the context, what is said on the way.
final class BindState {
  let catalog: Catalog
  let names: CatalogNames
  let context: BindContext
  private(set) var notices: [String] = []
  /// How many subqueries and sets are open.
  var depth = 0
  private var workingArea: CRSInfo.Area??

  init(_ catalog: Catalog, _ context: BindContext) {
    self.catalog = catalog
    self.context = context
    names = CatalogNames.of(catalog)
  }

  func note(_ text: String) {
    if !notices.contains(text) { notices.append(text) }
  }

  /// `GCJ02`, `EPSG:4547`, …
  func crs(_ name: Name) throws(QueryError) -> CRS {
    let known = ["WGS84", "CGCS2000", "GCJ02", "BD09"]
    guard let crs = CRS(parsing: name.text) else {
      let near = Spelling.nearest(to: name.text, among: known)
      throw QueryError(
        .unknownCRS(name.text), at: name.range,
        fix: near.map { "did you mean \($0)?" } ?? "write \(known.joined(separator: ", ")) or a code such as EPSG:4547")
    }
    do { _ = try CRSInfo.lookup(crs) } catch {
      throw QueryError(.invalid(error.message), at: name.range)
    }
    return crs
  }

  /// Where the working CRS is meant to be used, in degrees; nil where that is everywhere or nobody says.
  var areaOfUse: CRSInfo.Area? {
    if let workingArea { return workingArea }
    let area = catalog.isGeographic ? nil : (try? CRSInfo.lookup(catalog.workingCRS))?.areaOfUse
    workingArea = .some(area)
    return area
  }

  // MARK: Sets

  /// A reference with every `$set` in it replaced by what it stands for now.
  func expand(_ reference: Reference) throws(QueryError) -> Reference {
    var budget = 2_000
    return try SetExpansion.expand(reference, context.session.sets, &budget)
  }

  func unknownSet(_ name: String, at range: Range<Int>) -> QueryError {
    let known = context.session.sets.keys.sorted() + context.session.parameters.keys.sorted()
    let near = Spelling.nearest(to: name, among: known).map { "did you mean `$\($0)`?" }
    return QueryError(
      .unknownSet(name), at: range, fix: near ?? "define it first: LET $\(name) = …, or --param \(name)=…")
  }
}
