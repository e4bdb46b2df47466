/// A snapshot file is not what was written: cut short, bits flipped, another version, or another file's name.
///
/// A snapshot is only a copy. Whoever catches this in a statement says so, gets a sound one from
/// ``Snapshot/repaired(after:for:notice:progress:)`` and runs the statement again.
public struct SnapshotDamage: UserFacingError, Equatable {
  /// The damaged file.
  public var path: String
  /// What was found, such as "block 17 does not match its checksum".
  public var finding: String

  public init(path: String, finding: String) {
    self.path = path
    self.finding = finding
  }

  public var failureClass: FailureClass { .file }
  public var message: String { "\(path): \(finding); the snapshot is rebuilt from the database" }
}
