import Graph
import HostTensors

/// What calibration saw of every float value of a graph. Its size does not depend on the number of samples.
public struct CalibrationStatistics: Sendable {
  /// By value name.
  public private(set) var observers: [String: ActivationObserver] = [:]
  public private(set) var sampleCount = 0

  public init() {}

  mutating func observe(_ tensor: Tensor, name: String) {
    guard tensor.dtype == .float32 else { return }
    observers[name, default: ActivationObserver()].observe(tensor, sample: sampleCount)
  }

  mutating func finishSample() { sampleCount += 1 }
}
