import Datasets
import Graph
import HostTensors
import Operators

/// What a run reduces, and the figure that people read beside it.
public protocol Objective {
  /// The values of the trained graph that the loss reads.
  var observed: [ValueID] { get }
  /// What `ObjectiveFigures.metric` is.
  var metric: ObjectiveMetric { get }
  /// The samples as the network takes them.
  func input(_ batch: Batch) -> Tensor
  /// Loss and metric of a batch of `source`, and the loss's gradients; `tensors` are those of `observed`.
  func evaluate(
    _ tensors: [Tensor], _ batch: Batch, of source: BatchSource
  ) throws(TrainingError) -> ObjectiveFigures
}

/// The figure beside a loss, the mean over samples.
public enum ObjectiveMetric: String, Sendable {
  /// The share of samples whose greatest score, or whose side of zero, is that of the label.
  case accuracy
  /// The same, with what a teacher says in the label's place.
  case agreement = "agreement with the teacher"
  case meanAbsoluteError = "mean absolute error"
}

/// What an objective says of one batch.
public struct ObjectiveFigures {
  public var loss: Double
  /// Summed over the samples of the batch.
  public var metric: Double
  /// By each of the observed values; nil where the loss does not depend on one.
  public var gradients: [Tensor?]

  public init(loss: Double, metric: Double, gradients: [Tensor?]) {
    self.loss = loss
    self.metric = metric
    self.gradients = gradients
  }
}

extension ValueInfo {
  /// The samples of `batch` as an input of this type and shape takes them, whatever its batch extent.
  package func input(_ batch: Batch) -> Tensor {
    let shaped = batch.inputs.reshaped([batch.count] + shape.dropFirst())
    return dtype == .float32 ? shaped : dtype.withElementType { shaped.converted(to: $0) }
  }
}
