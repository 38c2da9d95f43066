import Datasets
import Graph
import ONNX

/// What can go wrong in training; every case carries the facts.
public enum TrainingError: Error, Sendable {
  case unreadable(path: String, reason: String)
  case unwritable(path: String, reason: String)
  case damagedCheckpoint(path: String, reason: String)
  /// The checkpoint belongs to another recipe, network or data set.
  case foreignCheckpoint(path: String)
  case recipe(RecipeError)
  case dataset(DatasetError)
  case network(NetworkError)
  case onnx(path: String, ONNXError)
  case graph(GraphError)
  /// The network has another number of inputs than the one that data sets feed.
  case inputCount(found: Int)
  case noOutput
  case noParameters
  /// No pattern names any parameter; `known` lists them.
  case nothingSelected(patterns: [String], known: [String])
  /// The gradient of the loss does not reach a parameter that is to be trained.
  case unreachable(parameter: String, node: String, reason: String)
  /// A network gives different outputs for a sample alone and in a batch, so it cannot be trained in batches.
  case batchDependent(output: String, reason: String)
  /// Labels or targets do not fit the loss or the outputs.
  case objective(expected: String, found: String)
  case loss(LossError)
  /// A number of the recipe is out of its range.
  case setting(InvalidSetting)
  /// What keeps a hyperparameter search from beginning, or from an end.
  case search(String)
  /// The folder holds a search of another recipe or of other settings.
  case foreignSearch(path: String)
  /// A value that is not finite: where it first appeared, and where the run can be taken up again.
  case notFinite(what: String, layer: String, epoch: Int, step: Int, checkpoint: String?)
  /// The user asked to stop; the run continues from `checkpoint`.
  case interrupted(checkpoint: String?, epoch: Int, step: Int)
}
