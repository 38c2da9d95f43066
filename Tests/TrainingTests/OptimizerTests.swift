import HostTensors
import Testing
import Training

/// Five steps on six parameters, of which the last two are not decayed, against float64 trajectories that NumPy
/// computed from the formulas.
struct Trajectory: Sendable, CustomTestStringConvertible {
  var name: String
  var rule: UpdateRule
  var regularization = Regularization.none
  var maximumNorm: Double?
  var learningRate: Float = 0.1
  var end: [Double]

  var testDescription: String { name }

  static let start: [Float] = [0.5, -1.25, 2.0, -0.75, 0.1, 3.0]

  static func gradients(step: Int) -> [Float] {
    let scales: [Float] = [1, -0.5, 2, 0.25, -1.5]
    let shape: [Float] = [0.1, -0.2, 0.3, 0.4, -0.5, 0.05]
    let drift: [Float] = [0.01, 0.02, -0.03, 0.04, 0.0, -0.01]
    return zip(shape, drift).map { $0 * scales[step] + $1 * Float(step) }
  }

  static let all: [Trajectory] = [
    Trajectory(name: "sgd", rule: .sgd(), end: [0.4775, -1.245, 1.9925, -0.84, 0.1625, 3.00375]),
    Trajectory(
      name: "sgd with l1 and l2", rule: .sgd(), regularization: Regularization(l1: 0.03, l2: 0.2),
      end: [0.416570804, -1.11274166, 1.78930852, -0.747439572, 0.1625, 3.00375]),
    Trajectory(
      name: "momentum", rule: .sgd(.classical(0.9)),
      end: [0.413735, -1.151706, 1.852559, -1.09506, 0.43853, 2.984706]),
    Trajectory(
      name: "momentum, clipped, with l2", rule: .sgd(.classical(0.9)), regularization: Regularization(l2: 0.1),
      maximumNorm: 0.5, end: [0.39773941, -1.06374271, 1.70456832, -0.806035929, 0.232302126, 2.99950363]),
    Trajectory(
      name: "nesterov", rule: .sgd(.nesterov(0.8)),
      end: [0.4179896, -1.1811216, 1.8966824, -1.0780416, 0.391124, 2.9946732]),
    Trajectory(
      name: "adam", rule: .adam(),
      end: [0.197624433, -1.02514291, 1.77514291, -1.05237559, 0.364980815, 2.81645333]),
    Trajectory(
      name: "adam with l2", rule: .adam(beta1: 0.8, beta2: 0.95, epsilon: 1e-3),
      regularization: Regularization(l2: 0.1),
      end: [0.134860386, -0.909413233, 1.64819074, -0.978420823, 0.352290322, 2.83693047]),
    Trajectory(
      name: "adamw", rule: .adamW(decay: 0.1),
      end: [0.180141725, -0.970108358, 1.68335089, -1.00859586, 0.364980815, 2.81645333]),
    Trajectory(
      name: "rmsprop", rule: .rmsProp(),
      end: [-0.842047624, -0.616153871, 1.36615375, -2.09204834, 1.08486687, 2.70252589]),
    Trajectory(
      name: "rmsprop with momentum", rule: .rmsProp(smoothing: 0.9, epsilon: 1e-6, momentum: 0.7), learningRate: 0.01,
      end: [0.38154336, -1.16933527, 1.91933491, -0.86845862, 0.199570256, 2.93805754]),
  ]
}

@Suite struct OptimizerTests {
  /// Each of five steps rounds a handful of times at magnitudes below 4: 2^-22 each, some 20 of them.
  @Test(arguments: Trajectory.all)
  func fiveStepsMatchNumPy(_ trajectory: Trajectory) throws {
    var parameters = try FlatParameters(
      trajectory.rule, regularization: trajectory.regularization, Trajectory.start,
      trained: [TrainedRange(0..<4, isDecayed: true), TrainedRange(4..<6, isDecayed: false)])
    let clipping = try trajectory.maximumNorm.map { try GradientClipping(maximumNorm: $0) }
    for step in 0..<5 {
      parameters.step(
        Trajectory.gradients(step: step), learningRate: trajectory.learningRate, clipping: clipping)
    }
    for (found, expected) in zip(parameters.values, trajectory.end) {
      #expect(abs(Double(found) - expected) < 5e-6, "\(found), expected \(expected)")
    }
  }

  static let rules: [UpdateRule] = [
    .sgd(), .sgd(.classical(0.9)), .sgd(.nesterov(0.9)), .adam(), .adamW(), .rmsProp(), .rmsProp(momentum: 0.5),
  ]

