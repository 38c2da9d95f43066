import CThreads
import Synchronization
import Testing

/// Counts how often each index ran, and by which worker it last did.
private final class Tally: Sendable {
  let runs: Mutex<[Int]>
  let greatestWorker = Atomic(0)

  init(_ tasks: Int) { runs = Mutex([Int](repeating: 0, count: tasks)) }
}

private func count(_ context: UnsafeMutableRawPointer?, _ index: Int, _ worker: Int) {
  guard let context else { return }
  let tally = Unmanaged<Tally>.fromOpaque(context).takeUnretainedValue()
  tally.runs.withLock { $0[index] += 1 }
  tally.greatestWorker.max(worker, ordering: .relaxed)
}

@Suite struct PoolTests {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 64])
  func everyTaskRunsExactlyOnce(_ threads: Int, _ tasks: Int) throws {
    let pool = try #require(pare_pool_create(threads))
    defer { pare_pool_destroy(pool) }
    #expect(pare_pool_threads(pool) == threads)
    let tally = Tally(tasks)
    // Many generations in a row, so that late workers meet the next generation.
    for _ in 0..<300 { pare_pool_run(pool, tasks, count, Unmanaged.passUnretained(tally).toOpaque()) }
    #expect(tally.runs.withLock { $0 } == [Int](repeating: 300, count: tasks))
    #expect(tally.greatestWorker.load(ordering: .relaxed) < threads)
  }

  @Test func workersWakeAfterTheyFellAsleep() async throws {
    let pool = try #require(pare_pool_create(2))
    defer { pare_pool_destroy(pool) }
    let tally = Tally(4)
    for _ in 0..<5 {
      // Far longer than the spinning, so that the worker sleeps on the futex.
      try await Task.sleep(for: .milliseconds(5))
      pare_pool_run(pool, 4, count, Unmanaged.passUnretained(tally).toOpaque())
    }
    #expect(tally.runs.withLock { $0 } == [5, 5, 5, 5])
  }

  @Test func refusesImpossibleThreadCounts() {
    #expect(pare_pool_create(0) == nil)
    #expect(pare_pool_create(100_000) == nil)
  }
}
