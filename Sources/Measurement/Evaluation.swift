import Datasets
import HostTensors
import TensorTypes

/// Runs a data set through a network and collects its figures.
public struct Evaluation {
  public let network: Network
  public let dataset: Dataset

  public init(network: Network, dataset: Dataset) {
    self.network = network
    self.dataset = dataset
  }

  /// Labelled samples with several scores give classification figures; with one score, an AUC. Targets
  /// give the mean squared error. Outputs as wide as the input count as a reconstruction: mean squared
  /// error, and with labels of two classes the AUC of the error as a score of the second class.
  ///
  /// `progress` is told how many samples are done. Errors: `EvaluationError`.
  public func run(progress: (Int) -> Void = { _ in }) throws(EvaluationError) -> EvaluationReport {
    guard let input = network.inputs.first, network.inputs.count == 1 else {
      throw .inputCount(found: network.inputs.count)
    }
    var figures = Figures()
    for index in 0..<dataset.count {
      let sample: Tensor
      do throws(DatasetError) {
        sample = try dataset.sample(index, shapedFor: input.shape)
      } catch { throw .dataset(error) }
      let outputs: [Tensor]
      do throws(NetworkError) { outputs = try network.run([Evaluation.converted(sample, to: input.dtype)]) } catch {
        throw .network(sample: index, error)
      }
      guard let output = outputs.first else { throw .noOutput }
      try figures.add(
        output: output.floats, input: sample.floats, label: dataset.label(index), target: dataset.target(index),
        index: index)
      progress(index + 1)
    }
    return figures.report(samples: dataset.count, classes: dataset.classes)
  }

  /// Samples are float32; a network that takes integers gets their values.
  public static func converted(_ sample: Tensor, to dtype: DType) -> Tensor {
    dtype.withElementType { sample.converted(to: $0) }
  }
}

public enum EvaluationError: Error, Sendable {
  case dataset(DatasetError)
  case network(sample: Int, NetworkError)
  case inputCount(found: Int)
  case noOutput
  case labelOutOfRange(sample: Int, label: Int, classes: Int)
}

/// The sums an evaluation keeps, whichever of them the data allow.
private struct Figures {
  private var classification: ClassificationMetrics?
  private var squaredError = SquaredError()
  private var curve = AreaUnderCurve()
  private var hasCurve = false
  private var labels: Set<Int> = []

  mutating func add(
    output: [Float], input: [Float], label: Int?, target: [Float]?, index: Int
  ) throws(EvaluationError) {
    if let target, target.count == output.count {
      _ = squaredError.add(output: output, target: target)
      return
    }
    let isReconstruction = output.count == input.count && output.count > 1
    if isReconstruction {
      let error = squaredError.add(output: output, target: input)
      if let label { add(score: error, label: label) }
      return
    }
    guard let label else { return }
    if output.count == 1 {
      add(score: Double(output[0]), label: label)
      return
    }
    guard label >= 0, label < output.count else {
      throw .labelOutOfRange(sample: index, label: label, classes: output.count)
    }
    if classification == nil { classification = ClassificationMetrics(classCount: output.count) }
    classification?.add(scores: output, label: label)
    if output.count == 2 { add(score: Double(output[1]) - Double(output[0]), label: label) }
  }

  private mutating func add(score: Double, label: Int) {
    labels.insert(label)
    hasCurve = true
    curve.add(score: score, isPositive: label == 1)
  }

  func report(samples: Int, classes: [String]?) -> EvaluationReport {
    EvaluationReport(
      samples: samples, classification: classification, classNames: classes, mse: squaredError.mean,
      auc: hasCurve && labels.isSubset(of: [0, 1]) ? curve.value : nil)
  }
}
