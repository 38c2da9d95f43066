import Graph
import HostTensors
import Operators
import TensorTypes

/// A small graph around each operator.
enum OperatorExample {
  /// Whether the example's inputs are float32, so that quantizing them makes sense.
  static func takesFloats(_ kind: OperatorKind) -> Bool {
    switch kind {
    case .and, .or, .not, .dequantizeLinear, .quantizeLinear, .constant, .constantOfShape, .shape: false
    case .conv, .convTranspose, .gemm, .matMul, .batchNormalization, .layerNormalization, .lstm, .gru, .rnn, .relu,
      .leakyRelu, .pRelu, .clip, .sigmoid,
      .hardSigmoid, .hardSwish, .tanh, .elu, .softplus, .erf, .gelu, .softmax, .logSoftmax, .maxPool, .averagePool,
      .globalAveragePool, .globalMaxPool, .add, .sub, .mul, .div, .pow, .sqrt, .exp, .log, .neg, .abs, .min, .max,
      .reduceMean, .reduceSum, .reduceMax, .argMax, .flatten, .reshape, .transpose, .squeeze, .unsqueeze, .concat,
      .split, .slice, .pad, .gather, .cast, .expand, .where, .equal, .greater, .less, .identity, .dropout, .resize:
      true
    }
  }

  /// Adds nodes of the operator in several forms; returns the outputs to compare.
  static func build(_ kind: OperatorKind, _ test: inout GraphUnderTest) throws -> [ValueID] {
    var numbers = TestNumbers(seed: 21)
    switch kind {
    case .relu, .leakyRelu, .clip, .sigmoid, .hardSigmoid, .hardSwish, .tanh, .elu, .softplus, .erf, .gelu, .exp, .neg,
      .abs, .identity, .dropout:
      return try unary(kind, &test)
    case .add, .sub, .mul, .div, .pow, .min, .max, .pRelu, .sqrt, .log:
      return try arithmetic(kind, &test, &numbers)
    case .equal, .greater, .less, .and, .or, .not, .where: return try logic(kind, &test)
    case .softmax, .logSoftmax, .reduceMean, .reduceSum, .reduceMax, .argMax: return try alongAxes(kind, &test)
    case .conv, .convTranspose, .gemm, .matMul, .batchNormalization: return try products(kind, &test, &numbers)
    case .layerNormalization: return try layerNormalization(&test, &numbers)
    case .lstm, .gru, .rnn: return try recurrent(kind, &test, &numbers)
    case .maxPool, .averagePool, .globalAveragePool, .globalMaxPool: return try pools(kind, &test)
    case .flatten, .reshape, .transpose, .squeeze, .unsqueeze, .expand, .cast, .shape, .constant, .constantOfShape,
      .quantizeLinear, .dequantizeLinear:
      return try shaping(kind, &test)
    case .concat, .split, .slice, .pad, .gather, .resize: return try movement(kind, &test, &numbers)
    }
  }

  private static func unary(_ kind: OperatorKind, _ test: inout GraphUnderTest) throws -> [ValueID] {
    let x = try test.data([2, 3, 4])
    let turned = try test.add(.transpose, [x], ["perm": .ints([2, 0, 1])])
    guard kind == .clip else { return [try test.add(kind, [x]), try test.add(kind, [turned])] }
    let low = test.constant(Tensor(scalar: Float(-0.25)))
    let high = test.constant(Tensor(scalar: Float(0.5)))
    return try [test.add(kind, [x, low, high]), test.add(kind, [x, nil, high]), test.add(kind, [turned, low])]
  }

  private static func arithmetic(
    _ kind: OperatorKind, _ test: inout GraphUnderTest, _ numbers: inout TestNumbers
  ) throws -> [ValueID] {
    let x = try test.data([2, 3, 4])
    // Positive and away from zero, where quotients, powers, roots and logarithms are tame.
    let positive = try test.add(.exp, [x])
    if kind == .sqrt || kind == .log { return [try test.add(kind, [positive])] }
    let row = test.constant(Tensor(shape: [4], elements: [0.5, 1, 1.5, 2] as [Float]))
    if kind == .pRelu { return [try test.add(kind, [x, row])] }
    let turned = try test.add(.transpose, [positive], ["perm": .ints([2, 1, 0])])
    let other = try test.data([4, 3, 2])
    let base = kind == .pow ? turned : try test.add(.add, [turned, turned])
    var outputs = try [
      test.add(kind, [positive, row]), test.add(kind, [row, positive]), test.add(kind, [other, base]),
    ]
    if kind == .pow { outputs[2] = try test.add(kind, [positive, test.integers([0, 1, 2, 3])]) }
    outputs.append(try test.add(kind, [positive, test.constant(Tensor(scalar: Float(2)))]))
    if kind == .min || kind == .max { outputs.append(try test.add(kind, [other, base, test.data([3, 1])])) }
    return outputs
  }

