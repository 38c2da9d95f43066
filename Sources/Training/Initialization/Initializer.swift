import HostTensors

/// How the weights of a layer are drawn before training.
public enum Initializer: Sendable, Equatable {
  case zeros
  case ones
  case uniform(low: Double, high: Double)
  case normal(mean: Double = 0, deviation: Double)
  /// Uniform within gain * sqrt(3 / fan-in) of 0: He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.
  case kaimingUniform(Nonlinearity = .relu)
  /// Normal with deviation gain / sqrt(fan-in), from the same source.
  case kaimingNormal(Nonlinearity = .relu)
  /// Uniform within gain * sqrt(6 / (fan-in + fan-out)) of 0: Glorot and Bengio, "Understanding the difficulty of
  /// training deep feedforward neural networks", 2010.
  case xavierUniform(gain: Double = 1)
  /// Normal with deviation gain * sqrt(2 / (fan-in + fan-out)), from the same source.
  case xavierNormal(gain: Double = 1)
  /// For each matrix of the last two axes, orthonormal rows or columns, whichever are fewer, times `gain`: Saxe,
  /// McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning", 2014. The recurrent weights of
  /// a layer with gates are given as [directions * gates, hidden, hidden], so that each gate has its own.
  case orthogonal(gain: Double = 1)

  /// What follows a layer, for the gain that keeps the variance of its outputs.
  public enum Nonlinearity: Sendable, Equatable {
    /// Also sigmoid and whatever else is nearly linear at the scale of PyTorch's table.
    case linear
    case tanh
    case relu
    case leakyRelu(slope: Double)

    /// As PyTorch's `calculate_gain`: 1, 5/3, sqrt 2, sqrt(2 / (1 + slope^2)).
    public var gain: Double {
      switch self {
      case .linear: 1
      case .tanh: 5.0 / 3
      case .relu: 2.0.squareRoot()
      case .leakyRelu(let slope): (2 / (1 + slope * slope)).squareRoot()
      }
    }
  }
}

/// How many numbers one output of a layer reads (`input`), and how many outputs one input takes part in (`output`).
public struct Fans: Sendable, Equatable {
  public var input: Int
  public var output: Int

  public init(input: Int, output: Int) {
    self.input = input
    self.output = output
  }

  /// Of weights [outputs, inputs, kernel...]: Conv, Gemm with a transposed right side, and recurrent layers' gates.
  ///
  /// The inputs of a grouped convolution are those of one group. Errors: fewer than two axes.
  public init(outputsFirst shape: [Int]) throws(InitializerError) {
    guard shape.count >= 2 else { throw .shape(shape, expected: "two axes or more") }
    let kernel = shape.dropFirst(2).reduce(1, *)
    self.init(input: shape[1] * kernel, output: shape[0] * kernel)
  }

  /// Of weights [inputs, outputs, kernel...]: MatMul, Gemm and ConvTranspose. Errors: fewer than two axes.
  public init(inputsFirst shape: [Int]) throws(InitializerError) {
    let fans = try Fans(outputsFirst: shape)
    self.init(input: fans.output, output: fans.input)
  }
}

public enum InitializerError: Error, Sendable, Equatable {
  case setting(InvalidSetting)
  case shape([Int], expected: String)
}

extension Initializer {
  /// The numbers of the parameter `name` of `shape`.
  ///
  /// They depend on `seed`, `name`, `shape` and `fans` alone, not on what else is drawn, and are the same on every
  /// machine: computed in Double by operations that IEEE 754 rounds exactly, then rounded once. Errors: a setting
  /// out of range, or a shape that has no matrix.
  public func values(shape: [Int], fans: Fans, seed: UInt64, name: String) throws(InitializerError) -> [Float] {
    var stream = ParameterStream(seed: seed, name: name)
    let count = shape.elementCount
    func uniform(_ low: Double, _ high: Double) -> [Float] {
      (0..<count).map { _ in Float(low + (high - low) * stream.unit()) }
    }
    func normal(_ mean: Double, _ deviation: Double) -> [Float] {
      (0..<count).map { _ in Float(mean + deviation * stream.normal()) }
    }
    try check()
    let (input, both) = (Double(max(fans.input, 1)), Double(max(fans.input + fans.output, 1)))
    switch self {
    case .zeros: return [Float](repeating: 0, count: count)
    case .ones: return [Float](repeating: 1, count: count)
    case .uniform(let low, let high): return uniform(low, high)
    case .normal(let mean, let deviation): return normal(mean, deviation)
    case .kaimingUniform(let nonlinearity):
      let bound = nonlinearity.gain * (3 / input).squareRoot()
      return uniform(-bound, bound)
    case .kaimingNormal(let nonlinearity): return normal(0, nonlinearity.gain / input.squareRoot())
    case .xavierUniform(let gain):
      let bound = gain * (6 / both).squareRoot()
      return uniform(-bound, bound)
    case .xavierNormal(let gain): return normal(0, gain * (2 / both).squareRoot())
    case .orthogonal(let gain):
      guard shape.count >= 2 else { throw .shape(shape, expected: "two axes or more") }
      let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
      return (0..<shape.dropLast(2).reduce(1, *)).flatMap { _ in
        OrthogonalMatrix.drawn(rows: rows, columns: columns, from: &stream).map { Float(gain * $0) }
      }
    }
  }

  private func check() throws(InitializerError) {
    func finite(_ name: String, _ value: Double) throws(InvalidSetting) {
      try InvalidSetting.unless(value.isFinite, name, value, "\(name) finite")
    }
    do throws(InvalidSetting) {
      switch self {
      case .zeros, .ones: break
      case .uniform(let low, let high):
        try finite("low", low)
        try finite("high", high)
        try InvalidSetting.unless(low <= high, "high", high, "low <= high")
      case .normal(let mean, let deviation):
        try finite("mean", mean)
        try InvalidSetting.unless(deviation >= 0 && deviation.isFinite, "deviation", deviation, "deviation >= 0")
      case .kaimingUniform(let nonlinearity), .kaimingNormal(let nonlinearity):
        if case .leakyRelu(let slope) = nonlinearity { try finite("slope", slope) }
      case .xavierUniform(let gain), .xavierNormal(let gain), .orthogonal(let gain): try finite("gain", gain)
      }
    } catch { throw .setting(error) }
  }
}
