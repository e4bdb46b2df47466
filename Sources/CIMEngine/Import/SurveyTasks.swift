internal import Synchronization

/// Surveys handed out to whoever asks next. Shared by the threads of the first pass.
final class SurveyTasks: Sendable {
  private struct State {
    var next = 0
    var results: [Result<SourceSurvey, LoadError>?]
    var bytes: [Int]
  }
  private let sources: [any FeatureSource]
  private let isCancelled: @Sendable () -> Bool
  private let progress: Importer.Progress
  private let state: Mutex<State>
  private let rejectLimit: Int

  init(
    _ sources: [any FeatureSource], rejectLimit: Int, isCancelled: @escaping @Sendable () -> Bool,
    progress: @escaping Importer.Progress
  ) {
    self.sources = sources
    self.rejectLimit = rejectLimit
    self.isCancelled = isCancelled
    self.progress = progress
    state = Mutex(
      State(
        results: Array(repeating: nil, count: sources.count), bytes: Array(repeating: 0, count: sources.count)))
  }

  func work() {
    while true {
      let index = state.withLock { state in
        state.next += 1
        return state.next - 1
      }
      guard index < sources.count, !isCancelled() else { return }
      let result: Result<SourceSurvey, LoadError>
      do throws(LoadError) {
        result = .success(try sources[index].survey(settingAside: rejectLimit) { self.report(index, $0) })
      } catch {
        result = .failure(error)
      }
      state.withLock { state in
        state.results[index] = result
        // Nothing after an error is of use.
        if case .failure = result { state.next = sources.count }
      }
    }
  }

  private func report(_ index: Int, _ bytes: Int) {
    let total = state.withLock { state in
      state.bytes[index] = bytes
      return state.bytes.reduce(0, +)
    }
    progress(ImportProgress(phase: .survey, bytesDone: total, bytesTotal: 0, rows: 0, subject: sources[index].path))
  }

  /// In the order of the sources. The first error in that order is thrown.
  func results() throws(LoadError) -> [SourceSurvey] {
    var surveys: [SourceSurvey] = []
    for result in state.withLock({ $0.results }) {
      guard let result else { continue }
      surveys.append(try result.get())
    }
    return surveys
  }
}