  private static func logic(_ kind: OperatorKind, _ test: inout GraphUnderTest) throws -> [ValueID] {
    if kind == .and || kind == .or || kind == .not {
      let a = test.input([2, 3], .bool)
      let b = test.input([3], .bool)
      return kind == .not ? [try test.add(kind, [a])] : [try test.add(kind, [a, b])]
    }
    let a = try test.data([2, 3])
    let b = try test.data([3])
    if kind != .where { return [try test.add(kind, [a, b]), try test.add(kind, [a, a])] }
    return [try test.add(.where, [test.add(.less, [a, b]), a, b])]
  }

  private static func alongAxes(_ kind: OperatorKind, _ test: inout GraphUnderTest) throws -> [ValueID] {
    let x = try test.data([2, 3, 4, 5])
    // Channels last in memory.
    let y = try test.add(.maxPool, [x], ["kernel_shape": .ints([1, 1])])
    switch kind {
    case .softmax, .logSoftmax:
      return try [
        test.add(kind, [y], ["axis": .int(1)]), test.add(kind, [y], ["axis": .int(-1)]),
        test.add(kind, [y], ["axis": .int(2)], opset: 11),
      ]
    case .argMax:
      return try [
        test.add(kind, [y], ["axis": .int(1)]), test.add(kind, [y], ["axis": .int(3), "keepdims": .int(0)]),
        test.add(kind, [y], ["axis": .int(0), "select_last_index": .int(1)]),
      ]
    default:
      return try [
        test.add(kind, [y, test.integers([2, 3])]),
        test.add(kind, [y, test.integers([0, 2])], ["keepdims": .int(0)]), test.add(kind, [y]),
        test.add(kind, [y, test.integers([1])]),
      ]
    }
  }

  private static func products(
    _ kind: OperatorKind, _ test: inout GraphUnderTest, _ numbers: inout TestNumbers
  ) throws -> [ValueID] {
    switch kind {
    case .conv:
      let image = try test.data([2, 4, 5, 7])
      let line = try test.data([1, 4, 9])
      let bias = test.constant(numbers.floats([6]))
      return try [
        test.add(kind, [image, test.constant(numbers.floats([6, 4, 3, 3])), bias], ["pads": .ints([1, 1, 1, 1])]),
        test.add(
          kind, [image, test.constant(numbers.floats([6, 2, 3, 2]))],
          ["group": .int(2), "strides": .ints([2, 1]), "dilations": .ints([1, 2])]),
        test.add(
          kind, [image, test.constant(numbers.floats([4, 1, 3, 3]))],
          ["group": .int(4), "auto_pad": .string("SAME_LOWER")]),
        test.add(kind, [line, test.constant(numbers.floats([6, 4, 3])), bias], ["pads": .ints([2, 0])]),
      ]
    case .convTranspose:
      let image = try test.data([1, 4, 3, 5])
      let line = try test.data([1, 4, 6])
      return try [
        test.add(kind, [image, test.constant(numbers.floats([4, 3, 3, 3]))]),
        test.add(
          kind, [image, test.constant(numbers.floats([4, 2, 3, 2])), test.constant(numbers.floats([4]))],
          ["group": .int(2), "strides": .ints([2, 3]), "output_padding": .ints([1, 0]), "pads": .ints([1, 0, 1, 1])]),
        test.add(
          kind, [image, test.constant(numbers.floats([4, 1, 2, 2]))], ["group": .int(4), "strides": .ints([3, 2])]),
        // Pads that crop more than the kernel reaches.
        test.add(
          kind, [line, test.constant(numbers.floats([4, 2, 2]))], ["strides": .ints([2]), "pads": .ints([3, 2])]),
        test.add(kind, [line, test.constant(numbers.floats([4, 2, 3]))], ["dilations": .ints([2])]),
      ]
    case .gemm:
      let a = try test.data([3, 4])
      let b = test.constant(numbers.floats([4, 5]))
      return try [
        test.add(kind, [a, b, test.constant(numbers.floats([1, 5]))], ["alpha": .float(0.5), "beta": .float(2)]),
        test.add(kind, [a, test.constant(numbers.floats([3, 5]))], ["transA": .int(1)]),
        test.add(kind, [a, b, test.constant(numbers.floats([3, 1]))], ["beta": .float(0.5)]),
        test.add(kind, [a, test.data([5, 4]), test.data([3, 5])], ["transB": .int(1), "alpha": .float(2)]),
      ]
    case .matMul:
      let a = try test.data([2, 3, 4])
      return try [
        test.add(kind, [a, test.constant(numbers.floats([4, 5]))]), test.add(kind, [a, test.data([4])]),
        test.add(kind, [test.data([5, 1, 3, 4]), test.data([2, 4, 2])]),
        test.add(kind, [test.constant(numbers.floats([3, 2])), test.data([2, 5])]),
      ]
    default:
      let x = try test.data([2, 3, 4, 2])
      let statistics = [
        [1, 2, 0.5], [0.25, 0, -1], [0.5, -0.5, 0.125], [1, 0.25, 4],
      ].map { test.constant(Tensor(shape: [3], elements: $0.map { Float($0) })) }
      return [try test.add(kind, [test.add(.sigmoid, [x])] + statistics)]
    }
  }

