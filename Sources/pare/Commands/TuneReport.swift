import Foundation
import Measurement
import Training

/// A search as it goes: the bar of the running trial on a terminal, and a line for each trial that ends.
final class SearchDisplay {
  private let halving: SuccessiveHalving
  private let metric: MetricRecipe
  private var training: TrainingDisplay

  init(_ halving: SuccessiveHalving, metric: MetricRecipe) throws(TrainingError) {
    self.halving = halving
    self.metric = metric
    training = try TrainingDisplay(metric: "accuracy", log: nil, isResumed: false)
    let rungs = halving.rungs.map { "\($0.trials) for \($0.epochs)" }.joined(separator: ", ")
    Console.note("trials and epochs: \(rungs); \(halving.epochs) epochs in all")
  }

  func show(_ event: HyperparameterSearch.Event) {
    switch event {
    case .trial: break
    // The epochs of a trial are no news of their own.
    case .training(.step(let report)): training.show(.step(report))
    case .training: break
    case .trialEnded(let trial, let rung):
      let line =
        "rung \(rung + 1)/\(halving.rungs.count), trial \(trial.number) (\(trial.valuesInWords)): "
        + trial.resultInWords(metric)
      Console.write(Console.isTerminal ? "\r\(line)\u{1B}[K" : line)
    }
  }
}

/// What `pare tune` found.
struct TuneReport: Report {
  struct Trial: Codable {
    var number: Int
    var values: [SearchTrial.Change]
    /// kept, dropped or failed.
    var state: String
    /// Why it failed.
    var reason: String?
    var epochs: Int
    var validationLoss: Double?
    var validationMetric: Double?
  }

  /// Of the rungs: how many trials were trained how far.
  var rungs: [SuccessiveHalving.Rung]
  var rankedBy: String
  var metric: String
  var best: Int
  /// Best first.
  var trials: [Trial]
  private var ranking: [SearchTrial]
  private var ranker: MetricRecipe
  private var dimensions: [SearchDimension]

  private enum CodingKeys: String, CodingKey { case rungs, rankedBy, metric, best, trials }

  init(_ search: HyperparameterSearch) {
    rungs = search.halving.rungs
    rankedBy = search.metric.rawValue
    metric = search.metricName
    ranker = search.metric
    dimensions = search.dimensions
    ranking = search.ranking
    best = ranking.first?.number ?? 0
    trials = ranking.map(Trial.init)
  }

  var text: String {
    var table = TextTable(
      [.init("trial", .trailing), .init("epochs", .trailing), .init("validation loss", .trailing)]
        + [.init(metric, .trailing)] + dimensions.map { TextTable.Column($0.key, .trailing) } + [.init("")])
    for (trial, row) in zip(ranking, trials) {
      let values = trial.changes.isEmpty ? dimensions.map { _ in "" } : trial.changes.map(\.value)
      table.add(
        [
          "\(row.number)", "\(row.epochs)", row.validationLoss.map { String(format: "%.4g", $0) } ?? "-",
          row.validationMetric.map(shown) ?? "-",
        ] + values + [trial.changes.isEmpty ? "as the recipe stands" : row.reason ?? ""])
    }
    return table.rendered
  }

  /// Shares as percentages.
  private func shown(_ value: Double) -> String {
    metric == "accuracy" ? String(format: "%.2f %%", 100 * value) : String(format: "%.4g", value)
  }

  /// The figure that ranks against epochs, and against each value that is a number.
  var plot: String {
    let title = rankedBy.replacingOccurrences(of: "_", with: " ")
    let named = ranking.prefix(5)
    let others = ranking.dropFirst(5).flatMap { curve($0) + [LineChart.Point(.nan, .nan)] }
    let curves =
      named.map { LineChart.Series("trial \($0.number)", curve($0)) }
      + (others.isEmpty ? [] : [LineChart.Series("others", others, style: .dashedLine)])
    let clouds = dimensions.compactMap { dimension -> LineChart? in
      let isLogarithmic = if case .logUniform = dimension.range { true } else { false }
      let points = ranking.compactMap { trial -> LineChart.Point? in
        guard let value = trial.changes.first(where: { $0.key == dimension.key }).flatMap({ Double($0.value) }),
          let figure = trial.figure(ranker)
        else { return nil }
        return LineChart.Point(isLogarithmic ? log10(value) : value, figure)
      }
      guard !points.isEmpty else { return nil }
      return LineChart(
        "\(title) against \(dimension.key)",
        x: PlotAxis(isLogarithmic ? "log10 of \(dimension.key)" : dimension.key), y: PlotAxis(title),
        series: [LineChart.Series("trials", points, style: .points)])
    }
    let chart = LineChart("Trials", x: PlotAxis("epoch"), y: PlotAxis(title), series: curves)
    return PlotStack([chart] + clouds).svg
  }

  private func curve(_ trial: SearchTrial) -> [LineChart.Point] {
    trial.history.compactMap { report in
      ranker.figure(of: report).map { LineChart.Point(Double(report.epoch), $0) }
    }
  }
}

extension TuneReport.Trial {
  fileprivate init(_ trial: SearchTrial) {
    number = trial.number
    values = trial.changes
    switch trial.state {
    case .kept: state = "kept"
    case .dropped: state = "dropped"
    case .failed(let reason):
      state = "failed"
      self.reason = reason
    }
    epochs = trial.history.count
    let judged = trial.history.indices.contains(trial.epoch - 1) ? trial.history[trial.epoch - 1] : nil
    validationLoss = judged?.validationLoss
    validationMetric = judged?.validationMetric
  }
}

extension SearchTrial {
  fileprivate var valuesInWords: String {
    changes.isEmpty ? "as the recipe stands" : changes.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  fileprivate func resultInWords(_ metric: MetricRecipe) -> String {
    if case .failed(let reason) = state { return "failed: \(reason)" }
    let value = figure(metric) ?? .nan
    return metric == .validationAccuracy
      ? String(format: "validation accuracy %.2f %%", 100 * value) : String(format: "validation loss %.4g", value)
  }
}
