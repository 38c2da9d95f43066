import HostTensors
import TensorTypes

/// A function of one real number that an operator applies to every element.
protocol RealFunction {
  func value<T: RealElement>(at x: T) -> T
}

/// A function of one number, integer or real.
protocol NumberFunction {
  func value<T: ArithmeticElement>(at x: T) -> T
}

/// A function of two numbers of one type.
protocol PairFunction {
  func value<T: ArithmeticElement>(of a: T, _ b: T) -> T
}

/// A truth value of two numbers of one type.
protocol Comparison {
  func holds<T: ArithmeticElement>(_ a: T, _ b: T) -> Bool
}

/// A function of elements of one type, known to the compiler where it is used.
///
/// A closure handed through the accessors of `Tensor` stays a call for every element; a value of a
/// concrete type is inlined, and the loop is vectorized.
protocol ElementKernel {
  associatedtype Element: TensorElement
  func result(_ x: Element) -> Element
}

private struct RealKernel<Function: RealFunction, Element: RealElement>: ElementKernel {
  let function: Function
  @inline(__always) func result(_ x: Element) -> Element { function.value(at: x) }
}

private struct NumberKernel<Function: NumberFunction, Element: ArithmeticElement>: ElementKernel {
  let function: Function
  @inline(__always) func result(_ x: Element) -> Element { function.value(at: x) }
}

private struct NumberPairKernel<Function: PairFunction, Operand: ArithmeticElement>: PairKernel {
  let function: Function
  @inline(__always) func result(_ a: Operand, _ b: Operand) -> Operand { function.value(of: a, b) }
}

private struct TruthKernel<Function: Comparison, Operand: ArithmeticElement>: PairKernel {
  let function: Function
  @inline(__always) func result(_ a: Operand, _ b: Operand) -> Bool { function.holds(a, b) }
}

/// `kernel` of every element.
func mapElements<Kernel: ElementKernel>(_ x: Tensor, _ kernel: Kernel) -> Tensor {
  x.withElements(as: Kernel.Element.self) { source in
    Tensor(uninitialized: x.shape, of: Kernel.Element.self) { (target: UnsafeMutableBufferPointer<Kernel.Element>) in
      guard let from = source.baseAddress, let to = target.baseAddress else { return }
      Parallel.forEachRange(source.count, grain: elementGrain) { part in
        for index in part { to[index] = kernel.result(from[index]) }
      }
    }
  }
}

/// `function` of every element of `x`, which must hold floats.
func map(_ x: Tensor, _ function: some RealFunction) throws(OperatorError) -> Tensor {
  func real<T: RealElement>(_: T.Type) -> Tensor { mapElements(x, RealKernel<_, T>(function: function)) }
  return switch x.dtype {
  case .float32: real(Float.self)
  case .float64: real(Double.self)
  case .float16, .bfloat16: try map(x.widened, function).cast(to: x.dtype)
  case .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
    throw .inputType(0, expected: "a float type", found: x.dtype)
  }
}

/// `function` of every element of `x`, which must hold numbers.
func map(_ x: Tensor, _ function: some NumberFunction) throws(OperatorError) -> Tensor {
  func number<T: ArithmeticElement>(_: T.Type) -> Tensor { mapElements(x, NumberKernel<_, T>(function: function)) }
  return switch x.dtype {
  case .float32: number(Float.self)
  case .float64: number(Double.self)
  case .float16, .bfloat16: try map(x.widened, function).cast(to: x.dtype)
  case .uint8: number(UInt8.self)
  case .int8: number(Int8.self)
  case .uint16: number(UInt16.self)
  case .int16: number(Int16.self)
  case .uint32: number(UInt32.self)
  case .int32: number(Int32.self)
  case .uint64: number(UInt64.self)
  case .int64: number(Int64.self)
  case .bool: throw .inputType(0, expected: "a numeric type", found: .bool)
  }
}

/// `function` of every pair of elements of `a` and `b`, numbers of one type that broadcast to `shape`.
func map(_ a: Tensor, _ b: Tensor, shape: [Int], _ function: some PairFunction) throws(OperatorError) -> Tensor {
  func pairs<T: ArithmeticElement>(_: T.Type) -> Tensor {
    mapPairs(a, b, shape: shape, NumberPairKernel<_, T>(function: function))
  }
  switch a.dtype {
  case .float32: return pairs(Float.self)
  case .float64: return pairs(Double.self)
  case .float16, .bfloat16: return try map(a.widened, b.widened, shape: shape, function).cast(to: a.dtype)
  case .uint8: return pairs(UInt8.self)
  case .int8: return pairs(Int8.self)
  case .uint16: return pairs(UInt16.self)
  case .int16: return pairs(Int16.self)
  case .uint32: return pairs(UInt32.self)
  case .int32: return pairs(Int32.self)
  case .uint64: return pairs(UInt64.self)
  case .int64: return pairs(Int64.self)
  case .bool: throw .inputType(0, expected: "a numeric type", found: .bool)
  }
}

