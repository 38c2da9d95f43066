import HostTensors
import TensorTypes

/// The Gaussian error linear unit (ONNX Gelu).
public struct Gelu: Operator {
  public static let kind = OperatorKind.gelu

  public enum Approximation: String, CaseIterable, Sendable {
    /// x / 2 * (1 + erf(x / sqrt(2)))
    case none
    /// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
    case tanh
  }

  public let approximation: Approximation

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    approximation = try definition.choice("approximate", default: .none)
  }

  public var attributes: [String: AttributeValue] { ["approximate": .string(approximation.rawValue)] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([sameAsInput(inputs, "X", .float)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    try evaluateElements(inputs, "X")
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .table) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs, reads: .inputs(0)) { call, gradient throws(OperatorError) in
      let x = try call.inputs.required(0, "X")
      return switch approximation {
      case .none: try mapGradient(gradient, x, ErfGradient())
      case .tanh: try mapGradient(gradient, x, TanhGradient())
      }
    }
  }
}

extension Gelu: RealFunction {
  func value<T: RealElement>(at x: T) -> T {
    switch approximation {
    case .none: x * (1 + T.erf(x * T(0.5).squareRoot())) / 2
    case .tanh: x * (1 + T.tanh((2 / T.pi).squareRoot() * (x + 0.044715 * x * x * x))) / 2
    }
  }
}

/// Each form has a loop of its own, which a choice within it would keep from being vectorized.
private struct ErfGradient: ElementGradient {
  func gradient<T: RealElement>(_ upstream: T, _ x: T) -> T {
    let normal = T.normal(x)
    return upstream * (normal.cumulative + x * normal.density)
  }
}

private struct TanhGradient: ElementGradient {
  func gradient<T: RealElement>(_ upstream: T, _ x: T) -> T {
    let scale = 2 * (2 / T.pi).squareRoot()
    // (1 + tanh(u)) / 2 is the sigmoid of 2u, and what it lacks of 1 is e times as much.
    let e = T.fastExp(-scale * (x + 0.044715 * x * x * x))
    let sigmoid = 1 / (1 + e)
    let slope = scale * (1 + 3 * 0.044715 * x * x)
    return upstream * (sigmoid + x * sigmoid * (e * sigmoid) * slope)
  }
}
