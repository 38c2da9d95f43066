import CLinux
import ModelFormat
import Runtime

/// `pare-run bench MODEL`: load, first and steady latency, memory, and with `--profile` a row per step.
struct BenchCommand {
  static func run(_ invocation: Invocation) throws(Failure) {
    let session = try Session(invocation)
    let model = session.model
    let first = timedRun(model)
    for _ in 0..<invocation.warmups { _ = timedRun(model) }
    var latencies: [UInt64] = []
    latencies.reserveCapacity(invocation.runs)
    for _ in 0..<invocation.runs { latencies.append(timedRun(model)) }
    sort(&latencies)
    let report = Report(isJSON: invocation.isJSON)
    report.add("latency_us") { report in
      report.add("min", microseconds: latencies[0])
      report.add("p50", microseconds: percentile(50, of: latencies))
      report.add("p90", microseconds: percentile(90, of: latencies))
      report.add("p99", microseconds: percentile(99, of: latencies))
    }
    report.add("load_us", microseconds: session.loadNanoseconds)
    report.add("first_us", microseconds: first)
    report.add("peak_rss_bytes", pare_peak_resident_bytes())
    report.add("arena_bytes", UInt64(model.header.arenaBytes))
    report.add("macs", model.header.multiplyAccumulates)
    report.add("isa", model.instructionSet.bytes)
    report.add("threads", model.threads)
    if invocation.isProfile { profile(model, runs: invocation.runs, report) }
    try report.finish()
  }

  /// Inputs are filled anew before each run, since a run may write over them; that is not timed.
  private static func timedRun(_ model: Model) -> UInt64 {
    fillInputs(model)
    let start = pare_monotonic_nanoseconds()
    model.run()
    return pare_monotonic_nanoseconds() - start
  }

  /// Floats from -1 to 1, integers of every byte.
  private static func fillInputs(_ model: Model) {
    let recipe = GoldenInput(scale: 1 / 128, offset: -1, modulus: 0)
    model.fillInputs(seed: 1, [GoldenInput](repeating: recipe, count: model.inputCount))
  }

  /// The median time of every step; what the calls of the clock themselves add is not taken off.
  private static func profile(_ model: Model, runs: Int, _ report: Report) {
    // Beyond some runs more of them only take memory.
    let runs = min(runs, 1000)
    var times = [[UInt64]](repeating: [], count: model.stepCount)
    for _ in 0..<runs {
      fillInputs(model)
      var before = pare_monotonic_nanoseconds()
      for step in 0..<model.stepCount {
        model.runStep(step)
        let after = pare_monotonic_nanoseconds()
        times[step].append(after - before)
        // Read again, so that keeping the time is not counted.
        before = pare_monotonic_nanoseconds()
      }
    }
    for step in 0..<model.stepCount { sort(&times[step]) }
    report.addList("profile", count: model.stepCount) { report, step in
      report.add("step", step)
      report.add("code", model.stepCode(step).name)
      report.add("name", model.name(.stepName, step))
      report.add("p50_us", microseconds: percentile(50, of: times[step]))
    }
  }

  /// The nearest-rank percentile of sorted values.
  private static func percentile(_ percent: Int, of sorted: [UInt64]) -> UInt64 {
    sorted[(sorted.count * percent + 99) / 100 - 1]
  }

  /// Shell's sort (Communications of the ACM 2(7), 1959), for its size.
  private static func sort(_ values: inout [UInt64]) {
    var gap = values.count / 2
    while gap > 0 {
      for index in gap..<values.count {
        let value = values[index]
        var place = index
        while place >= gap, values[place - gap] > value {
          values[place] = values[place - gap]
          place -= gap
        }
        values[place] = value
      }
      gap /= 2
    }
  }
}