  private static func layerNormalization(
    _ test: inout GraphUnderTest, _ numbers: inout TestNumbers
  ) throws -> [ValueID] {
    let x = try test.data([2, 3, 5])
    let turned = try test.add(.transpose, [x], ["perm": .ints([2, 0, 1])])
    let row = test.constant(numbers.floats([5]))
    let bias = test.constant(numbers.floats([5]))
    return try [
      test.add(.layerNormalization, [x, row, bias]),
      test.add(.layerNormalization, [x, test.constant(numbers.floats([3, 1])), bias], ["axis": .int(1)]),
      test.add(.layerNormalization, [turned, test.constant(numbers.floats([3]))], ["epsilon": .float(0.5)]),
      // Computed parameters.
      test.add(.layerNormalization, [x, test.data([5]), test.data([5])]),
    ]
  }

  private static func recurrent(
    _ kind: OperatorKind, _ test: inout GraphUnderTest, _ numbers: inout TestNumbers
  ) throws -> [ValueID] {
    let (gates, states) = kind == .lstm ? (4, 2) : (kind == .gru ? 3 : 1, 1)
    func weights(_ passes: Int, _ inputs: Int, _ hidden: Int) -> [ValueID?] {
      [[passes, gates * hidden, inputs], [passes, gates * hidden, hidden], [passes, 2 * gates * hidden]].map {
        test.constant(numbers.floats($0))
      }
    }
    // Of 7 units in 2 passes over 3 sequences with lengths, from a computed and a constant state.
    let x = try test.data([4, 3, 2])
    let lengths = test.constant(Tensor(shape: [3], elements: [4, 1, 3] as [Int32]))
    let initial: [ValueID?] = [try test.data([2, 3, 7]), test.constant(numbers.floats([2, 3, 7]))]
    var outputs = try test.addNode(
      kind, [x] + weights(2, 2, 7) + [lengths] + initial.prefix(states), ["direction": .string("bidirectional")],
      outputCount: states + 1)
    // Batch first, backward, without bias; of the outputs only the last state is read.
    let line = try test.add(.transpose, [test.data([2, 5, 3])], ["perm": .ints([1, 2, 0])])
    let backward = try test.addNode(
      kind, [line] + weights(1, 2, 5).prefix(2), ["direction": .string("reverse"), "layout": .int(1)],
      outputCount: 2)
    outputs.append(backward[1])
    if kind == .gru {
      outputs += try test.addNode(kind, [x] + weights(1, 2, 4), ["linear_before_reset": .int(1)], outputCount: 2)
    }
    let functions = ["Sigmoid", "Relu", "Tanh"].suffix(kind == .lstm ? 3 : kind == .gru ? 2 : 1)
    return outputs
      + (try test.addNode(kind, [x] + weights(1, 2, 4), ["activations": .strings(Array(functions))], outputCount: 1))
  }

