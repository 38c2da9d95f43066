import Foundation
import HostTensors
import ModelFormat
import Runtime

/// Measures a packed model in this process: load, first and steady latency, memory.
public struct Benchmark {
  public var path: String
  public var instructionSet: String?
  public var threads = 1
  public var runs = 1_000
  public var warmUps = 50
  /// Stops early once this much time has gone into the counted runs.
  public var budget: Duration = .seconds(20)
  public var profilesSteps = false

  public init(path: String) { self.path = path }

  /// Errors: as loading.
  public func run() throws(PackedNetworkError) -> BenchReport {
    let network = try PackedNetwork(contentsOf: path, instructionSet: instructionSet, threads: threads)
    let model = network.model
    model.fillInputs(seed: 1, [])
    let first = time { model.run() }
    for _ in 0..<warmUps { model.run() }
    var samples: [Double] = []
    samples.reserveCapacity(runs)
    let clock = ContinuousClock()
    let start = clock.now
    for _ in 0..<max(runs, 1) {
      samples.append(time { model.run() })
      if clock.now - start > budget { break }
    }
    let statistics = LatencyStatistics(microseconds: samples)
    return BenchReport(
      latency: statistics ?? LatencyStatistics(microseconds: [first])!, loadMicroseconds: network.loadMicroseconds,
      firstMicroseconds: first, peakResidentBytes: Benchmark.peakResidentBytes,
      arenaBytes: Int(model.header.arenaBytes), macs: Int(model.header.multiplyAccumulates),
      isa: network.instructionSet, threads: model.threads,
      steps: profilesSteps ? profile(model, names: network.names(.stepName)) : nil)
  }

  /// The median of every step over a number of whole runs.
  private func profile(_ model: Model, names: [String]) -> [BenchReport.StepRow] {
    let rounds = 200
    var samples = [[Double]](repeating: [], count: model.stepCount)
    for _ in 0..<rounds {
      for step in 0..<model.stepCount { samples[step].append(time { model.runStep(step) }) }
    }
    return (0..<model.stepCount).map { step in
      BenchReport.StepRow(
        index: step, kind: "\(model.stepCode(step).name)", name: step < names.count ? names[step] : "",
        macs: model.stepMultiplyAccumulates(step), us: samples[step].sorted()[rounds / 2])
    }
  }

  private func time(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    return clock.measure(body).microseconds
  }

  /// Peak resident bytes of this process so far.
  static var peakResidentBytes: Int {
    var usage = rusage()
    guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
    return Int(usage.ru_maxrss) * 1024
  }
}
