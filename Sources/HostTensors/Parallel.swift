import CThreads
import Glibc
import Synchronization

/// Work shared among the threads of one pool: loops whose passes write to different places.
///
/// Results do not depend on the number of threads as long as no pass adds to what another one adds to.
/// BLAS itself always runs on the calling thread (`MatrixProduct`), so cores are not fought over.
public enum Parallel {
  /// Threads that loops are shared among, in the whole process; 1...256, at first the cores of the machine.
  public static var threadCount: Int {
    get { shared.withLock { $0.threadCount } }
    set { shared.withLock { $0.threadCount = min(max(newValue, 1), 256) } }
  }

  /// Calls `body` once for every index below `count`, in any order, and returns when all calls have.
  ///
  /// Within a call, and while another thread is in a loop, the passes run one after the other.
  public static func forEach(_ count: Int, _ body: (Int) -> Void) {
    guard count > 1, let pool = shared.withLock({ $0.borrow() }) else {
      for index in 0..<count { body(index) }
      return
    }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: Context(body: body)) { context in
        pare_pool_run(
          pool, count, { context, index, _ in context!.assumingMemoryBound(to: Context.self).pointee.body(index) },
          UnsafeMutableRawPointer(mutating: context))
      }
    }
    shared.withLock { $0.isBusy = false }
  }

  /// Calls `body` with ranges that cover `0..<count`, each at least `grain` long unless it is the only one.
  ///
  /// The ranges depend on `count` and `grain` alone, never on the number of threads.
  public static func forEachRange(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    guard count > 0 else { return }
    let pieces = min(max(1, count / max(grain, 1)), 64)
    forEach(pieces) { piece in body(count * piece / pieces..<count * (piece + 1) / pieces) }
  }

  private struct Context {
    let body: (Int) -> Void
  }

  private struct Shared: @unchecked Sendable {
    var threadCount: Int
    var isBusy = false
    private var pool: OpaquePointer?
    private var poolThreads = 1

    init() { threadCount = min(max(Parallel.coreCount, 1), 256) }

    /// The pool, made anew where the number of threads has changed; nil where the loop should run here.
    mutating func borrow() -> OpaquePointer? {
      guard threadCount > 1, !isBusy else { return nil }
      if poolThreads != threadCount {
        pare_pool_destroy(pool)
        pool = pare_pool_create(threadCount)
        poolThreads = threadCount
      }
      isBusy = pool != nil
      return pool
    }
  }

  private static let shared = Mutex(Shared())

  /// Cores of this machine that are online.
  public static var coreCount: Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
