internal import SpatialIndex

/// How a statement is carried out: which rows each source gives and by which index, in which order sources are joined, and
/// what happens to the joined rows. Made from the bound tree and statistics; knows nothing of the store behind.
struct Plan: Sendable {
  /// The statement, its plain subqueries taken up into its sources.
  var find: BoundFind
  /// By source.
  var sources: [SourcePlan]
  /// The source that the pipeline starts from.
  var driver: Int
  /// In the order in which they run; each joins one more source.
  var joins: [JoinPlan]
  /// NEAREST of source 0, which is then the driver.
  var nearest: NearestMethod?
  /// Conditions on joined rows: the number of joins after which each can be asked.
  var residuals: [(after: Int, condition: BoundExpression)]
  /// Rows that leave the joins, estimated.
  var estimatedRows: Double
  var finish: FinishPlan
}

/// The rows of one source before joins.
struct SourcePlan: Sendable {
  var access: Access
  /// Conditions on this source alone, cheapest first, but for those that `access` settles.
  var filters: [BoundExpression]
  /// Rows of the table, and rows that pass access and filters, estimated.
  var tableRows: Double
  var estimatedRows: Double
  /// The plan of a subquery that stays one.
  var subplan: [Plan] = []
}

/// Which rows of a table are looked at.
enum Access: Sendable {
  /// All of them, in blocks; `reason` says why no index helps.
  case scan(reason: String)
  /// Those whose `column` holds one of these texts, by the index on that column.
  case keys(column: Int, [String], condition: BoundExpression)
  /// Those near a reference, by the R-tree of the table that has the geometry.
  case search(SpatialCondition)
  /// None: a condition can never hold.
  case nothing
}

/// A spatial condition on one source that an R-tree can answer.
struct SpatialCondition: Sendable {
  var source: Int
  /// Links from the source to the layer with the geometry; empty when it has its own.
  var path: [LinkStep]
  /// From the row's geometry to the reference.
  var test: PairTest
  var reference: BoundReference
  /// The condition as written.
  var condition: BoundExpression
  /// Share of the rows that pass, estimated.
  var selectivity: Double
}

struct JoinPlan: Sendable {
  enum Method: Sendable {
    /// Rows with equal keys, through a hash table over the joined source.
    case hash(probe: [BoundExpression], build: [BoundExpression])
    /// The joined row is the one that a link names.
    case link(source: Int, LinkStep)
    /// The R-tree of the joined source is searched with the geometry of `from`; `test` holds from that to the joined row.
    case search(from: BoundExpression, test: PairTest)
    /// The 3D R-tree of the joined source is searched with the boxes of rows; `isOwn` when these are of the clause's own
    /// source, and the joined one is its partner.
    case space(SpaceClause, isOwn: Bool)
    /// The nearest rows of the joined source, measured from the geometry of `from`.
    case nearest(count: Int, within: BoundExpression?, from: Int, slot: Int?)
    /// Every pair.
    case loop
  }
  var source: Int
  var isLeft: Bool
  var method: Method
  /// Conditions of ON that are asked of each pair.
  var conditions: [BoundExpression]
  var estimatedRows: Double
  /// Why no index helps, for a loop.
  var reason: String = ""
}

enum NearestMethod: Sendable {
  /// Nearest first from the R-tree, filters asked of each candidate, until k have passed.
  case incremental
  /// All rows that pass the filters are measured.
  case exhaustive(reason: String)
}

/// What happens to the joined rows.
struct FinishPlan: Sendable {
  enum Order: Sendable {
    /// As they come, which does not depend on the number of threads.
    case none
    /// By these keys, then by `distance` if there is one, then by id.
    case keys([BoundSortKey], reason: String)
  }
  var order: Order
  var groups: Double?
}
