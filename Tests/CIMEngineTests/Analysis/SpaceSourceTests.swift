import SpatialIndex
import Testing

@testable import CIMEngine

@Suite("Heights of rows")
struct SpaceSourceTests {
  @Test func aFlatShapeHasABoxWithoutHeight() {
    #expect(Geometry.point(1, 2, z: 3).spaceBox == Box<3>(min: [1, 2, 3], max: [1, 2, 3]))
    #expect(Geometry.point(1, 2).spaceBox == nil)
    var slope = Geometry(kind: .lineString)
    slope.appendPart(rings: [[0, 0, 5, 1]], z: [[7, .nan]])
    #expect(slope.spaceBox == Box<3>(min: [0, 0, 7], max: [5, 1, 7]))
    let both = Geometry(kind: .geometryCollection, members: [.point(0, 0, z: -1), slope])
    #expect(both.spaceBox == Box<3>(min: [0, 0, -1], max: [5, 1, 7]))
  }
}
