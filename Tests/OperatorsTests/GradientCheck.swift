import HostTensors
import Operators
import TensorTypes
import Testing

/// One operator whose gradients are compared with central differences of its own forward pass.
///
/// The loss is the sum of the outputs, each element times a fixed random weight. Inputs to differentiate
/// by are float64 (see `spread`), whose values Float holds too, so that the gradients in float32 can be
/// compared with those in float64; float32 inputs are checked as they are.
struct GradientCheck: Sendable, CustomTestStringConvertible {
  var operatorCase: OperatorCase
  /// The inputs to differentiate by, by index.
  var inputs: [Int]
  /// The outputs that the loss reads; gradients of the others are nil.
  var outputs: Set<Int>
  /// What the operator computes its outputs in, whatever the type of the inputs.
  var arithmetic: Arithmetic
  /// Half of the distance of a central difference, times max(1, |x|). Where each output is a polynomial of
  /// degree at most two in each single input, any step is exact, and 1 is best in single arithmetic.
  var step: Double
  /// A bound of the third derivative of the loss by any one input element.
  var thirdDerivative: Double
  /// The seed of a forward pass that is random.
  var seed: UInt64 = 7

  enum Arithmetic: Sendable {
    case single, double

    /// Distance of neighbouring numbers, relative to them.
    var ulp: Double { self == .single ? 0x1p-23 : 0x1p-52 }
  }

  /// `by` is all inputs of a float type where it is left out; `reading` is all outputs.
  init(
    _ opType: String, _ inputs: [Tensor?], _ attributes: [String: AttributeValue] = [:], opset: Int = canonicalOpset,
    outputCount: Int = 1, by: [Int]? = nil, reading: Set<Int>? = nil, arithmetic: Arithmetic = .double,
    step: Double? = nil, thirdDerivative: Double = 100
  ) {
    operatorCase = OperatorCase(opType, inputs, attributes, opset: opset, outputCount: outputCount)
    self.inputs = by ?? inputs.indices.filter { inputs[$0]?.dtype.isFloat == true }
    outputs = reading ?? Set(0..<outputCount)
    self.arithmetic = arithmetic
    self.step = step ?? (arithmetic == .single ? 1 : 1e-5)
    self.thirdDerivative = thirdDerivative
  }

  var testDescription: String {
    let shapes = operatorCase.inputs.map { $0.map { "\($0.shape)" } ?? "-" }.joined(separator: ", ")
    return "\(operatorCase.opType)(\(shapes)) by \(inputs)"
  }

  /// Records an issue for every gradient element that is not what differences say, and for every breach of
  /// the contract of `GradientRule`.
  func verify(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let pass = try TrainingPass(operatorCase, trained: inputs, seed: seed)
    let weights = lossWeights(pass.outputs)
    let all = try pass.gradients(by: Set(inputs), weights, sourceLocation: sourceLocation)
    for input in inputs {
      let alone = try pass.gradients(by: [input], weights, sourceLocation: sourceLocation)
      let gradient = try #require(all[input], "no gradient by input \(input)", sourceLocation: sourceLocation)
      let expected = try #require(alone[input], "no gradient by input \(input)", sourceLocation: sourceLocation)
      #expect(gradient.bytes == expected.bytes, "differs when wanted alone", sourceLocation: sourceLocation)
      try compareWithDifferences(input, gradient, weights, sourceLocation)
    }
    if operatorCase.inputs.contains(where: { $0?.dtype == .float64 }) {
      try compareWithSingle(all, weights, sourceLocation)
    }
  }

  /// Weights in -1...1, none near 0, that Float holds; nil for outputs that the loss does not read.
  private func lossWeights(_ results: [Tensor]) -> [Tensor?] {
    results.enumerated().map { index, output in
      guard outputs.contains(index) else { return nil }
      return spread(output.shape, seed: 991 + UInt64(index), in: -1...1, avoiding: [0]).cast(to: output.dtype)
    }
  }

