import ArgumentParser
import Measurement

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures latency and memory of a packed model on this machine.",
    discussion: """
      Runs the device's runtime in this process: load time, first and steady latency (percentiles), \
      peak resident memory of the process, arena, and with --profile the median of every step. For \
      the memory of the device itself, run the executable from `pare build`: its `bench` prints the same keys.

        pare bench model.pare --profile
        pare bench model.pare --max-latency-us 500   # exit code 5 above
      """)

  @Argument(help: "A .pare file.") var model: String
  @Option(help: "Counted runs.") var runs = 1_000
  @Option(help: "Runs before counting starts.") var warmUps = 50
  @Flag(help: "Add a row per step.") var profile = false
  @Option(help: "Fail with exit code 5 if the median is above this.") var maxLatencyUs: Double?
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard runs > 0, warmUps >= 0 else { throw ValidationError("--runs and --warm-ups must be positive") }
  }

  func run() throws {
    guard Reading.isPacked(model) else {
      throw CommandFailure("\(model): bench measures .pare files; make one with `pare pack`", .usage)
    }
    var benchmark = Benchmark(path: model)
    benchmark.instructionSet = runtime.isa
    benchmark.threads = runtime.threads
    benchmark.runs = runs
    benchmark.warmUps = warmUps
    benchmark.profilesSteps = profile
    let report: BenchReport
    do throws(PackedNetworkError) { report = try benchmark.run() } catch { throw error.failure }
    try output.print(report, else: report.table)
    if let limit = maxLatencyUs, report.latency.p50 > limit {
      throw CommandFailure(
        "the median latency is \(report.latency.p50.grouped(decimals: 1)) us, above the gate \(limit) us",
        .sizeOrLatencyGate)
    }
  }
}
