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

  init(_ record: UnaryFloatRecord, _ loader: Loader) throws(StepProblem) {
    guard let function = UnaryFunction(rawValue: record.function) else {
      throw .format(.unknownFunction(found: record.function))
    }
    self.function = function
    count = try loader.record(record.input, "input").count
    input = try loader.input(record.input, "input", .float32).assumingMemoryBound(to: Float.self)
    output = try loader.output(record.output, "output", .float32, count: count).assumingMemoryBound(to: Float.self)
    alpha = record.alpha
    beta = record.beta
    kernels = loader.kernels
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    let alpha = alpha
    let beta = beta
    switch function {
    case .clip: kernels.pointee.clamp_f32(output, input, count, alpha, beta)
    case .leakyRelu: map { $0 < 0 ? $0 * alpha : $0 }
    case .elu: map { $0 < 0 ? Float(Double(alpha) * Transcendentals.expMinusOne(Double($0))) : $0 }
    case .sigmoid: map { Float(Transcendentals.sigmoid(Double($0))) }
    case .hardSigmoid: map { clamped($0 * alpha + beta) }
    case .hardSwish: map { $0 * clamped($0 * (1.0 / 6) + 0.5) }
    case .tanh: map { Float(Transcendentals.tanh(Double($0))) }
    case .softplus: map { Float(Transcendentals.softplus(Double($0))) }
    case .erf: map { Float(Transcendentals.erf(Double($0))) }
    case .gelu: map { Float(0.5 * Double($0) * (1 + Transcendentals.erf(Double($0) * 0.7071067811865476))) }
    case .geluTanh:
      map {
        let x = Double($0)
        return Float(0.5 * x * (1 + Transcendentals.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))))
      }
    case .exp: map { Float(Transcendentals.exp(Double($0))) }
    case .log: map { Float(Transcendentals.log(Double($0))) }
    case .sqrt: map { $0.squareRoot() }
    case .neg: map { -$0 }
    case .abs: map { Float(bitPattern: $0.bitPattern & 0x7FFF_FFFF) }
    }
  }

  /// min(max(x, 0), 1), NaN passing through.
  @inline(__always)
  private func clamped(_ x: Float) -> Float { x < 0 ? 0 : x > 1 ? 1 : x }

  @inline(__always)
  private func map(_ body: (Float) -> Float) {
    for index in 0..<count { output[index] = body(input[index]) }
  }
}

/// `binaryFloat`.
final class BinaryFloatStep: Step {
  private let walk: BinaryWalk
  private let function: BinaryFunction
  private let low: Float
  private let high: Float
  private let kernels: UnsafePointer<pare_kernels>

  init(_ record: BinaryRecord, _ loader: Loader) throws(StepProblem) {
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
    switch function {
    case .add: walk.map(Float.self, output) { $0 + $1 }
    case .sub: walk.map(Float.self, output) { $0 - $1 }
    case .mul: walk.map(Float.self, output) { $0 * $1 }
    case .div: walk.map(Float.self, output) { $0 / $1 }
    case .pow: walk.map(Float.self, output) { Transcendentals.pow($0, $1) }
    case .min: walk.map(Float.self, output) { $0 != $0 ? $0 : $1 != $1 ? $1 : $0 < $1 ? $0 : $1 }
    case .max: walk.map(Float.self, output) { $0 != $0 ? $0 : $1 != $1 ? $1 : $0 > $1 ? $0 : $1 }
    case .pRelu: walk.map(Float.self, output) { $0 < 0 ? $0 * $1 : $0 }
    }
    if low > -.infinity || high < .infinity { table.clamp_f32(output, output, walk.count, low, high) }
  }
}

/// `compare`: float32, int32, int64 or bool operands, bool result.
final class CompareStep: Step {
  private let walk: BinaryWalk
  private let function: CompareFunction

  init(_ record: BinaryRecord, _ loader: Loader) throws(StepProblem) {
    guard let function = CompareFunction(rawValue: record.function) else {
      throw .format(.unknownFunction(found: record.function))
    }
    self.function = function
    let dtype = try loader.record(record.a, "first operand").dtype
    switch dtype {
    case .bool, .uint8, .int8, .int32, .int64, .float32: break
    case .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16:
      throw .typeNotSupported("first operand", found: dtype)
    }
    walk = try BinaryWalk(record, operands: dtype, output: .bool, loader)
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    switch walk.dtype {
    case .float32: compare(Float.self)
    case .int32: compare(Int32.self)
    case .int64: compare(Int64.self)
    case .int8: compare(Int8.self)
    case .bool, .uint8, .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16: compare(UInt8.self)
    }
  }

  @inline(__always)
  private func compare<T: Comparable & ExpressibleByIntegerLiteral>(_ type: T.Type) {
    let output = walk.output.assumingMemoryBound(to: UInt8.self)
    switch function {
    case .equal: walk.map(type, output) { $0 == $1 ? 1 : 0 }
    case .greater: walk.map(type, output) { $0 > $1 ? 1 : 0 }
    case .less: walk.map(type, output) { $0 < $1 ? 1 : 0 }
    case .and: walk.map(type, output) { $0 != 0 && $1 != 0 ? 1 : 0 }
    case .or: walk.map(type, output) { $0 != 0 || $1 != 0 ? 1 : 0 }
    }
  }
}
