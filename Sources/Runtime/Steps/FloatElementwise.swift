import CMicrokernels
import ModelFormat
import TensorTypes

/// `unaryFloat`.
final class UnaryFloatStep: Step {
  private let input: UnsafePointer<Float>
  private let output: UnsafeMutablePointer<Float>
  private let count: Int
  private let function: UnaryFunction
  private let alpha: Float
  private let beta: Float
  private let kernels: UnsafePointer<pare_kernels>

  init(_ record: UnaryFloatRecord, _ loader: borrowing Loader) throws(StepProblem) {
    guard let function = UnaryFunction(rawValue: record.function) else {
      throw .format(.unknownFunction(found: record.function))
    }
    self.function = function
    count = try loader.record(record.input, .input).count
    input = try loader.input(record.input, .input, .float32).assumingMemoryBound(to: Float.self)
    output = try loader.output(record.output, .output, .float32, count: count).assumingMemoryBound(to: Float.self)
    alpha = record.alpha
    beta = record.beta
    kernels = loader.kernels
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    if function == .clip {
      kernels.pointee.clamp_f32(output, input, count, alpha, beta)
      return
    }
    for index in 0..<count { output[index] = value(input[index]) }
  }

  /// The function of one element. One switch in one loop: the functions cost far more than the switch.
  @inline(__always)
  private func value(_ x: Float) -> Float {
    switch function {
    case .clip: x
    case .leakyRelu: x < 0 ? x * alpha : x
    case .elu: x < 0 ? Float(Double(alpha) * Transcendentals.expMinusOne(Double(x))) : x
    case .sigmoid: Float(Transcendentals.sigmoid(Double(x)))
    case .hardSigmoid: clamped(x * alpha + beta)
    case .hardSwish: x * clamped(x * (1.0 / 6) + 0.5)
    case .tanh: Float(Transcendentals.tanh(Double(x)))
    case .softplus: Float(Transcendentals.softplus(Double(x)))
    case .erf: Float(Transcendentals.erf(Double(x)))
    case .gelu: Float(0.5 * Double(x) * (1 + Transcendentals.erf(Double(x) * 0.7071067811865476)))
    case .geluTanh: Float(Transcendentals.geluTanh(Double(x)))
    case .exp: Float(Transcendentals.exp(Double(x)))
    case .log: Float(Transcendentals.log(Double(x)))
    case .sqrt: x.squareRoot()
    case .neg: -x
    case .abs: Float(bitPattern: x.bitPattern & 0x7FFF_FFFF)
    }
  }

  /// min(max(x, 0), 1), NaN passing through.
  @inline(__always)
  private func clamped(_ x: Float) -> Float { x < 0 ? 0 : x > 1 ? 1 : x }
}

/// `binaryFloat`.
final class BinaryFloatStep: Step {
  private let walk: BinaryWalk
  private let function: BinaryFunction
  private let low: Float
  private let high: Float
  private let kernels: UnsafePointer<pare_kernels>

  init(_ record: BinaryRecord, _ loader: borrowing Loader) throws(StepProblem) {
    guard let function = BinaryFunction(rawValue: record.function) else {
      throw .format(.unknownFunction(found: record.function))
    }
    self.function = function
    walk = try BinaryWalk(record, operands: .float32, output: .float32, loader)
    low = record.low
    high = record.high
    kernels = loader.kernels
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    let table = kernels.pointee
    let output = walk.output.assumingMemoryBound(to: Float.self)
    if walk.isElementwise, function == .add {
      table.add_f32(
        output, walk.a.assumingMemoryBound(to: Float.self), walk.b.assumingMemoryBound(to: Float.self), walk.count,
        low, high)
      return
    }
    walk.forEachRow { row in
      var a = row.a.assumingMemoryBound(to: Float.self)
      var b = row.b.assumingMemoryBound(to: Float.self)
      for index in row.first..<row.first &+ row.count {
        output[index] = value(a.pointee, b.pointee)
        a += row.aStride
        b += row.bStride
      }
    }
    if low > -.infinity || high < .infinity { table.clamp_f32(output, output, walk.count, low, high) }
  }

  @inline(__always)
  private func value(_ a: Float, _ b: Float) -> Float {
    switch function {
    case .add: a + b
    case .sub: a - b
    case .mul: a * b
    case .div: a / b
    case .pow: Transcendentals.pow(a, b)
    case .min: a != a ? a : b != b ? b : a < b ? a : b
    case .max: a != a ? a : b != b ? b : a > b ? a : b
    case .pRelu: a < 0 ? a * b : a
    }
  }
}

/// `compare`: float32, int32, int64 or bool operands, bool result.
final class CompareStep: Step {
  private let walk: BinaryWalk
  private let function: CompareFunction

  init(_ record: BinaryRecord, _ loader: borrowing Loader) throws(StepProblem) {
    guard let function = CompareFunction(rawValue: record.function) else {
      throw .format(.unknownFunction(found: record.function))
    }
    self.function = function
    let dtype = try loader.record(record.a, .firstOperand).dtype
    switch dtype {
    case .bool, .uint8, .int8, .int32, .int64, .float32: break
    case .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16:
      throw .typeNotSupported(.firstOperand, found: dtype)
    }
    walk = try BinaryWalk(record, operands: dtype, output: .bool, loader)
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    let output = walk.output.assumingMemoryBound(to: UInt8.self)
    let elementBytes = walk.dtype.byteCount
    walk.forEachRow { row in
      var a = row.a
      var b = row.b
      for index in row.first..<row.first &+ row.count {
        output[index] = holds(a, b) ? 1 : 0
        a += row.aStride &* elementBytes
        b += row.bStride &* elementBytes
      }
    }
  }

  @inline(__always)
  private func holds(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer) -> Bool {
    if walk.dtype == .float32 { return holds(a.load(as: Float.self), b.load(as: Float.self)) }
    return holds(integer(a), integer(b))
  }

  @inline(__always)
  private func integer(_ address: UnsafeRawPointer) -> Int64 {
    switch walk.dtype {
    case .int32: Int64(address.load(as: Int32.self))
    case .int64: address.load(as: Int64.self)
    case .int8: Int64(address.load(as: Int8.self))
    case .bool, .uint8, .float32, .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16:
      Int64(address.load(as: UInt8.self))
    }
  }

  @inline(__always)
  private func holds<T: Comparable & ExpressibleByIntegerLiteral>(_ a: T, _ b: T) -> Bool {
    switch function {
    case .equal: a == b
    case .greater: a > b
    case .less: a < b
    case .and: a != 0 && b != 0
    case .or: a != 0 || b != 0
    }
  }
}
