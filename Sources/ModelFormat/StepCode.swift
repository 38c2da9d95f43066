/// The closed set of steps a .pare program is made of; the number is what the file stores.
public enum StepCode: UInt8, Sendable, CaseIterable {
  case convolutionInt8 = 1
  case convolutionFloat = 2
  case depthwiseInt8 = 3
  case depthwiseFloat = 4
  case maxPool = 5
  case averagePoolInt8 = 6
  case averagePoolFloat = 7
  case addInt8 = 8
  case mulInt8 = 9
  case table = 10
  case quantize = 11
  case dequantize = 12
  case binaryFloat = 13
  case unaryFloat = 14
  case softmax = 15
  case reduce = 16
  case argMax = 17
  case copy = 18
  case fill = 19
  case gather = 20
  case interpolate = 21
  case select = 22
  case cast = 23
  case matMul = 24
  case compare = 25
  case recurrent = 26
  case layerNormalization = 27

  /// The name used in listings and profiles.
  public var name: StaticString {
    switch self {
    case .convolutionInt8: "convolution-int8"
    case .convolutionFloat: "convolution-float"
    case .depthwiseInt8: "depthwise-int8"
    case .depthwiseFloat: "depthwise-float"
    case .maxPool: "max-pool"
    case .averagePoolInt8: "average-pool-int8"
    case .averagePoolFloat: "average-pool-float"
    case .addInt8: "add-int8"
    case .mulInt8: "mul-int8"
    case .table: "table"
    case .quantize: "quantize"
    case .dequantize: "dequantize"
    case .binaryFloat: "binary-float"
    case .unaryFloat: "unary-float"
    case .softmax: "softmax"
    case .reduce: "reduce"
    case .argMax: "arg-max"
    case .copy: "copy"
    case .fill: "fill"
    case .gather: "gather"
    case .interpolate: "interpolate"
    case .select: "select"
    case .cast: "cast"
    case .matMul: "matmul"
    case .compare: "compare"
    case .recurrent: "recurrent"
    case .layerNormalization: "layer-normalization"
    }
  }
}

/// Two-operand float functions of the `binaryFloat` step.
public enum BinaryFunction: UInt32, Sendable, CaseIterable {
  case add = 1
  case sub, mul, div, pow, min, max
  /// x where x >= 0, else x * slope (ONNX PRelu).
  case pRelu
}

/// One-operand float functions of the `unaryFloat` step; `alpha` and `beta` are the step's parameters.
public enum UnaryFunction: UInt32, Sendable, CaseIterable {
  /// min(max(x, alpha), beta); NaN passes through.
  case clip = 1
  case leakyRelu, elu, sigmoid, hardSigmoid, hardSwish, tanh, softplus, erf
  /// ONNX Gelu: exact, and with approximate="tanh".
  case gelu, geluTanh
  case exp, log, sqrt, neg, abs
}

/// What the `reduce` step computes over its axis.
public enum ReduceFunction: UInt32, Sendable, CaseIterable {
  case mean = 1
  case sum, max
}

/// What the `compare` step computes; `and` and `or` take bool operands.
public enum CompareFunction: UInt32, Sendable, CaseIterable {
  case equal = 1
  case greater, less, and, or
}
