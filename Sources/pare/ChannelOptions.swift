import ArgumentParser
import Measurement
import Pruning
import Training

/// What removing channels takes.
struct ChannelOptions: ParsableArguments {
  @Flag(help: "Remove whole channels instead of making weights zero.") var channels = false
  @Option(help: "With --channels, the share of multiply-accumulates that is to remain, such as 0.5.") var macs: Double?
  @Option(help: "With --channels, the share of parameters that is to remain.") var parameters: Double?
  @Option(help: "With --channels, the share of the parameters' bytes that is to remain.") var bytes: Double?
  @Flag(help: "With --channels, remove those that nothing reads any more, and only those: no value changes.")
  var unused = false
  @Option(help: "With --channels, what a channel is judged by: l1, l2, bn_scale, or taylor, which wants --data.")
  var importance = ChannelCriterion.l2
  @Option(help: "With --channels, keep multiples of this number of channels, which kernels like: 4 or 8.")
  var multiple = 1

  private var targets: [ChannelTarget] {
    [
      macs.map { ChannelTarget(.multiplyAccumulates, share: $0) },
      parameters.map { ChannelTarget(.parameters, share: $0) },
      bytes.map { ChannelTarget(.bytes, share: $0) },
    ].compactMap(\.self)
  }

  /// Errors where options of both ways to prune are given, or of neither.
  func validate(beside weights: WeightPruningOptions) throws {
    guard channels else {
      guard targets.isEmpty, !unused else {
        throw ValidationError("--macs, --parameters, --bytes and --unused: want --channels")
      }
      guard weights.sparsity != nil || weights.pattern.ownSparsity != nil else {
        throw ValidationError("--sparsity: is missing, and the pattern \(weights.pattern) sets none")
      }
      return
    }
    guard weights.sparsity == nil, weights.pattern.ownSparsity == nil, weights.layers.isEmpty else {
      throw ValidationError("--channels: removes channels; --sparsity, --pattern and --layer are of single weights")
    }
    let count = targets.count + (unused ? 1 : 0)
    guard count == 1 else {
      throw ValidationError("--channels: expected one of --macs, --parameters, --bytes and --unused, found \(count)")
    }
  }

  func pruning() -> ChannelPruning {
    var options = ChannelPruningOptions()
    options.criterion = importance
    options.multiple = multiple
    options.target = targets.first
    return ChannelPruning(options)
  }
}

extension ChannelCriterion: ExpressibleByArgument {}

/// What `pare prune --channels` reports.
struct ChannelPruneReport: Report {
  var channels: ChannelReport
  /// On the test data, where they are given: before, just after the channels went, and after training.
  var testBefore: TrainingReport.Figures?
  var testCut: TrainingReport.Figures?
  var testAfter: TrainingReport.Figures?
  /// What `metric` of these figures is.
  var metric: String?
  var training: TrainingReport?

  var text: String {
    var text = "\(channels)\n" + (training?.text ?? "")
    for (name, figures) in [("before:", testBefore), ("cut:   ", testCut), ("after: ", testAfter)] {
      if let figures, let metric { text += "test \(name) \(figures.text(metric))\n" }
    }
    return text
  }
}
