internal import Glibc
internal import SpatialIndex

/// Runs a body on several threads at once and waits for all.
enum Threads {
  private final class Task {
    let index: Int
    let body: @Sendable (Int) -> Void
    init(_ index: Int, _ body: @escaping @Sendable (Int) -> Void) {
      self.index = index
      self.body = body
    }
  }

  /// Calls `body(0)` on the calling thread and `body(1)` … `body(count - 1)` on threads of their own. When a thread
  /// cannot be made, its share runs on the calling thread afterwards.
  static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    var threads: [pthread_t] = []
    var left: [Int] = []
    for index in 1..<max(1, count) {
      var thread = pthread_t()
      let task = Unmanaged.passRetained(Task(index, body))
      let status = pthread_create(
        &thread, nil,
        { argument in
          let task = Unmanaged<Task>.fromOpaque(argument!).takeRetainedValue()
          task.body(task.index)
          return nil
        }, task.toOpaque())
      if status == 0 {
        threads.append(thread)
      } else {
        task.release()
        left.append(index)
      }
    }
    body(0)
    for index in left { body(index) }
    for thread in threads { pthread_join(thread, nil) }
  }
}

extension Workers {
  /// Parts on threads of their own.
  static func threads(_ count: Int) -> Workers {
    Workers(count: count) { count, body in
      withoutActuallyEscaping(body) { body in Threads.run(count) { body($0) } }
    }
  }
}

/// A mutex and a condition, for the few places where threads wait for each other.
final class Monitor: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }
  /// Called with the lock held.
  func wait() { pthread_cond_wait(condition, mutex) }
  func wakeAll() { pthread_cond_broadcast(condition) }
}