  private static func pools(_ kind: OperatorKind, _ test: inout GraphUnderTest) throws -> [ValueID] {
    let image = try test.data([2, 3, 7, 6])
    let line = try test.data([1, 2, 9])
    if kind == .globalAveragePool || kind == .globalMaxPool {
      return try [test.add(kind, [image]), test.add(kind, [line])]
    }
    var outputs = try [
      test.add(
        kind, [image], ["kernel_shape": .ints([3, 2]), "strides": .ints([2, 2]), "pads": .ints([1, 0, 1, 1])]),
      test.add(kind, [image], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 3]), "ceil_mode": .int(1)]),
      test.add(kind, [line], ["kernel_shape": .ints([3]), "dilations": .ints([2])]),
    ]
    if kind == .averagePool {
      outputs.append(
        try test.add(
          kind, [image],
          ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1]), "count_include_pad": .int(1)]))
    }
    return outputs
  }

  private static func shaping(_ kind: OperatorKind, _ test: inout GraphUnderTest) throws -> [ValueID] {
    switch kind {
    case .quantizeLinear, .dequantizeLinear:
      let value = try test.quantized(test.input([2, 5]), scale: 0x1p-6, zeroPoint: 100)
      return [value]
    case .constantOfShape: return [try test.add(kind, [test.integers([2, 3])])]
    case .constant:
      return [try test.add(kind, [], ["value": .tensor(Tensor(shape: [2], elements: [Float(1), 2]))])]
    case .shape: return [try test.add(kind, [test.input([2, 3])])]
    default: break
    }
    let x = try test.data([2, 1, 3, 4])
    let pooled = try test.add(.maxPool, [x], ["kernel_shape": .ints([1, 1])])
    switch kind {
    case .flatten: return [try test.add(kind, [pooled], ["axis": .int(2)])]
    case .reshape: return [try test.add(kind, [pooled, test.integers([4, -1])])]
    case .squeeze: return [try test.add(kind, [pooled, test.integers([1])])]
    case .unsqueeze: return [try test.add(kind, [pooled, test.integers([0, 5])])]
    case .expand: return [try test.add(kind, [pooled, test.integers([3, 2, 5, 3, 4])])]
    case .cast:
      let whole = try test.add(kind, [pooled], ["to": .int(7)])
      return try [whole, test.add(kind, [whole], ["to": .int(1)]), test.add(kind, [pooled], ["to": .int(9)])]
    default:
      let turned = try test.add(kind, [pooled], ["perm": .ints([3, 1, 0, 2])])
      return [turned, try test.add(kind, [turned], ["perm": .ints([2, 0, 3, 1])])]
    }
  }

  private static func movement(
    _ kind: OperatorKind, _ test: inout GraphUnderTest, _ numbers: inout TestNumbers
  ) throws -> [ValueID] {
    let x = try test.data([1, 3, 4, 6])
    // Channels last in memory.
    let y = try test.add(.maxPool, [x], ["kernel_shape": .ints([1, 1])])
    switch kind {
    case .concat:
      return try [
        test.add(kind, [y, x], ["axis": .int(1)]),
        test.add(kind, [y, test.constant(numbers.floats([1, 3, 2, 6])), x], ["axis": .int(2)]),
      ]
    case .split: return try test.addSplit(y, axis: 3, parts: [1, 3, 2])
    case .slice:
      return try [
        test.add(
          kind, [y, test.integers([1, 0]), test.integers([3, 4]), test.integers([1, 2]), test.integers([1, 2])]),
        test.add(kind, [y, test.integers([-1]), test.integers([-100]), test.integers([3]), test.integers([-2])]),
      ]
    case .pad:
      let pads = test.integers([0, 1, 2, 0, 0, 0, 1, -1])
      let value = test.constant(Tensor(scalar: Float(0.5)))
      return try [
        test.add(kind, [y, pads]), test.add(kind, [y, pads, value]),
        test.add(kind, [y, pads], ["mode": .string("edge")]),
        test.add(kind, [y, test.integers([0, 0, 1, 2, 0, 0, 2, 1])], ["mode": .string("reflect")]),
      ]
    case .gather:
      let grid = test.constant(Tensor(shape: [2, 2], elements: [Int64(0), 2, -1, 1]))
      return try [
        test.add(kind, [y, grid], ["axis": .int(2)]), test.add(kind, [y, test.input([3], .int64)], ["axis": .int(1)]),
        test.add(kind, [y, test.constant(Tensor(scalar: Int64(1)))], ["axis": .int(3)]),
      ]
    default:
      let scales = test.constant(Tensor(shape: [4], elements: [1, 1, 2, 1.5] as [Float]))
      return try [
        test.add(kind, [y, nil, scales]), test.add(kind, [y, nil, scales], ["mode": .string("linear")]),
        test.add(
          kind, [y, nil, nil, test.integers([1, 3, 7, 3])],
          ["mode": .string("linear"), "coordinate_transformation_mode": .string("align_corners")]),
      ]
    }
  }
}
