import Graph
import Training

/// Keeps the factors of learned step sizes sound: LSQ's scale for their gradients, and bounds.
///
/// Gradients are multiplied by 1 / sqrt(N q), N being the elements that share the step and q the greatest level
/// (Esser et al., 2020, section 2.2): it matters to plain descent and to clipping, while Adam cancels it.
public final class StepSizeRule: WeightRule {
  /// No step becomes more than so many times larger or smaller than the calibrated one.
  public static let greatestFactor: Float = 16

  private let gradientScales: [ValueID: Float]

  public init(_ network: FakeQuantizedNetwork) {
    let steps = Array(network.activationSteps.values) + Array(network.weightSteps.values)
    gradientScales = Dictionary(uniqueKeysWithValues: steps.map { ($0.factor, $0.gradientScale) })
  }

  public func prepareGradients(_ store: ParameterStore, step: Int) {
    for slice in store.slices {
      guard let scale = gradientScales[slice.value] else { continue }
      for index in slice.range { store.gradients[index] *= scale }
    }
  }

  public func adjustWeights(_ store: ParameterStore, step: Int) {
    for slice in store.slices where gradientScales[slice.value] != nil {
      for index in slice.range {
        store.values[index] = min(max(store.values[index], 1 / Self.greatestFactor), Self.greatestFactor)
      }
    }
  }
}
