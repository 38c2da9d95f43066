import HostTensors
import Operators
import TensorTypes

extension Graph {
  /// Turns MatMul of a flowing matrix by a constant one into Gemm, which can take a bias.
  mutating func turnMatMulsIntoGemms(_ report: inout SimplificationReport) {
    for index in nodes.indices where nodes[index].kind == .matMul {
      let infos = inputInfos(of: nodes[index])
      guard infos.count == 2, let left = infos[0], let right = infos[1]?.constant, left.constant == nil,
        left.shape.count == 2, right.rank == 2, right.dtype == .float32,
        let gemm = try? Gemm(NodeDefinition(opType: OperatorKind.gemm.rawValue, inputCount: 2))
      else { continue }
      nodes[index].op = gemm
      report.rewrites.append(.init(rule: .matMulBecameGemm, node: nodes[index].name))
    }
  }

  /// Folds an affine step per channel into the weight and the bias of the node before it.
  ///
  /// (W x + b) * scale + shift = (scale W) x + (scale b + shift), where nothing else reads W x + b. Jacob et
  /// al., "Quantization and Training of Neural Networks", section 3.2, folds batch normalization so.
  mutating func foldAffineSteps(_ report: inout SimplificationReport) {
    let consumers = consumers()
    var producers = producers()
    var folded: Set<Int> = []
    for index in nodes.indices {
      guard let (input, step) = affineStep(nodes[index]), let producer = producers[input],
        isReadOnce(input, consumers), let output = nodes[index].outputs.first ?? nil,
        self[input].info?.shape == self[output].info?.shape,
        fold(step, intoNode: producer, consumers)
      else { continue }
      report.rewrites.append(.init(rule: .affineFolded, node: nodes[index].name, into: nodes[producer].name))
      nodes[producer].outputs = [output]
      producers[output] = producer
      folded.insert(index)
    }
    nodes = nodes.enumerated().filter { !folded.contains($0.offset) }.map(\.element)
  }

  /// Writes the scaled weight and the new bias of node `index`; false where it has no such parameters.
  private mutating func fold(_ step: AffineStep, intoNode index: Int, _ consumers: [ValueID: [Int]]) -> Bool {
    let node = nodes[index]
    guard node.inputs.count >= 2, let weightID = node.inputs[1], let weight = self[weightID].constant,
      weight.dtype == .float32, let axis = OutputChannels(node, weight: weight.shape),
      let step = step.spread(over: axis.count)
    else { return false }
    var bias = [Double](repeating: 0, count: axis.count)
    let biasID = node.inputs.count > 2 ? node.inputs[2] : nil
    if let biasID {
      guard let given = self[biasID].constant, given.dtype == .float32,
        let spread = axis.spreadBias(given)
      else { return false }
      bias = spread.map { $0 * axis.biasFactor }
    }
    let scaled = weight.scaled(by: step.scale) { axis.channel(ofElement: $0) }
    let shifted = (0..<axis.count).map { Float(step.scale[$0] * bias[$0] + step.shift[$0]) }
    let newBias = Tensor(shape: [axis.count], elements: shifted)
    guard scaled.withElements(as: Float.self, { $0.allSatisfy(\.isFinite) }), shifted.allSatisfy(\.isFinite),
      let op = axis.operatorWithPlainBias(node)
    else { return false }
    nodes[index].op = op
    let weightName = self[weightID].name
    let biasName = biasID.map { self[$0].name } ?? "\(node.name)_bias"
    let newWeight = replaceConstant(weightID, named: weightName, by: scaled, consumers)
    let newBiasID = replaceConstant(biasID, named: biasName, by: newBias, consumers)
    nodes[index].inputs = [node.inputs[0], newWeight, newBiasID]
    return true
  }

  /// Changes the constant in place where nothing else reads it, and adds another one where something does.
  private mutating func replaceConstant(
    _ id: ValueID?, named name: String, by tensor: Tensor, _ consumers: [ValueID: [Int]]
  ) -> ValueID {
    // A constant without consumers was added by a fold before this one.
    guard let id, (consumers[id]?.count ?? 0) <= 1, !outputs.contains(id) else {
      return addConstant(name: name, tensor)
    }
    self[id].info = ValueInfo(tensor)
    return id
  }
}

/// y = x * scale + shift with one number per channel, or one for all.
private struct AffineStep {
  var scale: [Double]
  var shift: [Double]

  /// One pair per channel, nil where the counts do not fit.
  func spread(over count: Int) -> AffineStep? {
    func spread(_ numbers: [Double]) -> [Double]? {
      if numbers.count == count { return numbers }
      return numbers.count == 1 ? [Double](repeating: numbers[0], count: count) : nil
    }
    guard let scale = spread(scale), let shift = spread(shift) else { return nil }
    return AffineStep(scale: scale, shift: shift)
  }
}

extension Graph {
  /// The value that the node changes and the change, where the node is an affine step per channel.
  private func affineStep(_ node: Node) -> (ValueID, AffineStep)? {
    switch node.kind {
    case .batchNormalization: return normalization(node)
    case .add: return arithmetic(node, right: { (1, $0) }, left: { (1, $0) })
    case .sub: return arithmetic(node, right: { (1, -$0) }, left: { (-1, $0) })
    case .mul: return arithmetic(node, right: { ($0, 0) }, left: { ($0, 0) })
    case .div: return arithmetic(node, right: { (1 / $0, 0) }, left: nil)
    case .conv, .convTranspose, .gemm, .matMul, .layerNormalization, .lstm, .gru, .rnn, .relu, .leakyRelu, .pRelu,
      .clip, .sigmoid, .hardSigmoid, .hardSwish,
      .tanh, .elu, .softplus, .erf, .gelu, .softmax, .logSoftmax, .maxPool, .averagePool, .globalAveragePool,
      .globalMaxPool, .pow, .sqrt, .exp, .log, .neg, .abs, .min, .max, .reduceMean, .reduceSum, .reduceMax, .argMax,
      .flatten, .reshape, .transpose, .squeeze, .unsqueeze, .concat, .split, .slice, .pad, .gather, .shape, .constant,
      .constantOfShape, .cast, .expand, .where, .equal, .greater, .less, .not, .and, .or, .identity, .dropout, .resize,
      .quantizeLinear, .dequantizeLinear:
      return nil
    }
  }

