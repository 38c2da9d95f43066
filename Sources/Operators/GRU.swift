import HostTensors
import TensorTypes

/// ONNX GRU: a recurrent layer that mixes its state with a candidate (Cho et al. 2014).
///
/// z, r = f(X W' + H R' + Wb + Rb), H = (1 - z) * c + z * H, where the candidate c is
/// g(X W' + (r * H) R' + Wb + Rb), or with `linear_before_reset` g(X W' + Wb + r * (H R' + Rb)). Inputs:
/// X [T, B, I], W [D, 3H, I], R [D, 3H, H], and optionally B [D, 6H], sequence_lens [B], initial_h [D, B, H].
/// Outputs: Y [T, D, B, H] and Y_h [D, B, H]. With `layout` 1 the batch comes first.
public struct GRU: Operator {
  public static let kind = OperatorKind.gru

  let layer: RecurrentLayer<GRUCell>
  public var form: RecurrentForm { layer.form }
  /// Whether the reset gate multiplies the candidate's sum rather than the state in it.
  public var resetsSum: Bool { layer.cell.resetsSum }

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(3...6)
    try definition.requireOutputs(0...2)
    // Written as an integer; any number but 0 says yes.
    let resetsSum = try definition.int("linear_before_reset", default: 0) != 0
    layer = RecurrentLayer(
      form: try RecurrentForm(definition, functions: [.sigmoid, .tanh]), cell: GRUCell(resetsSum: resetsSum))
  }

  public var attributes: [String: AttributeValue] {
    var written = layer.form.attributes
    if resetsSum { written["linear_before_reset"] = .int(1) }
    return written
  }

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

/// Keeps z, r and the candidate, and what r acts on: H R' + Rb where `resetsSum`, otherwise r * H.
struct GRUCell: RecurrentCell {
  let resetsSum: Bool
  let gateCount = 3
  let keptCount = 4
  let hasMemory = false

  var recurrentTerms: [RecurrentTerm] {
    let candidate =
      resetsSum
      ? RecurrentTerm(gates: 2..<3, gradientBlock: 3, operand: .previousState)
      : RecurrentTerm(gates: 2..<3, gradientBlock: 2, operand: .kept(block: 3))
    return [.init(gates: 0..<2, gradientBlock: 0, operand: .previousState), candidate]
  }

  func advance<T: ProductElement>(_ step: CellStep<T>) {
    let hidden = step.pass.extents.hiddenSize
    let (f, g) = (step.pass.functions[0], step.pass.functions[1])
    step.addProduct(gates: 0..<2, operand: step.previous, rowStride: hidden, block: 0)
    if resetsSum {
      step.addProduct(gates: 2..<3, operand: step.previous, rowStride: hidden, block: 3)
    }
    step.forEachSequence(carriesMemory: false) { sequence, kept in
      for unit in 0..<hidden {
        let reset = f.value(at: kept[hidden + unit])
        kept[unit] = f.value(at: kept[unit])
        kept[hidden + unit] = reset
        if resetsSum {
          if let bias = step.recurrentBias { kept[3 * hidden + unit] += bias[2 * hidden + unit] }
          kept[2 * hidden + unit] += reset * kept[3 * hidden + unit]
        } else {
          kept[3 * hidden + unit] = reset * step.previous[sequence * hidden + unit]
        }
      }
    }
    if !resetsSum {
      step.addProduct(
        gates: 2..<3, operand: UnsafePointer(step.kept + 3 * hidden), rowStride: step.keptRow, block: 2)
    }
    step.forEachSequence(carriesMemory: false) { sequence, kept in
      for unit in 0..<hidden {
        let index = sequence * hidden + unit
        let candidate = g.value(at: kept[2 * hidden + unit])
        kept[2 * hidden + unit] = candidate
        step.state[index] = (1 - kept[unit]) * candidate + kept[unit] * step.previous[index]
      }
    }
  }

  func retreat<T: ProductElement>(_ step: CellRetreat<T>) {
    let hidden = step.pass.extents.hiddenSize
    let (f, g) = (step.pass.functions[0], step.pass.functions[1])
    step.forEachSequence { sequence, kept, gradient in
      for unit in 0..<hidden {
        let index = sequence * hidden + unit
        let (update, candidate) = (kept[unit], kept[2 * hidden + unit])
        let byState = step.stateGradient[index]
        gradient[unit] = byState * (step.previous[index] - candidate) * f.slope(atValue: update)
        gradient[2 * hidden + unit] = byState * (1 - update) * g.slope(atValue: candidate)
        if resetsSum { gradient[3 * hidden + unit] = gradient[2 * hidden + unit] * kept[hidden + unit] }
        step.stateGradient[index] = byState * update
      }
    }
    if !resetsSum {
      step.product(
        gates: 2..<3, block: 2, adds: false, target: step.keptGradient + 3 * hidden, targetRowStride: step.keptRow)
    }
    step.forEachSequence { sequence, kept, gradient in
      for unit in 0..<hidden {
        let index = sequence * hidden + unit
        let reset = kept[hidden + unit]
        let byReset =
          resetsSum
          ? gradient[2 * hidden + unit] * kept[3 * hidden + unit]
          : gradient[3 * hidden + unit] * step.previous[index]
        gradient[hidden + unit] = byReset * f.slope(atValue: reset)
        if !resetsSum { step.stateGradient[index] += gradient[3 * hidden + unit] * reset }
      }
    }
    step.product(gates: 0..<2, block: 0, adds: true, target: step.stateGradient, targetRowStride: hidden)
    if resetsSum {
      step.product(gates: 2..<3, block: 3, adds: true, target: step.stateGradient, targetRowStride: hidden)
    }
  }
}
