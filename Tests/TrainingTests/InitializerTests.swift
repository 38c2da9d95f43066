import Testing
import Training

/// Literals are of an independent Python version of the generators.
@Suite struct ParameterStreamTests {
  @Test func numbersMatchAnIndependentVersion() {
    var stream = ParameterStream(seed: 7, name: "conv.weight")
    let words = (0..<3).map { _ in UInt64(stream.unit() * 0x1p53) << 11 }
    #expect(
      words == [0x6fd8_6c92_0cef_06f6, 0xab38_f1cb_e418_d857, 0x31d3_2ed6_b8b1_30ae].map { $0 & ~UInt64(0x7FF) })
  }

  @Test func normalDeviatesMatchAnIndependentVersion() {
    var stream = ParameterStream(seed: 7, name: "conv.weight")
    let expected = [
      -0.7072695207515414, 1.8923357234660312, -1.3997278169848952, -0.08048666622728311, 0.33088032270447854,
      -0.9808075579589834,
    ]
    for value in expected {
      let found = stream.normal()
      #expect(abs(found - value) < 1e-15, "\(found)")
    }
  }

  @Test func normalDeviatesHaveTheirMoments() {
    var stream = ParameterStream(seed: 1, name: "moments")
    let values = (0..<100_000).map { _ in stream.normal() }
    let count = Double(values.count)
    // Standard errors: 0.0032 of the mean, 0.0045 of the variance, 0.031 of the fourth moment, which is 3.
    #expect(abs(values.reduce(0, +) / count) < 0.012)
    #expect(abs(values.reduce(0) { $0 + $1 * $1 } / count - 1) < 0.018)
    #expect(abs(values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count - 3) < 0.12)
  }

  @Test(arguments: [
    (1e-300, -690.7755278982137), (0.1, -2.302585092994046), (0.5, -0.6931471805599453), (1, 0),
    (1.5, 0.4054651081081644), (10, 2.302585092994046), (1e300, 690.7755278982137),
  ])
  func logarithmIsThatOfMathematics(_ x: Double, _ expected: Double) {
    #expect(abs(PortableMath.log(x) - expected) <= 0x1p-51 * max(1, abs(expected)))
  }

  @Test func cosineIsThatOfMathematics() {
    #expect([0, 0.5, 1].map(PortableMath.cosinePi) == [1, 0, -1])
    let expected = [
      0.9510565162951535, 0.8090169943749475, 0.5877852522924731, 0.30901699437494745, 0, -0.30901699437494745,
      -0.5877852522924731, -0.8090169943749475, -0.9510565162951535,
    ]
    for (index, value) in expected.enumerated() {
      #expect(abs(PortableMath.cosinePi(Double(index + 1) / 10) - value) < 0x1p-51)
    }
  }
}

@Suite struct InitializerTests {
  private func values(_ initializer: Initializer, _ shape: [Int], name: String = "w", seed: UInt64 = 3) throws
    -> [Float]
  {
    try initializer.values(shape: shape, fans: Fans(outputsFirst: shape), seed: seed, name: name)
  }

  /// Fans of [4, 2, 3, 3]: 18 in, 36 out; of [12, 18]: 18 in, 12 out. First six weights, computed in Python.
  @Test func firstWeightsMatchAnIndependentVersion() throws {
    let cases: [(Initializer, [Int], [Float])] = [
      (.kaimingUniform(), [4, 2, 3, 3], [0.06621017, 0.12563577, -0.5548904, 0.32245982, 0.11256339, -0.4589878]),
      (.kaimingNormal(), [4, 2, 3, 3], [0.36809087, 0.6984634, 0.07105252, -0.28972334, 0.012986387, 0.07614129]),
      (.xavierUniform(), [12, 18], [0.05128618, 0.097317055, -0.42981628, 0.2497763, 0.08719122, -0.3555304]),
      (.xavierNormal(), [12, 18], [0.28512198, 0.5410274, 0.055037048, -0.22441873, 0.010059212, 0.058978792]),
    ]
    for (initializer, shape, expected) in cases {
      for (found, expected) in zip(try values(initializer, shape), expected) {
        #expect(abs(found - expected) <= abs(expected) * 2e-7, "\(initializer)")
      }
    }
  }

  @Test func fansFollowTheLayout() throws {
    #expect(try Fans(outputsFirst: [8, 3, 5, 5]) == Fans(input: 75, output: 200))
    #expect(try Fans(inputsFirst: [8, 3, 5, 5]) == Fans(input: 200, output: 75))
    #expect(try Fans(inputsFirst: [784, 10]) == Fans(input: 784, output: 10))
    #expect(throws: InitializerError.shape([8], expected: "two axes or more")) { try Fans(outputsFirst: [8]) }
  }