/// The truth of `comparison` for every pair of elements of `a` and `b`; truth values compare as 0 and 1.
func compare(_ a: Tensor, _ b: Tensor, shape: [Int], _ comparison: some Comparison) -> Tensor {
  func pairs<T: ArithmeticElement>(_: T.Type) -> Tensor {
    mapPairs(a, b, shape: shape, TruthKernel<_, T>(function: comparison))
  }
  switch a.dtype {
  case .float32: return pairs(Float.self)
  case .float64: return pairs(Double.self)
  case .float16, .bfloat16: return compare(a.widened, b.widened, shape: shape, comparison)
  case .uint8: return pairs(UInt8.self)
  case .int8: return pairs(Int8.self)
  case .uint16: return pairs(UInt16.self)
  case .int16: return pairs(Int16.self)
  case .uint32: return pairs(UInt32.self)
  case .int32: return pairs(Int32.self)
  case .uint64: return pairs(UInt64.self)
  case .int64: return pairs(Int64.self)
  case .bool: return compare(a.cast(to: .uint8), b.cast(to: .uint8), shape: shape, comparison)
  }
}

/// What element-wise operators require of their inputs' element type.
enum ElementClass {
  case float, numeric, bool, any

  func check(_ input: ValueInfo, _ index: Int) throws(OperatorError) {
    switch self {
    case .float: try input.requireFloat(index)
    case .numeric: try input.requireNumeric(index)
    case .bool: try input.requireType(index, .bool)
    case .any: break
    }
  }
}

/// The output of an operator of one input that keeps type and shape.
func sameAsInput(_ inputs: [ValueInfo?], _ name: String, _ elements: ElementClass) throws(OperatorError) -> ValueInfo {
  let input = try inputs.required(0, name)
  try elements.check(input, 0)
  return ValueInfo(dtype: input.dtype, shape: input.shape)
}

/// The output of an operator whose inputs share a type and broadcast; `result` replaces that type.
func broadcastOutput(
  _ inputs: [ValueInfo], _ elements: ElementClass, result: DType? = nil
) throws(OperatorError) -> ValueInfo {
  for (index, input) in inputs.enumerated() {
    try elements.check(input, index)
    guard input.dtype == inputs[0].dtype else {
      throw .inputType(index, expected: "\(inputs[0].dtype.name) as input 0", found: input.dtype)
    }
  }
  return try .checked(result ?? inputs[0].dtype, broadcastShape(inputs.map(\.shape)))
}

extension Operator {
  /// Shape inference of an operator of two inputs, `A` and `B`, that broadcast.
  func pairOutput(
    _ inputs: [ValueInfo?], _ elements: ElementClass, result: DType? = nil
  ) throws(OperatorError) -> ValueInfo {
    try broadcastOutput([inputs.required(0, "A"), inputs.required(1, "B")], elements, result: result)
  }
}

extension Operator where Self: RealFunction {
  /// The function of every element of input 0.
  func evaluateElements(_ inputs: [Tensor?], _ name: String) throws(OperatorError) -> [Tensor] {
    [try map(inputs.required(0, name), self)]
  }
}

extension Operator where Self: NumberFunction {
  /// The function of every element of input 0.
  func evaluateElements(_ inputs: [Tensor?], _ name: String) throws(OperatorError) -> [Tensor] {
    [try map(inputs.required(0, name), self)]
  }
}

extension Operator where Self: PairFunction {
  /// The function of every pair of elements of inputs 0 and 1.
  func evaluatePairs(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try pairOutput(inputs.infos, .numeric)
    return [try map(inputs.required(0, "A"), inputs.required(1, "B"), shape: output.shape, self)]
  }
}

extension Operator where Self: Comparison {
  /// The truth of every pair of elements of inputs 0 and 1.
  func evaluateTruth(_ inputs: [Tensor?], _ elements: ElementClass) throws(OperatorError) -> [Tensor] {
    let output = try pairOutput(inputs.infos, elements, result: .bool)
    return [compare(try inputs.required(0, "A"), try inputs.required(1, "B"), shape: output.shape, self)]
  }
}
