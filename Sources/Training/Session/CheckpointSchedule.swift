/// Where and how often a run is kept.
public struct CheckpointSchedule: Sendable {
  /// nil where nothing is kept.
  public let path: String?
  /// Work that may be lost at most.
  public let interval: Duration
  /// The file, once one has been written or read.
  public internal(set) var lastWritten: String?
  private var lastTime = ContinuousClock.now

  public init(path: String?, interval: Duration = .seconds(30), lastWritten: String? = nil) {
    self.path = path
    self.interval = interval
    self.lastWritten = lastWritten
  }

  /// Whether an epoch that ended should be kept: where epochs are short, one a second is.
  var isDueAfterEpoch: Bool { path != nil && (lastWritten == nil || lastTime.duration(to: .now) >= .seconds(1)) }

  var isDue: Bool { path != nil && lastTime.duration(to: .now) >= interval }

  mutating func write(_ checkpoint: Checkpoint) throws(TrainingError) {
    guard let path else { return }
    try checkpoint.write(to: path)
    lastWritten = path
    lastTime = .now
  }
}
