import Graph
import Operators

/// Which inputs of an operator carry the values that its integer form computes on.
enum ValueInputs {
  case all
  case only([Int])
}

extension OperatorKind {
  /// The other inputs are shapes, indices, conditions, bounds, fill values or weights, and stay as they are.
  var valueInputs: ValueInputs {
    switch self {
    case .add, .sub, .mul, .div, .min, .max, .concat:
      .all
    case .where:
      .only([1, 2])
    case .matMul:
      .only([0, 1])
    case .conv, .convTranspose, .gemm, .batchNormalization, .layerNormalization, .lstm, .gru, .rnn, .relu, .leakyRelu,
      .pRelu, .clip, .sigmoid, .hardSigmoid,
      .hardSwish, .tanh, .elu, .softplus, .erf, .gelu, .softmax, .logSoftmax, .maxPool, .averagePool,
      .globalAveragePool, .globalMaxPool, .pow, .sqrt, .exp, .log, .neg, .abs, .reduceMean, .reduceSum, .reduceMax,
      .argMax, .flatten, .reshape, .transpose, .squeeze, .unsqueeze, .split, .slice, .gather, .shape, .constant,
      .constantOfShape, .cast, .expand, .pad, .equal, .greater, .less, .not, .and, .or, .identity, .dropout, .resize,
      .quantizeLinear, .dequantizeLinear:
      .only([0])
    }
  }
}

extension Node {
  /// Positions in `inputs` of the values that the integer form `form` computes on, omitted ones left out.
  func valueInputPositions(_ form: IntegerForm) -> [Int] {
    let positions: [Int]
    switch form {
    case .accumulate(let weightInput, _):
      positions = [weightInput == 0 ? 1 : 0]
    case .table, .floatOnly:
      positions = [0]
    case .sameScale, .rescaled:
      switch kind.valueInputs {
      case .all: positions = Array(inputs.indices)
      case .only(let listed): positions = listed
      }
    }
    return positions.filter { $0 < inputs.count && inputs[$0] != nil }
  }
}
