import Graph
import HostTensors
import ModelFormat
import Operators

extension Lowering {
  /// Adds the steps of one node and defines its outputs.
  func lower(_ node: Node) throws(PackError) {
    if try fold(node) { return }
    for case let output? in node.outputs where !(consumers[output] ?? []).isEmpty || outputs.contains(output) {
      try checkStorable(output)
    }
    switch node.kind {
    case .conv: try lowerConv(node)
    case .convTranspose: try lowerConvTranspose(node)
    case .gemm: try lowerGemm(node)
    case .matMul: try lowerMatMul(node)
    case .batchNormalization: try lowerBatchNormalization(node)
    case .layerNormalization: try lowerLayerNormalization(node)
    case .lstm: try lowerRecurrent(node, operation(node, LSTM.self).form, .lstm)
    case .gru:
      let gru = try operation(node, GRU.self)
      try lowerRecurrent(node, gru.form, gru.resetsSum ? .gruResettingSum : .gru)
    case .rnn: try lowerRecurrent(node, operation(node, RNN.self).form, .rnn)
    case .relu: try lowerUnary(node, .clip, alpha: 0, beta: .infinity)
    case .leakyRelu: try lowerUnary(node, .leakyRelu, alpha: operation(node, LeakyRelu.self).alpha)
    case .pRelu: try lowerBinary(node, .pRelu)
    case .clip: try lowerClip(node)
    case .sigmoid: try lowerUnary(node, .sigmoid)
    case .hardSigmoid:
      let operation = try operation(node, HardSigmoid.self)
      try lowerUnary(node, .hardSigmoid, alpha: operation.alpha, beta: operation.beta)
    case .hardSwish: try lowerUnary(node, .hardSwish)
    case .tanh: try lowerUnary(node, .tanh)
    case .elu: try lowerUnary(node, .elu, alpha: operation(node, Elu.self).alpha)
    case .softplus: try lowerUnary(node, .softplus)
    case .erf: try lowerUnary(node, .erf)
    case .gelu: try lowerUnary(node, operation(node, Gelu.self).approximation == .tanh ? .geluTanh : .gelu)
    case .softmax: try lowerSoftmax(node, operation(node, Softmax.self).axis, logarithm: false)
    case .logSoftmax: try lowerSoftmax(node, operation(node, LogSoftmax.self).axis, logarithm: true)
    case .maxPool: try lowerMaxPool(node)
    case .averagePool: try lowerAveragePool(node)
    case .globalAveragePool: try lowerGlobalAveragePool(node)
    case .globalMaxPool: try lowerGlobalMaxPool(node)
    case .add: try lowerBinary(node, .add)
    case .sub: try lowerBinary(node, .sub)
    case .mul: try lowerBinary(node, .mul)
    case .div: try lowerBinary(node, .div)
    case .pow: try lowerBinary(node, .pow)
    case .sqrt: try lowerUnary(node, .sqrt)
    case .exp: try lowerUnary(node, .exp)
    case .log: try lowerUnary(node, .log)
    case .neg: try lowerUnary(node, .neg)
    case .abs: try lowerUnary(node, .abs)
    case .min: try lowerVariadic(node, .min)
    case .max: try lowerVariadic(node, .max)
    case .reduceMean: try lowerReduce(node, operation(node, ReduceMean.self).axes, .mean)
    case .reduceSum: try lowerReduce(node, operation(node, ReduceSum.self).axes, .sum)
    case .reduceMax: try lowerReduce(node, operation(node, ReduceMax.self).axes, .max)
    case .argMax: try lowerArgMax(node)
    case .flatten, .reshape, .squeeze, .unsqueeze, .identity: try lowerAlias(node)
    case .dropout: try lowerDropout(node)
    case .transpose: try lowerTranspose(node)
    case .concat: try lowerConcat(node)
    case .split: try lowerSplit(node)
    case .slice: try lowerSlice(node)
    case .pad: try lowerPad(node)
    case .gather: try lowerGather(node)
    case .shape, .constant, .constantOfShape: throw unsupported(node, "its result depends on computed values")
    case .cast: try lowerCast(node)
    case .expand: try lowerExpand(node)
    case .where: try lowerWhere(node)
    case .equal: try lowerCompare(node, .equal)
    case .greater: try lowerCompare(node, .greater)
    case .less: try lowerCompare(node, .less)
    case .not: try lowerNot(node)
    case .and: try lowerCompare(node, .and)
    case .or: try lowerCompare(node, .or)
    case .resize: try lowerResize(node)
    case .quantizeLinear: try lowerQuantize(node)
    case .dequantizeLinear: try lowerDequantize(node)
    }
  }

  /// Computes a node whose inputs are all known; whether that was possible.
  ///
  /// A DequantizeLinear over constants stays: its integers are what the file stores.
  private func fold(_ node: Node) throws(PackError) -> Bool {
    if node.kind == .dequantizeLinear { return false }
    let known = node.outputs.allSatisfy { $0.map { graph[$0].constant != nil } ?? true }
    if known { return true }
    var inputs: [Tensor?] = []
    for id in node.inputs {
      guard let id else {
        inputs.append(nil)
        continue
      }
      // The shape of a computed value is known all the same.
      guard let value = constant(id) ?? (node.kind == .shape ? shapeOnly(id) : nil) else { return false }
      inputs.append(value)
    }
    let results = try attempt(node) { () throws(OperatorError) in try node.op.evaluate(inputs) }
    for (output, result) in zip(node.outputs, results) {
      if let output { define(output, .constant(result)) }
    }
    return true
  }

  private func shapeOnly(_ id: ValueID) -> Tensor {
    Tensor(dtype: .bool, shape: shape(id), storage: TensorStorage(zeroedByteCount: shape(id).elementCount))
  }
}
