internal import Glibc

/// Hands values from one thread to another, a few at a time: the faster side waits.
final class BatchQueue<Element: Sendable>: @unchecked Sendable {
  private let capacity: Int
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  // Under the lock.
  private var elements: [Element] = []
  private var end: Result<Void, any Error>?
  private var isCancelled = false

  struct Cancelled: Error {}

  init(capacity: Int) {
    self.capacity = capacity
    pthread_mutex_init(lock, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_mutex_destroy(lock)
    pthread_cond_destroy(changed)
    lock.deallocate()
    changed.deallocate()
  }

  /// Waits for room. Throws when the other side wants no more.
  func put(_ element: Element) throws {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while elements.count >= capacity && !isCancelled { pthread_cond_wait(changed, lock) }
    if isCancelled { throw Cancelled() }
    elements.append(element)
    pthread_cond_broadcast(changed)
  }

  /// Says that nothing more comes, or why.
  func finish(_ result: Result<Void, any Error>) {
    pthread_mutex_lock(lock)
    end = end ?? result
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(lock)
  }

  /// Waits for the next element; nil at the end. Throws what the other side finished with.
  func take() throws -> Element? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while elements.isEmpty && end == nil { pthread_cond_wait(changed, lock) }
    if !elements.isEmpty {
      let first = elements.removeFirst()
      pthread_cond_broadcast(changed)
      return first
    }
    try end?.get()
    return nil
  }

  /// Makes the other side stop at its next `put`.
  func cancel() {
    pthread_mutex_lock(lock)
    isCancelled = true
    elements = []
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(lock)
  }
}

/// A thread that runs one closure.
final class WorkerThread {
  private var thread = pthread_t()
  private final class Box {
    let body: @Sendable () -> Void; init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts at once; runs on the caller when no thread can be had.
  init(_ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 16 << 20)
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
      &thread, &attributes,
      { pointer in
        Unmanaged<Box>.fromOpaque(pointer!).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    pthread_attr_destroy(&attributes)
    isRunning = code == 0
    if code != 0 { box.takeRetainedValue().body() }
  }

  private var isRunning: Bool

  /// Waits for the end. To be called once, before the value goes.
  func join() {
    if isRunning { pthread_join(thread, nil) }
    isRunning = false
  }
}
