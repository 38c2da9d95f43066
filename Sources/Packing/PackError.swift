import Graph
import Operators
import TensorTypes

/// Why a graph cannot be packed.
public enum PackError: Error, Sendable {
  /// The device has no step for the node as it is used; the reason is a sentence fragment.
  case unsupported(node: String, kind: OperatorKind, reason: String)
  /// The value's element type is not one that the device stores.
  case unsupportedType(value: String, dtype: DType)
  /// A tensor without elements, or of a size beyond what a file can say.
  case unsupportedExtent(value: String, shape: [Int])
  /// Inference or folding failed.
  case graph(GraphError)
  /// The finished file does not load or run: a defect in the packer.
  case selfCheckFailed(reason: String)
  /// zlib refused to compress.
  case compressionFailed(code: Int32)
  /// The file would be larger than its header can say.
  case tooLarge(bytes: Int)
  /// The file could not be written.
  case writeFailed(path: String, reason: String)
}
