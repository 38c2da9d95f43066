import HostTensors
import Testing
import Training

/// A loss on three rows of four, with its value and gradient as NumPy found them: the value in float64 from the
/// formula, the gradient by central differences of it.
struct LossCase: Sendable, CustomTestStringConvertible {
  var name: String
  var loss: Loss
  var targets: Targets
  var mean: Double
  var gradient: [Double]

  var testDescription: String { name }

  static let outputs = [0.5, -1.25, 2.0, 0.1, 1.5, 0.3, -0.7, -2.2, -0.4, 0.9, 0.8, 3.1]
  static let values = Tensor(shape: [3, 4], elements: [1.0, -0.5, 1.5, 0, 0.2, 2, -1, -3, 0, 0.5, 2.5, 2])
  static let distributions = Tensor(
    shape: [3, 4], elements: [0.1, 0.2, 0.6, 0.1, 0.7, 0.1, 0.2, 0, 0, 0.25, 0.25, 0.5])
  static let weights = [1, 2, 0.5, 3.0]

  static let all: [LossCase] = [
    LossCase(
      name: "cross-entropy", loss: .crossEntropy(), targets: .classes([2, 0, 1]), mean: 1.04104123015,
      gradient: [
        0.0526944, 0.009156913, -0.09717342, 0.03532211, -0.1013235, 0.06988001, 0.02570742, 0.0057361, 0.00810934,
        -0.3035778, 0.02692396, 0.2685445,
      ]),
    LossCase(
      name: "cross-entropy, smoothed and weighted", loss: .crossEntropy(labelSmoothing: 0.1, classWeights: weights),
      targets: .classes([2, 0, 1]), mean: 1.68971358432,
      gradient: [
        0.0205217, -0.009478335, -0.008158904, -0.002884463, -0.05299107, 0.04935501, 0.01984069, -0.01620462,
        0.006498211, -0.4785183, 0.04171851, 0.4303016,
      ]),
    LossCase(
      name: "cross-entropy of distributions", loss: .crossEntropy(classAxis: .second),
      targets: .values(distributions), mean: 1.19937456348,
      gradient: [
        0.01936107, -0.05750975, 0.03615991, 0.001988778, -0.00132353, 0.03654668, -0.04095925, 0.005736101,
        0.00810934, -0.05357776, -0.05640938, 0.1018778,
      ]),
    LossCase(
      name: "cross-entropy of distributions, smoothed and weighted",
      loss: .crossEntropy(labelSmoothing: 0.2, classWeights: weights), targets: .values(distributions),
      mean: 1.47268608429,
      gradient: [
        0.01431722, -0.09157343, 0.1393416, -0.06208534, 0.04095458, -0.005717152, -0.004316559, -0.03092087,
        -0.0001741443, -0.07555855, 0.009127347, 0.06660535,
      ]),
    LossCase(
      name: "binary cross-entropy", loss: .binaryCrossEntropy(),
      targets: .classes([1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0, 0]), mean: 0.88589186573,
      gradient: [
        -0.03146172, 0.01855834, -0.009933577, 0.04374827, 0.06813121, -0.03546312, -0.05568231, 0.008312541,
        -0.04989064, -0.02408754, 0.05749787, 0.07974106,
      ]),
    LossCase(
      name: "binary cross-entropy of probabilities, weighted", loss: .binaryCrossEntropy(positiveWeight: 2.5),
      targets: .values(distributions), mean: 0.913668653473,
      gradient: [
        0.03881902, -0.01754082, 0.01445954, 0.02947717, -0.00616436, 0.03421741, -0.005720342, 0.008312541, 0.0334427,
        0.02937963, 0.02697624, 0.03538019,
      ]),
    LossCase(
      name: "mean squared error", loss: .meanSquaredError, targets: .values(values), mean: 0.900208333333,
      gradient: [
        -0.08333333, -0.125, 0.08333333, 0.01666667, 0.2166667, -0.2833333, 0.05, 0.1333333, -0.06666667, 0.06666667,
        -0.2833333, 0.1833333,
      ]),
    LossCase(
      name: "mean absolute error", loss: .meanAbsoluteError, targets: .values(values), mean: 0.795833333333,
      gradient: [-1, -1, 1, 1, 1, -1, 1, 1, -1, 1, -1, 1].map { $0 / 12 }),
    LossCase(
      name: "distillation", loss: .distillation(temperature: 1), targets: .values(values), mean: 0.579962984035,
      gradient: [
        -0.05019481, -0.01380077, 0.06652429, -0.002528712, 0.1869136, -0.2029362, 0.0121247, 0.00389788, -0.006891977,
        0.005022584, -0.1558295, 0.1576989,
      ]),
    LossCase(
      name: "distillation at temperature 4", loss: .distillation(temperature: 4), targets: .values(values),
      mean: 0.529646278513,
      gradient: [
        -0.03757122, -0.03968357, 0.06456052, 0.01269427, 0.1364703, -0.1924582, 0.02060333, 0.03538455, -0.01857191,
        0.03349993, -0.1474002, 0.1324722,
      ]),
    LossCase(
      name: "cosine", loss: .cosine, targets: .values(values), mean: 0.166367573604,
      gradient: [
        -0.04768352, -0.02847061, -0.006134815, 0.005231237, 0.04508754, -0.05394088, 0.008082756, 0.02081414,
        -0.009470456, 0.005953249, -0.05783548, 0.01197493,
      ]),
  ]
}

