/// The everyday queries straight on a tree; ``PackedRTreeView`` has them all.
extension PackedRTree {
  /// See ``PackedRTreeView/forEach(meeting:_:)``.
  @inlinable
  public func forEach<E: Error>(meeting window: Box<D>, _ body: (Int) throws(E) -> Void) throws(E) {
    defer { withExtendedLifetime(storage) {} }
    try view.forEach(meeting: window, body)
  }

  /// See ``PackedRTreeView/forEach(within:of:_:)``.
  @inlinable
  public func forEach<E: Error>(
    within distance: Double, of box: Box<D>, _ body: (Int) throws(E) -> Void
  ) throws(E) {
    defer { withExtendedLifetime(storage) {} }
    try view.forEach(within: distance, of: box, body)
  }

  /// See ``PackedRTreeView/nearest(to:count:within:withTies:)``.
  @inlinable
  public func nearest(
    to target: Box<D>, count: Int, within distance: Double = .infinity, withTies: Bool = false
  ) -> [Neighbour] {
    defer { withExtendedLifetime(storage) {} }
    return view.nearest(to: target, count: count, within: distance, withTies: withTies)
  }

  /// See ``PackedRTreeView/nearest(to:count:within:withTies:squaredDistance:)``.
  @inlinable
  public func nearest<E: Error>(
    to target: Box<D>, count: Int, within distance: Double = .infinity, withTies: Bool = false,
    squaredDistance: (_ item: Int) throws(E) -> Double?
  ) throws(E) -> [Neighbour] {
    defer { withExtendedLifetime(storage) {} }
    return try view.nearest(
      to: target, count: count, within: distance, withTies: withTies, squaredDistance: squaredDistance)
  }
}