  @Test func gainsAreThoseOfTheLiterature() {
    #expect(Initializer.Nonlinearity.relu.gain == 1.4142135623730951)
    #expect(Initializer.Nonlinearity.leakyRelu(slope: 1).gain == 1)
    #expect(Initializer.Nonlinearity.leakyRelu(slope: 0).gain == Initializer.Nonlinearity.relu.gain)
    #expect(Initializer.Nonlinearity.tanh.gain == 5.0 / 3 && Initializer.Nonlinearity.linear.gain == 1)
  }

  static let variances: [(Initializer, Double)] = [
    (.kaimingNormal(.relu), 0.02), (.kaimingUniform(.relu), 0.02), (.kaimingUniform(.linear), 0.01),
    (.kaimingNormal(.tanh), 0.0277778), (.xavierUniform(), 0.00666667), (.xavierNormal(gain: 2), 0.0266667),
    (.normal(deviation: 0.5), 0.25), (.uniform(low: -1, high: 1), 0.333333),
  ]

  /// 20,000 weights, with fans of 100 and 200: the variance has a standard error of 1 % for normal and 0.7 % for
  /// uniform ones.
  @Test(arguments: variances)
  func varianceIsThatOfTheFormula(_ initializer: Initializer, _ variance: Double) throws {
    let values = try values(initializer, [200, 100])
    let found = values.reduce(0) { $0 + Double($1) * Double($1) } / Double(values.count)
    #expect(abs(found / variance - 1) < 0.04, "\(found), expected \(variance)")
  }

  @Test func constantsAreConstant() throws {
    #expect(try values(.zeros, [2, 3]) == [0, 0, 0, 0, 0, 0])
    #expect(try values(.ones, [2, 2]) == [1, 1, 1, 1])
  }

  @Test func weightsDependOnSeedAndNameAlone() throws {
    let first = try values(.kaimingNormal(), [16, 16], name: "a")
    _ = try values(.kaimingNormal(), [5, 5], name: "between")
    #expect(try values(.kaimingNormal(), [16, 16], name: "a") == first)
    #expect(try values(.kaimingNormal(), [16, 16], name: "b") != first)
    #expect(try values(.kaimingNormal(), [16, 16], name: "a", seed: 4) != first)
  }

  /// Rows of a wide matrix, columns of a tall one; Floats of unit vectors round by 2^-25 each.
  @Test(arguments: [[1, 1], [3, 3], [4, 9], [9, 4], [64, 64], [1, 7], [2, 3, 5, 5]])
  func orthogonalMatricesAreOrthogonal(_ shape: [Int]) throws {
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    let all = try values(.orthogonal(gain: 2), shape)
    for start in stride(from: 0, to: all.count, by: rows * columns) {
      let matrix = all[start..<start + rows * columns].map { Double($0) / 2 }
      let isWide = rows <= columns
      func element(_ vector: Int, _ index: Int) -> Double {
        isWide ? matrix[vector * columns + index] : matrix[index * columns + vector]
      }
      for a in 0..<min(rows, columns) {
        for b in 0...a {
          let product = (0..<max(rows, columns)).reduce(0) { $0 + element(a, $1) * element(b, $1) }
          #expect(abs(product - (a == b ? 1 : 0)) < 1e-6, "\(a), \(b)")
        }
      }
    }
  }

  /// NumPy's QR decomposition of the same deviates, with the signs that make R's diagonal positive.
  @Test func orthogonalMatrixIsThatOfNumPy() throws {
    let expected = [
      -0.0334061871, -0.30106509, 0.953018278, 0.980413114, 0.175314436, 0.0897495067, 0.194098305, -0.937349807,
      -0.289311576,
    ]
    for (found, expected) in zip(try values(.orthogonal(), [3, 3], name: "r", seed: 5), expected) {
      #expect(abs(Double(found) - expected) < 1e-7)
    }
  }

  @Test func badSettingsAreRefused() {
    for (initializer, name) in [
      (Initializer.normal(deviation: -1), "deviation"), (.uniform(low: 1, high: 0), "high"),
      (.xavierNormal(gain: .nan), "gain"), (.kaimingNormal(.leakyRelu(slope: .infinity)), "slope"),
    ] {
      let error = #expect(throws: InitializerError.self) { try values(initializer, [2, 2]) }
      guard case .setting(let setting) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(setting.name == name)
    }
    #expect(throws: InitializerError.shape([4], expected: "two axes or more")) {
      try Initializer.orthogonal().values(shape: [4], fans: Fans(input: 4, output: 4), seed: 1, name: "b")
    }
  }
}