  /// Central differences err by `step`^2 / 6 times the third derivative, and by the rounding of the outputs
  /// over the step: 16 units in the last place of what changes, for up to about as many operations each.
  private func compareWithDifferences(
    _ input: Int, _ gradient: Tensor, _ weights: [Tensor?], _ sourceLocation: SourceLocation
  ) throws {
    let tensor = try #require(operatorCase.inputs[input])
    var elements = tensor.doubles
    for (index, found) in gradient.doubles.enumerated() {
      let x = elements[index]
      let distance = step * max(1, x.magnitude)
      let (below, above) = (rounded(x - distance, tensor.dtype), rounded(x + distance, tensor.dtype))
      elements[index] = below
      let low = try loss(replacing: input, elements)
      elements[index] = above
      let high = try loss(replacing: input, elements)
      elements[index] = x
      var (difference, magnitude) = (0.0, 0.0)
      for (output, weight) in weights.enumerated() {
        guard let weight = weight?.doubles else { continue }
        for (position, (a, b)) in zip(low[output], high[output]).enumerated() where a != b {
          difference += weight[position] * (b - a)
          magnitude += weight[position].magnitude * max(a.magnitude, b.magnitude)
        }
      }
      let expected = difference / (above - below)
      // The gradient itself, of outputs in single arithmetic, may be rounded like them.
      let tolerance =
        distance * distance / 6 * thirdDerivative + 16 * arithmetic.ulp * (magnitude / distance + expected.magnitude)
      #expect(
        (found - expected).magnitude <= tolerance,
        "by input \(input) at \(index) of \(tensor.shape), x = \(x): \(found), not \(expected) within \(tolerance)",
        sourceLocation: sourceLocation)
    }
  }

  private func rounded(_ x: Double, _ dtype: DType) -> Double {
    arithmetic == .single || dtype == .float32 ? Double(Float(x)) : x
  }

  private func loss(replacing input: Int, _ elements: [Double]) throws -> [[Double]] {
    var replaced = operatorCase
    let tensor = try #require(replaced.inputs[input])
    replaced.inputs[input] = Tensor(shape: tensor.shape, elements: elements).cast(to: tensor.dtype)
    return try TrainingPass(replaced, trained: inputs, seed: seed).outputs.map(\.doubles)
  }

  /// The float32 gradient may differ from the float64 one by 32 units in the last place of the largest
  /// gradient: values and weights are the same, each element is a few operations or a sum of such.
  private func compareWithSingle(
    _ gradients: [Tensor?], _ weights: [Tensor?], _ sourceLocation: SourceLocation
  ) throws {
    var single = operatorCase
    single.inputs = single.inputs.map { $0?.dtype == .float64 ? $0?.cast(to: .float32) : $0 }
    let pass = try TrainingPass(single, trained: inputs, seed: seed)
    let narrowed = weights.map { $0?.dtype == .float64 ? $0?.cast(to: .float32) : $0 }
    let found = try pass.gradients(by: Set(inputs), narrowed, sourceLocation: sourceLocation)
    for input in inputs {
      let expected = try #require(gradients[input]).doubles
      let single = try #require(found[input], sourceLocation: sourceLocation).doubles
      let tolerance = 32 * 0x1p-23 * max(1, expected.map(\.magnitude).max() ?? 0)
      for (index, (a, b)) in zip(single, expected).enumerated() {
        #expect(
          (a - b).magnitude <= tolerance, "by input \(input) at \(index) in float32: \(a), not \(b)",
          sourceLocation: sourceLocation)
      }
    }
  }
}

/// One forward pass of an operator in training, from which gradients can be asked.
struct TrainingPass {
  let rule: GradientRule
  let inputs: [Tensor?]
  let outputs: [Tensor]
  let saved: [Tensor]

  /// Inputs in `trained` are known by type and shape alone; all others are constants to the operator.
  init(_ operatorCase: OperatorCase, trained: [Int], seed: UInt64 = 7) throws {
    let op = try operatorCase.makeOperator()
    let infos = operatorCase.inputs.enumerated().map { index, input in
      input.map { trained.contains(index) ? ValueInfo(dtype: $0.dtype, shape: $0.shape) : ValueInfo($0) }
    }
    guard case .flows(let rule) = op.differentiation(infos) else {
      throw OperatorError.invalid("no gradient flows through \(operatorCase.opType)")
    }
    self.rule = rule
    inputs = operatorCase.inputs
    if let forward = rule.forward {
      let result = try forward(ForwardCall(inputs: inputs, seed: seed))
      (outputs, saved) = (result.outputs, result.saved)
    } else {
      (outputs, saved) = (try op.evaluate(inputs), [])
    }
  }

  /// The gradients by the inputs of `wanted`, given those by the outputs. The rule gets no more than it says it reads.
  func gradients(
    by wanted: Set<Int>, _ outputGradients: [Tensor?], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> [Tensor?] {
    #expect(wanted.isSubset(of: rule.inputs), "the rule has no such inputs", sourceLocation: sourceLocation)
    let gradients = try rule.backward(
      BackwardCall(
        inputs: inputs.enumerated().map { rule.reads.inputs.contains($0) ? $1 : nil },
        inputShapes: inputs.map { $0?.shape },
        outputs: outputs.enumerated().map { rule.reads.outputs.contains($0) ? $1 : nil },
        saved: saved, outputGradients: outputGradients, wants: inputs.indices.map { wanted.contains($0) }))
    #expect(gradients.count == inputs.count, sourceLocation: sourceLocation)
    for (index, gradient) in gradients.enumerated() {
      guard wanted.contains(index) else {
        #expect(gradient == nil, "input \(index) is not wanted", sourceLocation: sourceLocation)
        continue
      }
      #expect(gradient?.shape == inputs[index]?.shape, sourceLocation: sourceLocation)
      #expect(gradient?.dtype == inputs[index]?.dtype, sourceLocation: sourceLocation)
    }
    return gradients
  }
}

/// Random float64 elements in `range`, at least `margin` from each of `avoiding`; Float holds them too.
func spread(
  _ shape: [Int], seed: UInt64 = 1, in range: ClosedRange<Double> = -2...2, avoiding kinks: [Double] = [],
  margin: Double = 0.05
) -> Tensor {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 88_172_645_463_325_252
  func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let unit = Double(state >> 40) * 0x1p-24
    return Double(Float(range.lowerBound + unit * (range.upperBound - range.lowerBound)))
  }
  let elements = (0..<shape.elementCount).map { _ in
    var x = next()
    while kinks.contains(where: { (x - $0).magnitude < margin }) { x = next() }
    return x
  }
  return Tensor(shape: shape, elements: elements)
}

/// Float64 elements in random order, no two of which are closer than `gap`: for operators that compare elements.
func distinct(_ shape: [Int], seed: UInt64 = 1, gap: Double = 0.0625) -> Tensor {
  let keys = spread(shape, seed: seed).doubles
  let order = keys.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
  var elements = [Double](repeating: 0, count: keys.count)
  for (rank, index) in order.enumerated() { elements[index] = (Double(rank) - Double(keys.count / 2)) * gap }
  return Tensor(shape: shape, elements: elements)
}

extension Tensor {
  /// The elements as Double.
  var doubles: [Double] { cast(to: .float64).elements(as: Double.self) }

  fileprivate var bytes: [UInt8] { withBytes { Array($0) } }
}
