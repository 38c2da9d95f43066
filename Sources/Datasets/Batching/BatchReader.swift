import Glibc

/// Batches of one epoch in order, made ahead on other threads; stops its threads when it goes.
///
/// For one consumer.
public final class BatchReader {
  private let queue: ReadAheadQueue
  private var threads: [pthread_t] = []

  init(_ source: BatchSource, epoch: Int, from first: Int, workers: Int, depth: Int) {
    queue = ReadAheadQueue(source, epoch: epoch, from: first, depth: max(depth, 1))
    for _ in 0..<max(workers, 0) {
      // The thread owns the queue and not the reader, so that letting go of the reader ends the thread.
      let context = Unmanaged.passRetained(queue)
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { context in
          guard let context else { return nil }
          Unmanaged<ReadAheadQueue>.fromOpaque(context).takeRetainedValue().work()
          return nil
        }, context.toOpaque())
      guard status == 0 else {
        context.release()
        break
      }
      threads.append(thread)
    }
  }

  deinit { stop() }

  /// The next batch, or nil after the last one or after `stop()`.
  ///
  /// Throws what making that batch throws; the call after gives the batch after it.
  public func next() throws(DatasetError) -> Batch? {
    let result = threads.isEmpty ? queue.makeNext() : queue.takeNext()
    return try result?.get()
  }

  /// Ends the reading: waits for the batches that are being made, and drops them.
  public func stop() {
    queue.stop()
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }
}

/// Batches between the threads that make them and the one that takes them, given out in order.
///
/// `lock` guards every variable; `changed` is broadcast with each change that someone may wait for.
private final class ReadAheadQueue: @unchecked Sendable {
  private let source: BatchSource
  private let epoch: Int
  private let depth: Int
  private let end: Int
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var nextToMake: Int
  private var nextToTake: Int
  private var made: [Int: Result<Batch, DatasetError>] = [:]
  private var isStopped = false

  init(_ source: BatchSource, epoch: Int, from first: Int, depth: Int) {
    self.source = source
    self.epoch = epoch
    self.depth = depth
    end = source.batchesPerEpoch
    nextToMake = max(first, 0)
    nextToTake = nextToMake
    pthread_mutex_init(lock, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(lock)
    changed.deallocate()
    lock.deallocate()
  }

  /// Makes batches until none is left or the reading stops.
  func work() {
    while let number = claim() {
      let result = make(number)
      locked {
        made[number] = result
        pthread_cond_broadcast(changed)
      }
    }
  }

  func takeNext() -> Result<Batch, DatasetError>? {
    locked {
      guard nextToTake < end else { return nil }
      while made[nextToTake] == nil && !isStopped { pthread_cond_wait(changed, lock) }
      if isStopped { return nil }
      defer {
        nextToTake += 1
        pthread_cond_broadcast(changed)
      }
      return made.removeValue(forKey: nextToTake)
    }
  }

  /// The next batch, made by the caller.
  func makeNext() -> Result<Batch, DatasetError>? {
    guard nextToTake < end, !isStopped else { return nil }
    nextToTake += 1
    return make(nextToTake - 1)
  }

  func stop() {
    locked {
      isStopped = true
      made = [:]
      pthread_cond_broadcast(changed)
    }
  }

  /// The number of the next batch to make, once there is room for it.
  private func claim() -> Int? {
    locked {
      while !isStopped && nextToMake < end && nextToMake >= nextToTake + depth { pthread_cond_wait(changed, lock) }
      guard !isStopped, nextToMake < end else { return nil }
      nextToMake += 1
      return nextToMake - 1
    }
  }

  private func make(_ number: Int) -> Result<Batch, DatasetError> {
    do {
      return .success(try source.batch(number, epoch: epoch))
    } catch {
      return .failure(error)
    }
  }

  private func locked<R>(_ body: () -> R) -> R {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return body()
  }
}
