import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct GradientTests {
  @Test(arguments: GradientCases.elements + GradientCases.clips)
  func gradientsOfElementFunctionsMatchDifferences(_ check: GradientCheck) throws { try check.verify() }

  @Test(arguments: GradientCases.pairs + GradientCases.powers + GradientCases.slopes + GradientCases.extremes)
  func gradientsThroughBroadcastingMatchDifferences(_ check: GradientCheck) throws { try check.verify() }

  @Test(arguments: GradientCases.softmaxes + GradientCases.reductions)
  func gradientsOfReductionsMatchDifferences(_ check: GradientCheck) throws { try check.verify() }

  @Test(arguments: GradientCases.shapes + GradientCases.expansions + GradientCases.joints)
  func gradientsOfReshapingMatchDifferences(_ check: GradientCheck) throws { try check.verify() }

  @Test(arguments: GradientCases.slices + GradientCases.pads + GradientCases.gathers + GradientCases.resizes)
  func gradientsOfSamplingMatchDifferences(_ check: GradientCheck) throws { try check.verify() }

  /// At 3 differences of HardSwish lie between the slopes of its two sides, so no gradient matches them.
  @Test func aWrongGradientIsAnIssue() throws {
    let kink = GradientCheck("HardSwish", [Tensor(shape: [1], elements: [3.0])])
    withKnownIssue { try kink.verify() }
  }

  /// Every operator answers: a gradient that the cases check, or a reason.
  @Test(arguments: OperatorKind.allCases)
  func everyOperatorHasACheckedGradientOrAReason(_ kind: OperatorKind) throws {
    switch kind.gradientAnswer {
    case .checkedHere:
      #expect(GradientCases.all.contains { $0.operatorCase.opType == kind.rawValue })
    case .checkedBeside:
      #expect(!GradientCases.all.contains { $0.operatorCase.opType == kind.rawValue })
    case .stops(let operatorCase):
      guard case .stops(let reason) = try operatorCase.makeOperator().differentiation(operatorCase.inputs.infos) else {
        Issue.record("\(kind) passes a gradient")
        return
      }
      #expect(!reason.isEmpty && operatorCase.opType == kind.rawValue)
    }
  }

  @Test(arguments: GradientCases.all)
  func integersHaveNoGradient(_ check: GradientCheck) throws {
    var integers = check.operatorCase
    integers.inputs = integers.inputs.map { $0?.dtype == .float64 ? $0?.cast(to: .int64) : $0 }
    let op = try integers.makeOperator()
    guard case .stops(let reason) = op.differentiation(integers.inputs.infos) else {
      Issue.record("a gradient passes through integers")
      return
    }
    #expect(!reason.isEmpty)
  }
}

private enum GradientAnswer {
  case checkedHere
  /// In the tests of its own family.
  case checkedBeside
  case stops(OperatorCase)
}

extension OperatorKind {
  fileprivate var gradientAnswer: GradientAnswer {
    let pair: [Tensor?] = [floats([1, 2]), floats([2, 1])]
    let truthPair: [Tensor?] = [truths([true, false]), truths([true, true])]
    switch self {
    case .leakyRelu, .pRelu, .clip, .sigmoid, .hardSigmoid, .hardSwish, .tanh, .elu, .softplus, .erf, .gelu, .softmax,
      .logSoftmax, .sub, .mul, .div, .pow, .sqrt, .exp, .log, .neg, .abs, .min, .max, .reduceMean, .reduceSum,
      .reduceMax, .flatten, .reshape, .transpose, .squeeze, .unsqueeze, .concat, .split, .slice, .pad, .gather, .cast,
      .expand, .where, .identity, .resize:
      return .checkedHere
    case .conv, .convTranspose, .gemm, .matMul, .batchNormalization, .relu, .maxPool, .averagePool,
      .globalAveragePool, .globalMaxPool, .add, .dropout, .lstm, .gru, .rnn, .layerNormalization, .quantizeLinear,
      .dequantizeLinear:
      return .checkedBeside
    case .argMax, .shape: return .stops(OperatorCase(rawValue, [floats([1, 2])]))
    case .constant: return .stops(OperatorCase(rawValue, [], ["value_float": .float(1)]))
    case .constantOfShape: return .stops(OperatorCase(rawValue, [int64s([2])]))
    case .equal, .greater, .less: return .stops(OperatorCase(rawValue, pair))
    case .not: return .stops(OperatorCase(rawValue, [truths([true])]))
    case .and, .or: return .stops(OperatorCase(rawValue, truthPair))
    }
  }
}
