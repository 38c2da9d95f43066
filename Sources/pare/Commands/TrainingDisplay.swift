import Foundation
import Training

/// A run as it goes: a bar on a terminal, a line for each epoch elsewhere, and the log file.
final class TrainingDisplay {
  private let metric: String
  private let log: FileHandle?
  private let encoder = JSONEncoder()
  private var lastDrawn = ContinuousClock.now
  private let start = ContinuousClock.now
  private var stepsSeen = 0

  /// Opens the log; a run that goes on adds to it. Errors: `.unwritable`.
  init(metric: String, log path: String?, isResumed: Bool) throws(TrainingError) {
    self.metric = metric
    encoder.outputFormatting = .sortedKeys
    guard let path else {
      log = nil
      return
    }
    if !isResumed || !FileManager.default.fileExists(atPath: path) {
      guard FileManager.default.createFile(atPath: path, contents: nil) else {
        throw .unwritable(path: path, reason: String(cString: strerror(errno)))
      }
    }
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw .unwritable(path: path, reason: String(cString: strerror(errno)))
    }
    _ = try? handle.seekToEnd()
    log = handle
  }

  func show(_ event: TrainingEvent) {
    switch event {
    case .step(let report): draw(report)
    case .epoch(let report):
      finish(report)
    case .stoppedEarly(let epoch):
      Console.note("stopped after epoch \(epoch): the validation figure no longer improves")
    }
  }

  /// At most ten times a second, and at the end of an epoch.
  private func draw(_ report: StepReport) {
    stepsSeen += 1
    guard Console.isTerminal else { return }
    let now = ContinuousClock.now
    guard report.batch == report.batches || lastDrawn.duration(to: now) > .milliseconds(100) else { return }
    lastDrawn = now
    let filled = report.batch * 20 / max(report.batches, 1)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled)
    let done = (report.epoch - 1) * report.batches + report.batch
    let left = report.epochs * report.batches - done
    let elapsed = start.duration(to: now)
    let perStep = elapsed.inSeconds / Double(stepsSeen)
    let text =
      "\repoch \(report.epoch)/\(report.epochs) [\(bar)] loss \(Self.figure(report.loss)) \(metric) "
      + "\(shown(report.metric)) \(Int(report.samplesPerSecond)) samples/s \(Self.clock(perStep * Double(left))) left \u{1B}[K"
    FileHandle.standardError.write(Data(text.utf8))
  }

  private func finish(_ report: EpochReport) {
    var line = "epoch \(report.epoch): loss \(Self.figure(report.loss)), \(metric) \(shown(report.metric))"
    if let loss = report.discriminatorLoss { line += ", discriminator loss \(Self.figure(loss))" }
    if let loss = report.validationLoss, let value = report.validationMetric {
      line += "; validation loss \(Self.figure(loss)), \(metric) \(shown(value))"
    }
    line += String(format: "; %.0f samples/s", report.samplesPerSecond)
    Console.write(Console.isTerminal ? "\r\(line)\u{1B}[K" : line)
    guard let log, var data = try? encoder.encode(report) else { return }
    data.append(UInt8(ascii: "\n"))
    log.write(data)
  }

  /// Shares as percentages.
  private func shown(_ value: Double) -> String {
    metric == "mean absolute error" ? Self.figure(value) : String(format: "%.2f %%", 100 * value)
  }

  private static func figure(_ value: Double) -> String { String(format: "%.4g", value) }

  private static func clock(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e9).rounded())
    return whole < 60
      ? "\(whole) s" : whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}
