import Operators

/// Something a user of the packed network should know about one node.
public enum PackNote: Sendable, Equatable {
  /// Computed in float although its inputs are quantized.
  case stayedFloat(node: String, kind: OperatorKind, reason: String)
  /// Integer weights widened to float while packing.
  case weightsDequantized(node: String, reason: String)
  /// A bias that was not int32 at the accumulator's scale was rounded to it.
  case biasRequantized(node: String, reason: String)
  /// A copy was needed between two memory layouts.
  case layoutCopied(node: String, bytes: Int)

  public var node: String {
    switch self {
    case .stayedFloat(let node, _, _), .weightsDequantized(let node, _), .biasRequantized(let node, _),
      .layoutCopied(let node, _):
      node
    }
  }

  /// A sentence fragment that says what happened and why.
  public var reason: String {
    switch self {
    case .stayedFloat(_, let kind, let reason): "\(kind.rawValue) is computed in float: \(reason)"
    case .weightsDequantized(_, let reason): "the weights are stored as float: \(reason)"
    case .biasRequantized(_, let reason): "the bias was rounded to the accumulator's scale: \(reason)"
    case .layoutCopied(_, let bytes): "\(bytes) bytes are copied into another layout"
    }
  }
}
