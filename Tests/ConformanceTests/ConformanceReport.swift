import Graph
import ONNX

/// A case, or with one `*` in its name several, that a judge need not pass.
struct ConformanceExclusion {
  enum Kind {
    /// Must be refused with a typed error: one that computes anything fails the test.
    case refused
    /// The vector itself is wrong, and was corrected later: must be computed, and differ.
    case corrected
  }

  var pattern: String
  var kind = Kind.refused
  var reason: String

  func matches(_ name: String) -> Bool {
    let parts = pattern.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return name == pattern }
    return name.count + 1 >= pattern.count && name.hasPrefix(parts[0]) && name.hasSuffix(parts[1])
  }
}

/// Runs cases through a judge and prints what became of each that did not pass.
struct ConformanceReport {
  struct Counts {
    var passed = 0
    var failed = 0
    var skipped = 0
  }

  private let judgeName: String

  init(judgedBy judgeName: String) { self.judgeName = judgeName }

  /// Prints a line for every skipped and failed case and a closing count.
  func run(
    _ cases: [ConformanceCase], excluded: [ConformanceExclusion], widensHalf: Bool = false,
    judge: ConformanceJudge
  ) -> Counts {
    var counts = Counts()
    var skips: [String: Int] = [:]
    for test in cases {
      let exclusion = excluded.first { $0.matches(test.name) }
      switch weigh(test.outcome(widensHalf: widensHalf, judge: judge), exclusion) {
      case .passed:
        counts.passed += 1
      case .skipped(let reason):
        counts.skipped += 1
        skips[reason, default: 0] += 1
        print("skipped \(test.name): \(reason)")
      case .refused(let reason), .failed(let reason):
        counts.failed += 1
        print("FAILED \(test.name): \(reason)")
      }
    }
    for (reason, count) in skips.sorted(by: { $0.key < $1.key }) { print("  \(count) skipped: \(reason)") }
    print(
      "ONNX conformance by \(judgeName): \(counts.passed) passed, \(counts.failed) failed, "
        + "\(counts.skipped) skipped")
    return counts
  }

  private func weigh(_ outcome: ConformanceOutcome, _ exclusion: ConformanceExclusion?) -> ConformanceOutcome {
    guard let exclusion else { return outcome }
    switch (outcome, exclusion.kind) {
    case (.skipped, _): return outcome
    case (.refused, .refused), (.failed, .corrected): return .skipped(exclusion.reason)
    case (.passed, _): return .failed("passes, but is listed as excluded: \(exclusion.reason)")
    case (.failed(let reason), .refused): return .failed("computed, but is listed as refused: \(reason)")
    case (.refused(let reason), .corrected): return .failed("refused, but is listed as computed: \(reason)")
    }
  }
}