  @Test(arguments: rules)
  func resumedRunEqualsUninterruptedOneBitForBit(_ rule: UpdateRule) throws {
    let regularization = Regularization(l1: 1e-4, l2: 1e-3)
    let start = waves(1000, step: 40)
    var whole = try FlatParameters(rule, regularization: regularization, start)
    for step in 0..<7 { whole.step(waves(1000, step: step), learningRate: 0.01) }
    var first = try FlatParameters(rule, regularization: regularization, start)
    for step in 0..<3 { first.step(waves(1000, step: step), learningRate: 0.01) }
    var second = try FlatParameters(rule, regularization: regularization, first.values)
    try second.optimizer.restore(first.optimizer.state)
    for step in 3..<7 { second.step(waves(1000, step: step), learningRate: 0.01) }
    #expect(second.values.map(\.bitPattern) == whole.values.map(\.bitPattern))
    #expect(second.optimizer.state == whole.optimizer.state)
  }

  @Test(arguments: rules)
  func resultsDoNotDependOnTheNumberOfThreads(_ rule: UpdateRule) throws {
    let count = 200_003
    let threads = Parallel.threadCount
    defer { Parallel.threadCount = threads }
    var results: [[UInt32]] = []
    for threadCount in [1, 2, 5] {
      Parallel.threadCount = threadCount
      var parameters = try FlatParameters(
        rule, waves(count, step: 9),
        trained: [TrainedRange(3..<70_001, isDecayed: true), TrainedRange(70_016..<count, isDecayed: false)])
      let clipping = try GradientClipping(maximumNorm: 1)
      for step in 0..<3 { parameters.step(waves(count, step: step), learningRate: 0.01, clipping: clipping) }
      results.append(parameters.values.map(\.bitPattern))
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test(arguments: rules)
  func frozenRangesStayAsTheyAre(_ rule: UpdateRule) throws {
    var parameters = try FlatParameters(
      rule, regularization: Regularization(l1: 0.1, l2: 0.1), waves(96, step: 3),
      trained: [TrainedRange(16..<40, isDecayed: true), TrainedRange(64..<80, isDecayed: false)])
    let before = parameters.values
    parameters.step([Float](repeating: 1, count: 96), learningRate: 0.5)
    for index in 0..<96 {
      let isTrained = (16..<40).contains(index) || (64..<80).contains(index)
      #expect((parameters.values[index] != before[index]) == isTrained, "\(index)")
    }
  }

  /// f = sum over i of (i + 1) w^2 / 2, whose minimum is 0.
  @Test(arguments: [
    (UpdateRule.sgd(), Float(0.1)), (.sgd(.classical(0.9)), 0.05), (.sgd(.nesterov(0.9)), 0.05), (.adam(), 0.05),
    (.adamW(), 0.05), (.rmsProp(momentum: 0.5), 0.002),
  ])
  func quadraticReachesItsMinimum(_ rule: UpdateRule, _ learningRate: Float) throws {
    var parameters = try FlatParameters(rule, [1, -2, 3, -4])
    for _ in 0..<2000 {
      let gradients = parameters.values.enumerated().map { Float($0 + 1) * $1 }
      parameters.step(gradients, learningRate: learningRate)
    }
    // RMSprop keeps stepping by about the learning rate, whatever the gradient.
    for value in parameters.values { #expect(abs(value) < 0.01) }
  }

  /// f = (1 - x)^2 + 100 (y - x^2)^2, whose minimum is (1, 1).
  @Test(arguments: [
    (UpdateRule.sgd(.classical(0.9)), Float(2e-4)), (.sgd(.nesterov(0.9)), 2e-4), (.adam(), 0.02),
  ])
  func rosenbrockReachesItsMinimum(_ rule: UpdateRule, _ learningRate: Float) throws {
    var parameters = try FlatParameters(rule, [-1.2, 1])
    for _ in 0..<10_000 {
      let (x, y) = (parameters.values[0], parameters.values[1])
      parameters.step(
        [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], learningRate: learningRate)
    }
    #expect(abs(parameters.values[0] - 1) < 0.02 && abs(parameters.values[1] - 1) < 0.04, "\(parameters.values)")
  }

  @Test func normCoversTrainedRangesOnly() {
    let trained = TrainedBlocks(
      count: 8, trained: [TrainedRange(0..<2, isDecayed: true), TrainedRange(4..<5, isDecayed: false)])
    let norm = [2, 3, 100, .nan, 6, 100, 100, 100].withUnsafeBufferPointer { trained.gradientNorm($0) }
    #expect(norm == 7)
  }

  @Test func normOfManyGradientsIsExact() {
    let count = 100_000
    let trained = TrainedBlocks(count: count, trained: [TrainedRange(0..<count, isDecayed: true)])
    // 0.5^2 has few bits, so every order of the sum is exact.
    let norm = [Float](repeating: 0.5, count: count).withUnsafeBufferPointer { trained.gradientNorm($0) }
    #expect(norm == 25_000.0.squareRoot())
  }

  @Test func clippingScalesToTheMaximum() throws {
    let clipping = try GradientClipping(maximumNorm: 2)
    #expect(clipping.scale(norm: 2) == 1 && clipping.scale(norm: 0) == 1)
    #expect(clipping.scale(norm: 8) == 0.25)
    #expect(clipping.scale(norm: .infinity) == 0 && clipping.scale(norm: .nan).isNaN)
  }

  @Test func settingsOutOfRangeAreRefused() {
    let wrong: [(UpdateRule, String)] = [
      (.sgd(.classical(1)), "momentum"), (.sgd(.nesterov(-0.1)), "momentum"), (.adam(beta1: .nan), "beta1"),
      (.adam(beta2: 1), "beta2"), (.adamW(epsilon: 0), "epsilon"), (.adamW(decay: -1), "decay"),
      (.rmsProp(smoothing: 2), "smoothing"), (.rmsProp(momentum: .infinity), "momentum"),
    ]
    for (rule, name) in wrong {
      let error = #expect(throws: InvalidSetting.self) { try Optimizer(rule, count: 1) }
      #expect(error?.name == name)
    }
    let error = #expect(throws: InvalidSetting.self) {
      try Optimizer(.sgd(), regularization: Regularization(l1: -1), count: 1)
    }
    #expect(error?.name == "l1")
    #expect(throws: InvalidSetting.self) { try GradientClipping(maximumNorm: 0) }
  }

  @Test func foreignStatesAreRefused() throws {
    var optimizer = try Optimizer(.adam(), count: 4)
    let before = optimizer.state
    let momentum = try Optimizer(.sgd(.classical(0.9)), count: 4).state
    #expect(
      throws: OptimizerStateError.bufferNames(expected: ["first_moment", "second_moment"], found: ["momentum"])
    ) { try optimizer.restore(momentum) }
    #expect(throws: OptimizerStateError.bufferCount(name: "first_moment", expected: 4, found: 5)) {
      try optimizer.restore(Optimizer(.adam(), count: 5).state)
    }
    #expect(throws: OptimizerStateError.negativeStepCount(-1)) {
      try optimizer.restore(OptimizerState(stepCount: -1, buffers: before.buffers))
    }
    #expect(optimizer.state == before)
  }
}

