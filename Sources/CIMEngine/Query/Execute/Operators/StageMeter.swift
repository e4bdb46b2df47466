internal import Synchronization

/// Rows and time of one step, added up over all workers.
final class StageMeter: Sendable {
  private let input = Atomic<Int>(0)
  private let output = Atomic<Int>(0)
  private let time = Atomic<Int>(0)

  func add(rowsIn: Int = 0, rowsOut: Int = 0, nanoseconds: Int64 = 0) {
    input.wrappingAdd(rowsIn, ordering: .relaxed)
    output.wrappingAdd(rowsOut, ordering: .relaxed)
    time.wrappingAdd(Int(nanoseconds), ordering: .relaxed)
  }

  var rowsIn: Int { input.load(ordering: .relaxed) }
  var rowsOut: Int { output.load(ordering: .relaxed) }
  /// Summed over threads.
  var milliseconds: Double { Double(time.load(ordering: .relaxed)) / 1e6 }
}
