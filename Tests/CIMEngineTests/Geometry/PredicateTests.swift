import SpatialIndex
import Testing

@testable import CIMEngine

@Suite("Simple Features predicates")
struct PredicateTests {
  @Test func agreeWithGEOS() throws {
    for (seed, origin) in [(101, 0.0), (102, 1e7)] {
      var shapes = Shapes(seed: UInt64(seed))
      shapes.side = 5
      shapes.origin = origin
      for i in 0..<400 {
        let a = try shapes.any()
        let b = i % 20 == 0 ? a : try shapes.any()
        let ga = try GEOSGeometry(a)
        let gb = try GEOSGeometry(b)
        for predicate in SpatialPredicate.allCases {
          let expected = try ga.holds(predicate, gb)
          let own = try predicate.holds(a, b)
          #expect(own == expected, "\(WKT.write(a)) \(predicate) \(WKT.write(b))")
          #expect(try predicate.transposed.holds(b, a) == expected)
          #expect(try a.withView { a in try b.withView { b in try predicate.holds(a, b) } } == expected)
        }
      }
    }
  }

  @Test func emptyGeometriesAndCollections() throws {
    let empty = Geometry(kind: .polygon)
    let square = Geometry.rectangle(Box2(0, 0, 2, 2))
    for predicate in SpatialPredicate.allCases {
      #expect(try predicate.holds(empty, square) == (predicate == .disjoint))
      #expect(try predicate.holds(square, empty) == (predicate == .disjoint))
    }
    #expect(try SpatialPredicate.equals.holds(empty, empty))
    // Two halves in a collection are the square.
    let halves = Geometry(
      kind: .geometryCollection, members: [.rectangle(Box2(0, 0, 1, 2)), .rectangle(Box2(1, 0, 2, 2))])
    #expect(try SpatialPredicate.equals.holds(halves, square))
    #expect(try SpatialPredicate.contains.holds(halves, .rectangle(Box2(0.5, 0.5, 1.5, 1.5))))
    #expect(try SpatialPredicate.touches.holds(.line([2, 0, 3, 0]), halves))
  }
}

@Suite("GEOS operations")
struct GEOSTests {
  private let square = Geometry.rectangle(Box2(0, 0, 2, 2))
  private let other = Geometry.rectangle(Box2(1, 1, 3, 3))

  @Test func overlay() throws {
    let a = try GEOSGeometry(square)
    let b = try GEOSGeometry(other)
    #expect(try a.intersection(b).geometry().area == 1)
    #expect(try a.union(b).geometry().area == 7)
    #expect(try a.difference(b).geometry().area == 3)
    #expect(try a.relate(b) == "212101212")
    #expect(try a.envelope().geometry().box == Box2(0, 0, 2, 2))
    #expect(try a.convexHull().geometry().area == 4)
    let point = try a.pointOnSurface().geometry()
    #expect(square.withView { $0.locate(point.xy[0], point.xy[1]) } == .inside)
    let disc = try GEOSGeometry(.point(0, 0)).buffer(1).geometry()
    #expect(abs(disc.area - 3.14) < 0.03)
    let line = Geometry.line([0, 0, 1, 0.001, 2, 0])
    #expect(try GEOSGeometry(line).simplified(0.1).geometry() == .line([0, 0, 2, 0]))
    #expect(try GEOSGeometry(line).simplified(0.1, preservingTopology: false).geometry() == .line([0, 0, 2, 0]))
  }

  @Test func validity() throws {
    #expect(try GEOSGeometry(square).isValid())
    #expect(try GEOSGeometry(square).invalidity() == nil)
    let bow = Geometry.polygon([[0, 0, 2, 2, 2, 0, 0, 2, 0, 0]])
    let why = try #require(try GEOSGeometry(bow).invalidity())
    #expect(why.reason == "Self-intersection" && why.x == 1 && why.y == 1)
    #expect(why.description == "Self-intersection at 1.0 1.0")
    let repaired = try GEOSGeometry(bow).madeValid()
    #expect(try repaired.isValid())
    #expect(try repaired.geometry().area == 2)
  }

  @Test func refusalsAreErrors() throws {
    #expect(throws: StoreError.self) { _ = try GEOSGeometry(.polygon([[0, 0, 1, 1, 1, 0]])) }
    let bow = Geometry.polygon([[0, 0, 2, 2, 2, 0, 0, 2, 0, 0]])
    let error = #expect(throws: StoreError.self) {
      _ = try GEOSGeometry(bow).intersection(GEOSGeometry(other)).geometry()
    }
    #expect(error?.message.contains("GEOS") == true && error?.failureClass == .content)
  }

  @Test func mixedCollections() throws {
    let mixed = Geometry(kind: .geometryCollection, members: [.point(9, 9), square, .line([1, 1, 5, 1])])
    #expect(try SpatialPredicate.contains.holds(mixed, .line([1, 1.5, 1, 0.5])))
    #expect(try SpatialPredicate.contains.holds(mixed, .line([1, 1, 4, 1])))
    #expect(try SpatialPredicate.contains.holds(mixed, .point(9, 9)))
    #expect(try !SpatialPredicate.contains.holds(mixed, other))
    #expect(try SpatialPredicate.within.holds(.point(4, 1), mixed))
    #expect(try SpatialPredicate.intersects.holds(mixed, .point(5, 1)))
    #expect(try SpatialPredicate.disjoint.holds(mixed, .point(5, 2)))
  }

  @Test func heightsAndEmptyGeometriesSurvive() throws {
    for geometry in [
      Geometry.point(1, 2, z: 3), .line([0, 0, 1, 1], z: [5, 6]), Geometry(kind: .point), Geometry(kind: .polygon),
      Geometry(kind: .multiPolygon),
      Geometry(kind: .geometryCollection, members: [.point(1, 2), Geometry(kind: .lineString)]),
    ] {
      #expect(try GEOSGeometry(geometry).geometry() == geometry)
    }
  }

  @Test func manyThreads() async throws {
    let (square, other) = (square, other)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for i in 0..<16 {
        group.addTask {
          let a = try GEOSGeometry(square)
          for _ in 0..<50 where try !a.holds(.overlaps, GEOSGeometry(other)) { return false }
          if i % 2 == 0 {
            return (try? GEOSGeometry(.polygon([[0, 0, 1, 1, 1, 0]]).withView { $0.copy() }).isValid()) == nil
          }
          return true
        }
      }
      for try await result in group { #expect(result) }
    }
  }
}
