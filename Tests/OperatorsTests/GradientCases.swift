import HostTensors
import Operators
import TensorTypes

/// The operators' gradients that differences check, by family; kinks lie outside of every step.
enum GradientCases {
  /// Functions of every element: attributes, range and kinks of the argument.
  static let elements: [GradientCheck] = {
    let functions:
      [(opType: String, attributes: [String: AttributeValue], range: ClosedRange<Double>, kinks: [Double])] = [
        ("LeakyRelu", [:], -2...2, [0]),
        ("LeakyRelu", ["alpha": .float(0)], -2...2, [0]),
        ("LeakyRelu", ["alpha": .float(-0.5)], -2...2, [0]),
        ("Sigmoid", [:], -6...6, []),
        ("HardSigmoid", [:], -4...4, [-2.5, 2.5]),
        ("HardSigmoid", ["alpha": .float(-0.5), "beta": .float(0.25)], -4...4, [-1.5, 0.5]),
        ("HardSwish", [:], -5...5, [-3, 3]),
        ("Tanh", [:], -3...3, []),
        ("Elu", [:], -4...4, [0]),
        ("Elu", ["alpha": .float(0.5)], -4...4, [0]),
        ("Elu", ["alpha": .float(-0.5)], -4...4, [0]),
        ("Softplus", [:], -6...6, []),
        ("Erf", [:], -2...2, []),
        ("Gelu", [:], -3...3, []),
        ("Gelu", ["approximate": .string("tanh")], -3...3, []),
        ("Sqrt", [:], 0.3...3, []),
        ("Exp", [:], -3...3, []),
        ("Log", [:], 0.3...3, []),
        ("Neg", [:], -2...2, []),
        ("Abs", [:], -2...2, [0]),
        ("Identity", [:], -2...2, []),
      ]
    return functions.enumerated().flatMap { index, function in
      [[3, 5], [], [2, 0], [2, 1, 3, 2]].map { shape in
        GradientCheck(
          function.opType,
          [spread(shape, seed: UInt64(index), in: function.range, avoiding: function.kinks)], function.attributes)
      }
    }
  }()

  static let clips: [GradientCheck] = {
    let x = spread([4, 5], in: -3...3, avoiding: [-1, 1.5])
    let (low, high) = (Tensor(scalar: -1.0), Tensor(shape: [1], elements: [1.5]))
    return [
      GradientCheck("Clip", [x, low, high], by: [0]),
      GradientCheck("Clip", [x, low], by: [0]),
      GradientCheck("Clip", [x, nil, high], by: [0]),
      GradientCheck("Clip", [x]),
      GradientCheck("Clip", [x], ["min": .float(-1), "max": .float(1.5)], opset: 7),
    ]
  }()

  /// Pairs of shapes that broadcast in every way: not at all, one operand, both, missing axes, scalars, nothing.
  static let broadcasts: [[[Int]]] = [
    [[2, 3, 4], [2, 3, 4]], [[2, 3, 4], [4]], [[3], [2, 2, 3]], [[3, 1], [1, 4]], [[2, 3, 4], [3, 1]],
    [[], [2, 3]], [[2, 3], []], [[], []], [[2, 1, 3], [5, 1]], [[1], [1, 1, 1]], [[0, 3], [3]], [[1], [0]],
    [[2, 3, 2, 3], [1, 3, 1, 1]], [[2, 3, 1, 1], [2, 3, 2, 3]], [[2, 1, 3, 1], [1, 4, 1, 2]], [[1, 3, 2], [2, 3, 2]],
  ]

  static let pairs: [GradientCheck] = broadcasts.enumerated().flatMap { index, shapes in
    let seed = UInt64(index)
    let (a, b) = (spread(shapes[0], seed: seed), spread(shapes[1], seed: seed + 50))
    let divisor = spread(shapes[1], seed: seed + 50, avoiding: [0], margin: 0.7)
    let (base, exponent) = (spread(shapes[0], seed: seed, in: 0.6...2), b)
    let truth = Tensor(shape: shapes[0], elements: a.doubles.map { $0 > 0 })
    return [
      GradientCheck("Sub", [a, b]), GradientCheck("Mul", [a, b]), GradientCheck("Div", [a, divisor]),
      GradientCheck("Pow", [base, exponent], thirdDerivative: 2000), GradientCheck("Where", [truth, b, a]),
      GradientCheck("Where", [truth, Tensor(scalar: 0.5), b]), GradientCheck("Max", separated(shapes)),
      GradientCheck("Min", separated(shapes)),
    ]
  }

