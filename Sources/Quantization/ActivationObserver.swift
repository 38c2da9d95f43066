import HostTensors

/// What calibration remembers of one value: extremes, a histogram and what was not finite. Constant memory.
public struct ActivationObserver: Sendable {
  /// Extremes of the finite elements; 0 and 0 before any was seen.
  public private(set) var minimum: Float = 0
  public private(set) var maximum: Float = 0
  public private(set) var histogram = Histogram()
  public private(set) var nanCount = 0
  public private(set) var infiniteCount = 0
  /// The first sample, from 0, in which an element was NaN or infinite.
  public private(set) var firstNonFiniteSample: Int?
  private var isEmpty = true

  public init() {}

  /// Adds the elements of one float32 tensor; `sample` is the index of the sample that it belongs to.
  public mutating func observe(_ tensor: Tensor, sample: Int) {
    tensor.withElements(as: Float.self) { observe($0, sample: sample) }
  }

  public mutating func observe(_ elements: UnsafeBufferPointer<Float>, sample: Int) {
    var low = Float.infinity
    var high = -Float.infinity
    var nonFinite = false
    for element in elements {
      if element.isFinite {
        low = min(low, element)
        high = max(high, element)
      } else {
        nonFinite = true
      }
    }
    if nonFinite { countNonFinite(elements, sample: sample) }
    guard low <= high else { return }
    minimum = isEmpty ? low : min(minimum, low)
    maximum = isEmpty ? high : max(maximum, high)
    isEmpty = false
    histogram.add(elements, minimum: low, maximum: high)
  }

  private mutating func countNonFinite(_ elements: UnsafeBufferPointer<Float>, sample: Int) {
    nanCount += elements.count { $0.isNaN }
    infiniteCount += elements.count { $0.isInfinite }
    firstNonFiniteSample = firstNonFiniteSample ?? sample
  }

  /// The range that `method` chooses. It includes zero and lies within the extremes seen and zero.
  public func range(by method: CalibrationMethod) -> ClosedRange<Float> {
    let full = min(minimum, 0)...max(maximum, 0)
    let chosen: ClosedRange<Double>
    switch method {
    case .minMax: return full
    case .percentile(let percent): chosen = histogram.percentileRange(percent)
    case .meanSquaredError: chosen = histogram.leastSquaresRange(levels: 256)
    case .entropy: chosen = histogram.leastDivergenceRange(levels: 128)
    }
    // Bins reach beyond the extremes by less than their width.
    let low = max(Float(chosen.lowerBound), full.lowerBound)
    let high = min(Float(chosen.upperBound), full.upperBound)
    return min(low, 0)...max(high, 0)
  }
}
