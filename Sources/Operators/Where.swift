import HostTensors
import TensorTypes

/// Elements of X where the condition holds, else of Y, with broadcasting (ONNX Where).
public struct Where: Operator {
  public static let kind = OperatorKind.where

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(3)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try output(inputs.infos)
    let (condition, x, y) = (
      try inputs.required(0, "condition"), try inputs.required(1, "X"), try inputs.required(2, "Y")
    )
    return [selected(condition, x, y, output)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .floatOnly(reason: "selects by a truth value") }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      inputs,
      GradientRule(inputs: [1, 2], reads: .inputs(0)) { call throws(OperatorError) in
        let (condition, gradient) = (try call.inputs.required(0, "condition"), try call.outputGradient)
        let zero = Tensor(scalar: Float(0)).cast(to: gradient.dtype)
        return try call.gradients { input throws(OperatorError) in
          let (x, y) = input == 1 ? (gradient, zero) : (zero, gradient)
          return try selected(condition, x, y, ValueInfo(dtype: gradient.dtype, shape: gradient.shape))
            .summed(to: call.shape(input))
        }
      })
  }

  private func selected(_ condition: Tensor, _ x: Tensor, _ y: Tensor, _ output: ValueInfo) -> Tensor {
    switch output.dtype.byteCount {
    case 1: select(condition, x, y, output, UInt8.self)
    case 2: select(condition, x, y, output, UInt16.self)
    case 4: select(condition, x, y, output, UInt32.self)
    default: select(condition, x, y, output, UInt64.self)
    }
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let condition = try inputs.required(0, "condition")
    let (x, y) = (try inputs.required(1, "X"), try inputs.required(2, "Y"))
    try condition.requireType(0, .bool)
    try y.requireType(2, x.dtype)
    return try .checked(x.dtype, broadcastShape([condition.shape, x.shape, y.shape]))
  }
}

/// Selects by row among elements of the width of `Carrier`.
private func select<Carrier: BitwiseCopyable>(
  _ condition: Tensor, _ x: Tensor, _ y: Tensor, _ output: ValueInfo, _: Carrier.Type
) -> Tensor {
  let operands = [condition, x, y]
  let walk = StridedWalk(
    shape: output.shape, strides: operands.map { broadcastStrides($0.shape, to: output.shape) })
  return condition.withBytes { truths in
    x.withBytes { x in
      y.withBytes { y in
        Tensor(dtype: output.dtype, shape: output.shape) { target in
          let (x, y) = (x.assumingMemoryBound(to: Carrier.self), y.assumingMemoryBound(to: Carrier.self))
          let target = target.assumingMemoryBound(to: Carrier.self)
          guard !walk.isEmpty else { return }
          let (truthStride, xStride, yStride) = (walk.rowStride(0), walk.rowStride(1), walk.rowStride(2))
          walk.forEachPiece { start, offsets, count in
            let (truthStart, xStart, yStart) = (offsets[0], offsets[1], offsets[2])
            @inline(__always) func select(_ truthStride: Int, _ xStride: Int, _ yStride: Int) {
              for index in 0..<count {
                let (fromX, fromY) = (x[xStart + index * xStride], y[yStart + index * yStride])
                target[start + index] = truths[truthStart + index * truthStride] != 0 ? fromX : fromY
              }
            }
            // Loops of their own for the strides that occur most.
            switch (truthStride, xStride, yStride) {
            case (1, 1, 1): select(1, 1, 1)
            case (1, 1, 0): select(1, 1, 0)
            case (1, 0, 1): select(1, 0, 1)
            default: select(truthStride, xStride, yStride)
            }
          }
        }
      }
    }
  }
}