  static let powers: [GradientCheck] = {
    let base = spread([3, 4], avoiding: [0], margin: 0.6)
    return [2.0, 3, 1, 0, -1].map { GradientCheck("Pow", [base, Tensor(scalar: $0)], by: [0], thirdDerivative: 400) }
      + [
        GradientCheck("Pow", [base, Tensor(shape: [4], elements: [Int64(2), 0, 3, -2])], thirdDerivative: 800),
        GradientCheck("Pow", [base, Tensor(shape: [2, 1, 1], elements: [Int64(2), 1])]),
        GradientCheck("Pow", [spread([5], in: 0.6...2), Tensor(scalar: 0.5)], thirdDerivative: 400),
        GradientCheck("Pow", [Tensor(scalar: 2.0), spread([2, 3])], by: [1]),
      ]
  }()

  static let slopes: [GradientCheck] = [[3, 4, 5], [5], [4, 1], [1], [], [1, 4, 1]].enumerated().map { index, shape in
    GradientCheck("PRelu", [spread([3, 4, 5], avoiding: [0]), spread(shape, seed: UInt64(index))])
  }

  static let extremes: [GradientCheck] = ["Max", "Min"].flatMap { opType in
    [
      [[3, 4]], [[2, 3], [2, 3], [2, 3]], [[2, 3, 4], [4], [3, 1]], [[], [2, 2], [2, 1], [1, 1]], [[0, 2], [2], [1]],
    ].map { GradientCheck(opType, separated($0)) }
  }

  static let softmaxes: [GradientCheck] = ["Softmax", "LogSoftmax"].flatMap { opType in
    [
      GradientCheck(opType, [spread([3, 4])]), GradientCheck(opType, [spread([2, 3, 4])], ["axis": .int(1)]),
      GradientCheck(opType, [spread([2, 3, 4])], ["axis": .int(0)]),
      GradientCheck(opType, [spread([2, 19])], ["axis": .int(-1)]),
      GradientCheck(opType, [spread([2, 3, 4])], ["axis": .int(-2)]),
      GradientCheck(opType, [spread([2, 3, 2])], opset: 9),
      GradientCheck(opType, [spread([5])], ["axis": .int(0)], opset: 11),
      GradientCheck(opType, [spread([2, 3])], ["axis": .int(2)], opset: 12), GradientCheck(opType, [spread([0, 3])]),
      GradientCheck(opType, [spread([3, 0])]), GradientCheck(opType, [spread([4, 1])]),
    ]
  }

  static let reductions: [GradientCheck] = ["ReduceMean", "ReduceSum", "ReduceMax"].flatMap { opType in
    let (x, cube) = (distinct([3, 4]), distinct([2, 3, 4, 2]))
    return [
      GradientCheck(opType, [x]), GradientCheck(opType, [x], ["keepdims": .int(0)]),
      GradientCheck(opType, [x], ["axes": .ints([1]), "keepdims": .int(0)], opset: 11),
      GradientCheck(opType, [x], ["axes": .ints([-2])], opset: 11),
      GradientCheck(opType, [cube, int64s([1, 3])]),
      GradientCheck(opType, [cube, int64s([-1, 0])], ["keepdims": .int(0)]),
      GradientCheck(opType, [cube, int64s([2, 3])], ["keepdims": .int(0)]),
      GradientCheck(opType, [cube, int64s([0, 1])]),
      GradientCheck(opType, [x, int64s([])], ["noop_with_empty_axes": .int(1)]),
      GradientCheck(opType, [x, int64s([])]),
      GradientCheck(opType, [distinct([])]), GradientCheck(opType, [distinct([2, 0]), int64s([0])]),
      GradientCheck(opType, [distinct([1, 3, 1]), int64s([0, 2])]),
    ]
  }

  /// Tensors of which no two elements are equal, not even of different tensors.
  private static func separated(_ shapes: [[Int]]) -> [Tensor] {
    let pool = distinct([shapes.reduce(0) { $0 + $1.elementCount }], seed: UInt64(shapes.count)).doubles
    var start = 0
    return shapes.map { shape in
      defer { start += shape.elementCount }
      return Tensor(shape: shape, elements: Array(pool[start..<start + shape.elementCount]))
    }
  }
}
