import HostTensors
import TensorTypes

extension Differentiation {
  /// `rule` where all its inputs that are present hold Float or Double, in which training computes.
  static func flows(_ inputs: [ValueInfo?], _ rule: GradientRule) -> Differentiation {
    for case let input? in rule.inputs.map({ inputs.optional($0) }) where input.dtype != .float32 {
      if input.dtype != .float64 { return .stops(reason: "works on \(input.dtype.name), not on float32 values") }
    }
    return .flows(rule)
  }

  /// A rule for input 0 of an operator of one output: `backward` makes its gradient of the output's.
  static func flowsToData(
    _ inputs: [ValueInfo?], reads: ForwardReads = .nothing,
    _ backward: @escaping @Sendable (BackwardCall, Tensor) throws(OperatorError) -> Tensor
  ) -> Differentiation {
    let rule = GradientRule(inputs: [0], reads: reads) { call throws(OperatorError) in
      try call.gradients { _ throws(OperatorError) in try backward(call, call.outputGradient) }
    }
    return flows(inputs, rule)
  }

  /// A rule for an operator whose output has the elements of input 0 in their order.
  static func flowsByReshaping(_ inputs: [ValueInfo?]) -> Differentiation {
    flowsToData(inputs) { call, gradient throws(OperatorError) in try gradient.reshaped(call.shape(0)) }
  }
}

extension ForwardReads {
  /// The inputs after the data: indices, axes and the like, which are small and stay anyway.
  static func parameters(_ inputs: [ValueInfo?]) -> ForwardReads {
    ForwardReads(inputs: Set(inputs.indices.dropFirst()))
  }
}

extension BackwardCall {
  /// The gradient by the output of an operator that has one.
  var outputGradient: Tensor {
    get throws(OperatorError) { try outputGradients.required(0, "the output's gradient") }
  }

  /// Extents of an input that is not omitted.
  func shape(_ input: Int) throws(OperatorError) -> [Int] { try inputShapes.required(input, "data") }

  /// The inputs as shape inference sees them; those that the rule does not read are of the gradient's type.
  var inputInfos: [ValueInfo?] {
    let dtype = outputGradients.lazy.compactMap(\.self).first?.dtype ?? .float32
    return inputShapes.enumerated().map { index, shape in
      inputs.optional(index).map { ValueInfo($0) } ?? shape.map { ValueInfo(dtype: dtype, shape: $0) }
    }
  }

  /// One gradient per input: what `gradient` gives for those that are wanted.
  func gradients(
    _ gradient: (_ input: Int) throws(OperatorError) -> Tensor
  ) throws(OperatorError) -> [Tensor?] {
    var gradients = [Tensor?](repeating: nil, count: inputShapes.count)
    for index in gradients.indices where wants[index] { gradients[index] = try gradient(index) }
    return gradients
  }
}
