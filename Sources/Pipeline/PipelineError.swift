import Datasets
import Graph
import Measurement
import ONNX
import Packing
import Training

/// What can go wrong in a pipeline beyond its stages; every case carries the facts.
public enum PipelineError: Error {
  case unwritable(path: String, reason: String)
  /// A stage needs a DATA file that the recipe does not name.
  case missingData(stage: Int, kind: StageKind, key: String)
  case missingOption(stage: Int, kind: StageKind, option: String)
  /// The stage's command ended with this exit code, having said why.
  case stageFailed(stage: Int, command: String, status: Int32)
  /// The user asked to stop; the same command goes on from there.
  case interrupted(stage: Int, command: String)
  case onnx(path: String, ONNXError)
  case graph(path: String, GraphError)
  case pack(path: String, PackError)
  case packed(PackedNetworkError)
  case dataset(DatasetError)
  case evaluation(path: String, EvaluationError)
}
