/// A function that the gates of a recurrent operator pass through, of those that ONNX names.
public enum GateFunction: String, CaseIterable, Sendable {
  case sigmoid = "Sigmoid"
  case tanh = "Tanh"
  case relu = "Relu"

  @inline(__always) func value<T: RealElement>(at x: T) -> T {
    switch self {
    case .sigmoid: 1 / (1 + T.exp(-x))
    case .tanh: T.tanh(x)
    case .relu: x < 0 ? 0 : x
    }
  }

  /// The derivative at the place where the function's value is `y`: 0 for Relu at 0.
  @inline(__always) func slope<T: RealElement>(atValue y: T) -> T {
    switch self {
    case .sigmoid: y * (1 - y)
    case .tanh: 1 - y * y
    case .relu: y > 0 ? 1 : 0
    }
  }
}
