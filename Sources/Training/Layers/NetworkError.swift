import Graph
import Operators

/// A layer in a network, for errors.
public struct LayerPlace: Sendable, Equatable {
  /// Counts from 0 within its list.
  public var index: Int
  /// As in the names of its parameters: `conv2`, `residual1.conv1`.
  public var name: String
  /// Where the recipe lists it.
  public var place: RecipePlace
}

/// Why layers do not make a network; shapes are those of one sample, without the batch.
public enum NetworkError: Error, Sendable {
  /// What comes into the layer does not fit it.
  case shape(LayerPlace, expected: String, found: [Int])
  /// The layer's parameter has more elements than a network may have.
  case parameterTooLarge(LayerPlace, parameter: String, shape: [Int], limit: Int)
  /// An operator refuses what the layer makes of its arguments.
  case operatorFailed(LayerPlace, GraphError)
  /// The input has more elements than fit.
  case inputTooLarge(shape: [Int])
}

/// One English sentence per case, for the command line.
extension NetworkError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .shape(let layer, let expected, let found): "\(layer): expected \(expected), found \(found)"
    case .parameterTooLarge(let layer, let parameter, let shape, let limit):
      "\(layer): \(parameter) of shape \(shape) has more than \(limit) elements"
    case .operatorFailed(let layer, .operatorFailed(_, let kind, .invalid(let reason))):
      "\(layer): \(kind.rawValue): \(reason)"
    case .operatorFailed(let layer, let error): "\(layer): \(error)"
    case .inputTooLarge(let shape): "an input of shape \(shape) is too large"
    }
  }
}

extension LayerPlace: CustomStringConvertible {
  public var description: String { "\(place): layer \(index) (\(name))" }
}
