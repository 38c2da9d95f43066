import CThreads

/// The threads that share a step's outputs; with one worker everything runs in the caller.
struct Workers {
  let pool: OpaquePointer?
  let count: Int

  /// Runs `task(context, index, worker)` for every index below `tasks`; returns when all are done.
  @inline(__always)
  func run(
    _ tasks: Int, _ context: UnsafeMutableRawPointer,
    _ task: @convention(c) (UnsafeMutableRawPointer?, Int, Int) -> Void
  ) {
    guard let pool, tasks > 1 else {
      for index in 0..<tasks { task(context, index, 0) }
      return
    }
    pare_pool_run(pool, tasks, task, context)
  }
}
