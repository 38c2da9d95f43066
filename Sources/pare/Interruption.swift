import Foundation
import Synchronization

/// Ctrl-C and a polite kill, as a wish that long work looks at between its steps.
enum Interruption {
  private static let requests = Atomic<Int>(0)

  /// From now on the first SIGINT or SIGTERM is a wish, and the second one ends the process.
  static func listen() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        if Interruption.requests.add(1, ordering: .relaxed).oldValue > 0 { _exit(128 + number) }
      }
    }
    // A program that starts this one from a worker thread, where both are blocked, passes that on.
    var both = sigset_t()
    sigemptyset(&both)
    for number in [SIGINT, SIGTERM] { sigaddset(&both, number) }
    pthread_sigmask(SIG_UNBLOCK, &both, nil)
  }

  static var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }
}