  private func normalization(_ node: Node) -> (ValueID, AffineStep)? {
    guard let op = node.op as? BatchNormalization, !op.isTraining, node.inputs.count == 5, let input = node.inputs[0],
      node.outputs.dropFirst().allSatisfy({ $0 == nil })
    else { return nil }
    let statistics = node.inputs[1...].compactMap { $0.flatMap { self[$0].constant }?.floats.map { Double($0) } }
    guard statistics.count == 4 else { return nil }
    let scale = zip(statistics[0], statistics[3]).map { $0 / ($1 + Double(op.epsilon)).squareRoot() }
    let shift = scale.indices.map { statistics[1][$0] - statistics[2][$0] * scale[$0] }
    guard (scale + shift).allSatisfy(\.isFinite) else { return nil }
    return (input, AffineStep(scale: scale, shift: shift))
  }

  /// `right` and `left` give scale and shift where the second or the first operand is the constant.
  private func arithmetic(
    _ node: Node, right: (Double) -> (Double, Double), left: ((Double) -> (Double, Double))?
  ) -> (ValueID, AffineStep)? {
    guard node.inputs.count == 2, let first = node.inputs[0], let second = node.inputs[1] else { return nil }
    let (value, pairs): (ValueID, [(Double, Double)])
    if let numbers = channelConstant(second, beside: first) {
      (value, pairs) = (first, numbers.map(right))
    } else if let left, let numbers = channelConstant(first, beside: second) {
      (value, pairs) = (second, numbers.map(left))
    } else {
      return nil
    }
    guard pairs.allSatisfy({ $0.0.isFinite && $0.1.isFinite }) else { return nil }
    return (value, AffineStep(scale: pairs.map(\.0), shift: pairs.map(\.1)))
  }

  /// The elements of a constant that, broadcast to `value`, differs along axis 1 only.
  private func channelConstant(_ id: ValueID, beside value: ValueID) -> [Double]? {
    guard let tensor = self[id].constant, tensor.dtype == .float32, self[value].constant == nil,
      let shape = self[value].info?.shape, shape.count >= 2, tensor.rank <= shape.count
    else { return nil }
    let aligned = [Int](repeating: 1, count: shape.count - tensor.rank) + tensor.shape
    for axis in shape.indices where aligned[axis] != 1 {
      guard axis == 1, aligned[axis] == shape[axis] else { return nil }
    }
    return tensor.floats.map { Double($0) }
  }
}

/// Where the output channels lie in the weight of a Conv, ConvTranspose or Gemm.
private struct OutputChannels {
  private let kind: OperatorKind
  /// Channels of the output.
  let count: Int
  /// Elements between one channel of the weight's channel axis and the next.
  private let stride: Int
  /// Extent of the weight's channel axis.
  private let extent: Int
  /// Elements of the weight that one group takes (ConvTranspose); channels restart with each.
  private let groupStride: Int
  /// What the bias is multiplied by: Gemm's beta.
  private(set) var biasFactor = 1.0

  init?(_ node: Node, weight: [Int]) {
    kind = node.kind
    guard weight.count >= 2, !weight.contains(0) else { return nil }
    if node.op is Conv {
      (count, extent) = (weight[0], weight[0])
      stride = weight[1...].reduce(1, *)
      groupStride = Int.max
    } else if let op = node.op as? ConvTranspose {
      extent = weight[1]
      count = weight[1] * op.group
      stride = weight[2...].reduce(1, *)
      groupStride = weight.elementCount / op.group
    } else if let op = node.op as? Gemm {
      let axis = op.transposesB ? 0 : 1
      (count, extent) = (weight[axis], weight[axis])
      stride = axis == 0 ? weight[1] : 1
      groupStride = Int.max
      biasFactor = Double(op.beta)
    } else {
      return nil
    }
  }

  func channel(ofElement index: Int) -> Int {
    index / stride % extent + index / groupStride * extent
  }

  /// The bias as one number per channel; nil where it differs along the batch (Gemm's C).
  func spreadBias(_ bias: Tensor) -> [Double]? {
    guard bias.shape.dropLast().allSatisfy({ $0 == 1 }), bias.count == count || bias.count == 1 else { return nil }
    let numbers = bias.floats.map { Double($0) }
    return numbers.count == count ? numbers : [Double](repeating: numbers[0], count: count)
  }

  /// The node's operator with a bias that counts once.
  func operatorWithPlainBias(_ node: Node) -> (any Operator)? {
    guard biasFactor != 1 else { return node.op }
    var attributes = node.op.attributes
    attributes["beta"] = nil
    return try? Gemm(NodeDefinition(opType: OperatorKind.gemm.rawValue, attributes: attributes, inputCount: 3))
  }
}

extension Tensor {
  /// Each float times the factor of its channel.
  fileprivate func scaled(by factors: [Double], channel: (Int) -> Int) -> Tensor {
    withElements(as: Float.self) { source in
      Tensor(shape: shape, of: Float.self) { target in
        for index in source.indices { target[index] = Float(Double(source[index]) * factors[channel(index)]) }
      }
    }
  }
}
