import HostTensors
import TensorTypes

/// ONNX RNN: the plain recurrent layer, H = f(X W' + H R' + Wb + Rb) (Elman 1990).
///
/// Inputs: X [T, B, I], W [D, H, I], R [D, H, H], and optionally B [D, 2H], sequence_lens [B], initial_h [D, B, H].
/// Outputs: Y [T, D, B, H] and Y_h [D, B, H]. With `layout` 1 the batch comes first.
public struct RNN: Operator {
  public static let kind = OperatorKind.rnn

  let layer: RecurrentLayer<RNNCell>
  public var form: RecurrentForm { layer.form }

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(3...6)
    try definition.requireOutputs(0...2)
    layer = RecurrentLayer(form: try RecurrentForm(definition, functions: [.tanh]), cell: RNNCell())
  }

  public var attributes: [String: AttributeValue] { layer.form.attributes }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try layer.inferOutputs(inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int {
    layer.multiplyAccumulates(inputs)
  }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    try layer.forward(inputs).outputs
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .forFloatData(inputs, .floatOnly(reason: "its state is fed back, and rounding it would add up over time"))
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    layer.channelCoupling(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation { layer.differentiation() }
}

/// Keeps the state.
struct RNNCell: RecurrentCell {
  let gateCount = 1
  let keptCount = 1
  let hasMemory = false
  var recurrentTerms: [RecurrentTerm] { [.init(gates: 0..<1, gradientBlock: 0, operand: .previousState)] }

  func advance<T: ProductElement>(_ step: CellStep<T>) {
    let hidden = step.pass.extents.hiddenSize
    let f = step.pass.functions[0]
    step.addProduct(gates: 0..<1, operand: step.previous, rowStride: hidden, block: 0)
    step.forEachSequence(carriesMemory: false) { sequence, kept in
      for unit in 0..<hidden {
        kept[unit] = f.value(at: kept[unit])
        step.state[sequence * hidden + unit] = kept[unit]
      }
    }
  }

  func retreat<T: ProductElement>(_ step: CellRetreat<T>) {
    let hidden = step.pass.extents.hiddenSize
    let f = step.pass.functions[0]
    step.forEachSequence { sequence, kept, gradient in
      for unit in 0..<hidden {
        gradient[unit] = step.stateGradient[sequence * hidden + unit] * f.slope(atValue: kept[unit])
        step.stateGradient[sequence * hidden + unit] = 0
      }
    }
    step.product(gates: 0..<1, block: 0, adds: true, target: step.stateGradient, targetRowStride: hidden)
  }
}