@Suite struct LossTests {
  private func close(_ found: [Double], _ expected: [Double], _ tolerance: Double) -> Bool {
    found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= tolerance }
  }

  /// The recorded gradients carry 7 digits and the error of central differences, 1e-9 or so.
  @Test(arguments: LossCase.all)
  func valueAndGradientMatchNumPy(_ item: LossCase) throws {
    let outputs = Tensor(shape: [3, 4], elements: LossCase.outputs)
    let value = try item.loss.evaluate(outputs: outputs, targets: item.targets)
    #expect(abs(value.mean - item.mean) < 1e-11)
    #expect(value.gradient.shape == [3, 4] && value.gradient.dtype == .float64)
    #expect(close(value.gradient.elements(as: Double.self), item.gradient, 1e-7))
  }

  /// Inputs and gradients round to 24 bits: 2^-24 of magnitudes below 4, some of each in a term.
  @Test(arguments: LossCase.all)
  func float32MatchesFloat64(_ item: LossCase) throws {
    let outputs = Tensor(shape: [3, 4], elements: LossCase.outputs.map { Float($0) })
    let value = try item.loss.evaluate(outputs: outputs, targets: item.targets)
    #expect(abs(value.mean - item.mean) < 1e-6)
    #expect(value.gradient.dtype == .float32)
    #expect(close(value.gradient.floats.map { Double($0) }, item.gradient, 1e-6))
  }

  static let settings: [Loss] = [
    .crossEntropy(classAxis: .second), .crossEntropy(labelSmoothing: 0.3), .crossEntropy(classWeights: [0, 1, 2, 0.5]),
    .crossEntropy(classAxis: .second, labelSmoothing: 0.1, classWeights: [3, 1, 0.1]),
    .binaryCrossEntropy(), .binaryCrossEntropy(positiveWeight: 7), .meanSquaredError, .meanAbsoluteError,
    .distillation(temperature: 2), .distillation(temperature: 0.5, classAxis: .second), .cosine,
  ]

  /// Steps of 2^-17 leave an error of some 2^-34 f''' and of 2^-52 / 2^-17 by rounding: 1e-9.
  @Test(arguments: settings)
  func gradientMatchesCentralDifferences(_ loss: Loss) throws {
    let shape = [2, 3, 4]
    let outputs = (0..<24).map { Double(($0 * 7) % 24) * 0.21 - 2.3 }
    let targets: Targets
    switch loss {
    case .crossEntropy(let axis, _, _):
      targets = .classes(axis == .last ? [3, 0, 1, 1, 2, 1] : [0, 2, 1, 1, 0, 0, 2, 1])
    case .binaryCrossEntropy: targets = .values(Tensor(shape: shape, elements: (0..<24).map { Double($0) / 23 }))
    case .meanSquaredError, .meanAbsoluteError, .distillation, .cosine:
      targets = .values(Tensor(shape: shape, elements: (0..<24).map { Double(($0 * 5) % 24) * 0.13 - 1.1 }))
    }
    func mean(_ outputs: [Double]) throws -> Double {
      try loss.evaluate(outputs: Tensor(shape: shape, elements: outputs), targets: targets).mean
    }
    let gradient = try loss.evaluate(outputs: Tensor(shape: shape, elements: outputs), targets: targets).gradient
    for (index, slope) in gradient.elements(as: Double.self).enumerated() {
      let step = 0x1p-17
      var (above, below) = (outputs, outputs)
      above[index] += step
      below[index] -= step
      let difference = try (mean(above) - mean(below)) / (2 * step)
      #expect(abs(slope - difference) < 1e-8, "element \(index)")
    }
  }

  @Test(arguments: [
    Loss.crossEntropy(), .crossEntropy(labelSmoothing: 0.1, classWeights: [1, 2, 3]), .binaryCrossEntropy(),
    .distillation(temperature: 1), .distillation(temperature: 20), .cosine, .meanSquaredError,
  ])
  func extremeLogitsStayFinite(_ loss: Loss) throws {
    let outputs = Tensor(shape: [3, 3], elements: [1e4, -1e4, 0, -1e4, -1e4, -1e4, 1e4, 1e4, -1e4] as [Float])
    let targets: Targets =
      switch loss {
      case .crossEntropy: .classes([1, 0, 2])
      case .binaryCrossEntropy: .classes([0, 1, 0, 1, 0, 1, 0, 1, 1])
      case .meanSquaredError, .meanAbsoluteError, .distillation, .cosine:
        .values(Tensor(shape: [3, 3], elements: [-1e4, 1e4, 0, 1, 2, 3, -1e4, 1e4, 1e4] as [Float]))
      }
    let value = try loss.evaluate(outputs: outputs, targets: targets)
    #expect(value.mean.isFinite && value.mean > 0)
    #expect(value.gradient.floats.allSatisfy { $0.isFinite })
  }

  @Test func extremeCrossEntropyIsTheDifferenceOfLogits() throws {
    let logits = Tensor(shape: [1, 3], elements: [1e4, -1e4, 0] as [Float])
    #expect(try Loss.crossEntropy().evaluate(outputs: logits, targets: .classes([1])).mean == 2e4)
    #expect(try Loss.crossEntropy().evaluate(outputs: logits, targets: .classes([0])).mean == 0)
    let score = Tensor(shape: [1, 1], elements: [-1e4] as [Float])
    #expect(try Loss.binaryCrossEntropy().evaluate(outputs: score, targets: .classes([1])).mean == 1e4)
    #expect(try Loss.binaryCrossEntropy().evaluate(outputs: score, targets: .classes([0])).mean == 0)
  }

  @Test func uniformLogitsCostTheLogarithmOfTheClasses() throws {
    let logits = Tensor(shape: [5, 8], repeating: Float(3))
    let value = try Loss.crossEntropy().evaluate(outputs: logits, targets: .classes([0, 1, 2, 3, 7]))
    #expect(abs(value.mean - 2.0794415416798357) < 1e-15)
    let even = try Loss.binaryCrossEntropy().evaluate(
      outputs: Tensor(shape: [2], repeating: Float(0)), targets: .classes([0, 1]))
    #expect(even.mean == 0.6931471805599453)
    #expect(even.gradient.floats == [0.25, -0.25])
  }

  @Test(arguments: [
    Loss.crossEntropy(), .crossEntropy(labelSmoothing: 0.1), .crossEntropy(classWeights: [1, 2, 0.5, 3]),
    .crossEntropy(labelSmoothing: 0.2, classWeights: [1, 2, 0, 3]),
  ])
  func oneHotDistributionsCostWhatTheirClassesDo(_ loss: Loss) throws {
    let outputs = Tensor(shape: [3, 4], elements: LossCase.outputs)
    let oneHot = Tensor(shape: [3, 4], elements: [0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0] as [Float])
    let hard = try loss.evaluate(outputs: outputs, targets: .classes([2, 0, 1]))
    let soft = try loss.evaluate(outputs: outputs, targets: .values(oneHot))
    #expect(abs(hard.mean - soft.mean) < 1e-15)
    #expect(
      close(hard.gradient.elements(as: Double.self), soft.gradient.elements(as: Double.self), 1e-15))
  }

  @Test func bothClassAxesGiveTheSameLossOfTransposedLogits() throws {
    let last = Tensor(shape: [1, 3, 4], elements: LossCase.outputs)
    let second = Tensor(
      shape: [1, 4, 3], elements: (0..<12).map { LossCase.outputs[$0 % 3 * 4 + $0 / 3] })
    let a = try Loss.crossEntropy().evaluate(outputs: last, targets: .classes([2, 0, 1]))
    let b = try Loss.crossEntropy(classAxis: .second).evaluate(outputs: second, targets: .classes([2, 0, 1]))
    #expect(a.mean == b.mean)
    let (left, right) = (a.gradient.elements(as: Double.self), b.gradient.elements(as: Double.self))
    for index in 0..<12 { #expect(right[index] == left[index % 3 * 4 + index / 3]) }
  }

  @Test func teacherWithItselfCostsNothing() throws {
    let value = try Loss.distillation(temperature: 3).evaluate(
      outputs: LossCase.values, targets: .values(LossCase.values))
    #expect(value.mean == 0)
    #expect(value.gradient.elements(as: Double.self).allSatisfy { $0 == 0 })
  }

  @Test func rowsOfZerosAreOrthogonalToAll() throws {
    let outputs = Tensor(shape: [2, 2], elements: [0, 0, 3, 4] as [Float])
    let targets = Tensor(shape: [2, 2], elements: [1, 2, 6, 8] as [Float])
    let value = try Loss.cosine.evaluate(outputs: outputs, targets: .values(targets))
    #expect(abs(value.mean - 0.5) < 1e-15)
    #expect(value.gradient.floats.allSatisfy { abs($0) < 1e-7 })
  }

  @Test func batchWithoutWeightCostsNothing() throws {
    let outputs = Tensor(shape: [1, 2], elements: [1, 2] as [Float])
    let value = try Loss.crossEntropy(classWeights: [0, 1]).evaluate(outputs: outputs, targets: .classes([0]))
    #expect(value.mean == 0 && value.gradient.floats == [0, 0])
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func whatIsNotFiniteShows(_ poison: Float) throws {
    let outputs = Tensor(shape: [2, 2], elements: [1, poison, 0, 1])
    let targets = Tensor(shape: [2, 2], elements: [0, 1, 1, 0] as [Float])
    for loss in [Loss.meanSquaredError, .meanAbsoluteError, .cosine] {
      #expect(try !loss.evaluate(outputs: outputs, targets: .values(targets)).mean.isFinite, "\(loss)")
    }
    #expect(try !Loss.crossEntropy().evaluate(outputs: outputs, targets: .classes([1, 0])).mean.isFinite)
  }

  @Test func targetsOfOneColumnMayLackItsAxis() throws {
    let outputs = Tensor(shape: [3, 1], elements: [1, 2, 3] as [Float])
    let targets = Tensor(shape: [3], elements: [1, 1, 1] as [Int64])
    let value = try Loss.meanSquaredError.evaluate(outputs: outputs, targets: .values(targets))
    #expect(value.mean == 5.0 / 3)
    #expect(value.gradient.shape == [3, 1])
  }
}
