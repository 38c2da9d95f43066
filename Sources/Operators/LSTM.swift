import HostTensors
import TensorTypes

/// ONNX LSTM: a recurrent layer with a memory beside its state (Hochreiter and Schmidhuber 1997; Gers et al. 2000).
///
/// i, o, F = f(X W' + H R' + Wb + Rb), C~ = g(the same), C = F * C + i * C~, H = o * h(C). Inputs: X [T, B, I],
/// W [D, 4H, I], R [D, 4H, H], and optionally B [D, 8H], sequence_lens [B], initial_h and initial_c [D, B, H].
/// Outputs: Y [T, D, B, H], Y_h and Y_c [D, B, H]. With `layout` 1 the batch comes first. Peepholes are refused.
public struct LSTM: Operator {
  public static let kind = OperatorKind.lstm

  let layer: RecurrentLayer<LSTMCell>
  public var form: RecurrentForm { layer.form }

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(3...8)
    try definition.requireOutputs(0...3)
    guard definition.inputCount <= RecurrentInput.peepholes else { throw RecurrentForm.peepholesRefused }
    layer = RecurrentLayer(
      form: try RecurrentForm(definition, functions: [.sigmoid, .tanh, .tanh]), cell: LSTMCell())
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

/// Keeps i, o, F and C~.
struct LSTMCell: RecurrentCell {
  let gateCount = 4
  let keptCount = 4
  let hasMemory = true
  var recurrentTerms: [RecurrentTerm] { [.init(gates: 0..<4, gradientBlock: 0, operand: .previousState)] }

  func advance<T: ProductElement>(_ step: CellStep<T>) {
    let hidden = step.pass.extents.hiddenSize
    let (f, g, h) = (step.pass.functions[0], step.pass.functions[1], step.pass.functions[2])
    step.addProduct(gates: 0..<4, operand: step.previous, rowStride: hidden, block: 0)
    step.forEachSequence(carriesMemory: true) { sequence, kept in
      for unit in 0..<hidden {
        let index = sequence * hidden + unit
        let input = f.value(at: kept[unit])
        let output = f.value(at: kept[hidden + unit])
        let forget = f.value(at: kept[2 * hidden + unit])
        let candidate = g.value(at: kept[3 * hidden + unit])
        let memory = forget * step.previousMemory[index] + input * candidate
        kept[unit] = input
        kept[hidden + unit] = output
        kept[2 * hidden + unit] = forget
        kept[3 * hidden + unit] = candidate
        step.memory[index] = memory
        step.state[index] = output * h.value(at: memory)
      }
    }
  }

  func retreat<T: ProductElement>(_ step: CellRetreat<T>) {
    let hidden = step.pass.extents.hiddenSize
    let (f, g, h) = (step.pass.functions[0], step.pass.functions[1], step.pass.functions[2])
    step.forEachSequence { sequence, kept, gradient in
      for unit in 0..<hidden {
        let index = sequence * hidden + unit
        let (input, output) = (kept[unit], kept[hidden + unit])
        let (forget, candidate) = (kept[2 * hidden + unit], kept[3 * hidden + unit])
        let shown = h.value(at: step.memory[index])
        let byState = step.stateGradient[index]
        let byMemory = step.memoryGradient[index] + byState * output * h.slope(atValue: shown)
        gradient[unit] = byMemory * candidate * f.slope(atValue: input)
        gradient[hidden + unit] = byState * shown * f.slope(atValue: output)
        gradient[2 * hidden + unit] = byMemory * step.previousMemory[index] * f.slope(atValue: forget)
        gradient[3 * hidden + unit] = byMemory * input * g.slope(atValue: candidate)
        step.memoryGradient[index] = byMemory * forget
        step.stateGradient[index] = 0
      }
    }
    step.product(gates: 0..<4, block: 0, adds: true, target: step.stateGradient, targetRowStride: hidden)
  }
}