@Suite struct WeightAverageTests {
  /// The fourth update is the first whose decay is 0.35, 5/14 being above it; float64 by NumPy.
  @Test func fiveUpdatesMatchNumPy() throws {
    let expected = [0.748675787, -1.42144388, 2.25716582, 0.244703147, -0.735994318, 3.00212251]
    var weights = Trajectory.start
    var average = try weights.withUnsafeBufferPointer { try WeightAverage(decay: 0.35, parameters: $0) }
    for step in 0..<5 {
      for (index, gradient) in Trajectory.gradients(step: step).enumerated() { weights[index] += gradient }
      weights.withUnsafeBufferPointer { average.update($0) }
    }
    for (found, expected) in zip(average.values, expected) { #expect(abs(Double(found) - expected) < 2e-6) }
    #expect(average.updateCount == 5)
  }

  @Test func resumedAverageEqualsUninterruptedOneBitForBit() throws {
    var whole = try WeightAverage(decay: 0.9, updateCount: 0, values: waves(100, step: 0))
    for step in 1..<4 { waves(100, step: step).withUnsafeBufferPointer { whole.update($0) } }
    var resumed = try WeightAverage(decay: 0.9, updateCount: whole.updateCount, values: whole.values)
    for step in 4..<9 {
      waves(100, step: step).withUnsafeBufferPointer {
        whole.update($0)
        resumed.update($0)
      }
    }
    #expect(whole.values == resumed.values)
  }

  @Test(arguments: [-0.1, 1, .nan])
  func decayOutOfRangeIsRefused(_ decay: Double) {
    #expect(throws: InvalidSetting.self) { try WeightAverage(decay: decay, updateCount: 0, values: []) }
  }
}
