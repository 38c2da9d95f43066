import Foundation

/// Standard error: messages, and progress where a person watches.
enum Console {
  static func write(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
  static func error(_ message: String) { write("pare: error: \(message)") }
  static func warning(_ message: String) { write("pare: warning: \(message)") }
  static func note(_ message: String) { write("pare: \(message)") }

  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}

/// A bar on standard error; nothing where standard error is not a terminal.
struct Progress {
  private let title: String
  private let total: Int
  private let isShown: Bool
  private var lastShown = -1
  private let start = ContinuousClock.now

  init(_ title: String, total: Int) {
    self.title = title
    self.total = total
    isShown = Console.isTerminal && total > 1
  }

  mutating func update(_ done: Int) {
    guard isShown else { return }
    let percent = done * 100 / total
    guard percent != lastShown else { return }
    lastShown = percent
    let filled = percent * 30 / 100
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
    let elapsed = start.duration(to: .now)
    let left = done == 0 ? 0 : Int(Double(elapsed.components.seconds) * Double(total - done) / Double(done))
    let text = "\r\(title) [\(bar)] \(percent)% \(done)/\(total)\(left > 0 ? ", \(left) s left" : "") "
    FileHandle.standardError.write(Data((text + (done == total ? "\n" : "")).utf8))
  }
}
