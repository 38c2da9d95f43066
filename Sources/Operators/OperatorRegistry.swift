/// Operators are structs named as in ONNX, one per file of that name. Where the Swift standard library
/// has a type of the name (Slice), the struct's name ends in `Operator`.
extension OperatorKind {
  /// The struct that implements the operator.
  public var type: any Operator.Type {
    switch self {
    case .conv: Conv.self
    case .convTranspose: ConvTranspose.self
    case .gemm: Gemm.self
    case .matMul: MatMul.self
    case .batchNormalization: BatchNormalization.self
    case .layerNormalization: LayerNormalization.self
    case .lstm: LSTM.self
    case .gru: GRU.self
    case .rnn: RNN.self
    case .relu: Relu.self
    case .leakyRelu: LeakyRelu.self
    case .pRelu: PRelu.self
    case .clip: Clip.self
    case .sigmoid: Sigmoid.self
    case .hardSigmoid: HardSigmoid.self
    case .hardSwish: HardSwish.self
    case .tanh: Tanh.self
    case .elu: Elu.self
    case .softplus: Softplus.self
    case .erf: Erf.self
    case .gelu: Gelu.self
    case .softmax: Softmax.self
    case .logSoftmax: LogSoftmax.self
    case .maxPool: MaxPool.self
    case .averagePool: AveragePool.self
    case .globalAveragePool: GlobalAveragePool.self
    case .globalMaxPool: GlobalMaxPool.self
    case .add: Add.self
    case .sub: Sub.self
    case .mul: Mul.self
    case .div: Div.self
    case .pow: Pow.self
    case .sqrt: Sqrt.self
    case .exp: Exp.self
    case .log: Log.self
    case .neg: Neg.self
    case .abs: Abs.self
    case .min: Min.self
    case .max: Max.self
    case .reduceMean: ReduceMean.self
    case .reduceSum: ReduceSum.self
    case .reduceMax: ReduceMax.self
    case .argMax: ArgMax.self
    case .flatten: Flatten.self
    case .reshape: Reshape.self
    case .transpose: Transpose.self
    case .squeeze: Squeeze.self
    case .unsqueeze: Unsqueeze.self
    case .concat: Concat.self
    case .split: Split.self
    case .slice: SliceOperator.self
    case .pad: Pad.self
    case .gather: Gather.self
    case .shape: Shape.self
    case .constant: Constant.self
    case .constantOfShape: ConstantOfShape.self
    case .cast: Cast.self
    case .expand: Expand.self
    case .where: Where.self
    case .equal: Equal.self
    case .greater: Greater.self
    case .less: Less.self
    case .not: Not.self
    case .and: And.self
    case .or: Or.self
    case .identity: Identity.self
    case .dropout: Dropout.self
    case .resize: Resize.self
    case .quantizeLinear: QuantizeLinear.self
    case .dequantizeLinear: DequantizeLinear.self
    }
  }
}

/// Reads a node of any operator Pare knows.
///
/// Throws `unsupportedOperator` for an unknown `opType`, and what the operator's initializer throws.
public func makeOperator(_ definition: NodeDefinition) throws(OperatorError) -> any Operator {
  guard let kind = OperatorKind(rawValue: definition.opType) else {
    throw .unsupportedOperator(definition.opType)
  }
  return try kind.type.init(definition)
}
