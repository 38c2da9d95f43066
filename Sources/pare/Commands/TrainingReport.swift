import Foundation
import Measurement
import Training

/// What `pare train` and `pare finetune` report at the end.
struct TrainingReport: Report {
  struct Figures: Codable {
    var loss: Double
    var metric: Double
    var samples: Int

    init(_ figures: RunningFigures) {
      loss = figures.meanLoss
      metric = figures.meanMetric
      samples = figures.samples
    }

    /// `name` is what the metric is.
    func text(_ name: String) -> String {
      let value = name == "accuracy" ? String(format: "%.2f %%", 100 * metric) : String(format: "%.4g", metric)
      return String(format: "loss %.4g, %@ %@ on %d samples", loss, name, value, samples)
    }
  }

  var metric: String
  var epochs: Int
  /// Whose weights were written.
  var epoch: Int
  var steps: Int
  var parameters: Int
  var peakTensorBytes: Int?
  var seconds: Double
  var samplesPerSecond: Double
  var history: [EpochReport]
  var test: Figures?

  init(_ outcome: TrainingOutcome, test: RunningFigures?, metric: String) {
    self.metric = metric
    epochs = outcome.history.count
    epoch = outcome.epoch
    steps = outcome.steps
    parameters = outcome.trainedParameters
    peakTensorBytes = outcome.peakTensorBytes
    history = outcome.history
    seconds = history.reduce(0) { $0 + $1.seconds }
    samplesPerSecond = history.reduce(0) { $0 + $1.samplesPerSecond } / Double(max(history.count, 1))
    self.test = test.map(Figures.init)
  }

  init(_ outcome: AdversarialSession.Outcome) {
    metric = "discriminator right"
    epochs = outcome.history.count
    epoch = epochs
    steps = outcome.steps
    parameters = outcome.parameters
    history = outcome.history
    seconds = history.reduce(0) { $0 + $1.seconds }
    samplesPerSecond = history.reduce(0) { $0 + $1.samplesPerSecond } / Double(max(history.count, 1))
  }

  var text: String {
    var text = String(
      format: "trained %d parameters for %d epochs (%d steps) in %.1f s, %.0f samples/s\n", parameters, epochs, steps,
      seconds, samplesPerSecond)
    if epoch != epochs { text += "kept the weights of epoch \(epoch)\n" }
    if let test { text += "test: \(test.text(metric))\n" }
    return text
  }

  /// Loss and metric against the epoch, as one picture.
  var learningCurves: String {
    func chart(_ title: String, _ training: (EpochReport) -> Double?, _ validation: (EpochReport) -> Double?)
      -> LineChart
    {
      func points(_ value: (EpochReport) -> Double?) -> [LineChart.Point] {
        history.compactMap { report in value(report).map { LineChart.Point(Double(report.epoch), $0) } }
      }
      var series = [LineChart.Series("training", points(training))]
      let checked = points(validation)
      if !checked.isEmpty { series.append(LineChart.Series("validation", checked, style: .dashedLine)) }
      return LineChart(title, x: PlotAxis("epoch"), y: PlotAxis(title), series: series)
    }
    return PlotStack([
      chart("loss", \.loss, \.validationLoss), chart(metric, \.metric, \.validationMetric),
    ]).svg
  }
}
