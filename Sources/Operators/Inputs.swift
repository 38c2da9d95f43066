import HostTensors
import TensorTypes

/// The inputs of an operator, either known by type (`ValueInfo`) or in full (`Tensor`).
extension Array {
  /// Input `index`, which the operator's specification calls `name` and requires.
  package func required<Input>(_ index: Int, _ name: String) throws(OperatorError) -> Input where Element == Input? {
    guard index < count, let input = self[index] else { throw .missingInput(index, name: name) }
    return input
  }

  /// Input `index`, nil where it is omitted.
  package func optional<Input>(_ index: Int) -> Input? where Element == Input? {
    index < count ? self[index] : nil
  }

  /// Every input, none of which may be omitted; at least one.
  package func allRequired<Input>(_ name: String) throws(OperatorError) -> [Input] where Element == Input? {
    guard !isEmpty else { throw .missingInput(0, name: name) }
    var inputs: [Input] = []
    for index in indices { inputs.append(try required(index, name)) }
    return inputs
  }
}

extension [ValueInfo?] {
  /// The value of input `index`, which must be known for the shapes to be known.
  package func constant(_ index: Int, _ name: String) throws(OperatorError) -> Tensor {
    guard let value = try required(index, name).constant else { throw .inputNotConstant(index, name: name) }
    return value
  }

  /// The elements of input `index`: constant, int64 or int32, of rank 0 or 1.
  package func constantIntegers(_ index: Int, _ name: String) throws(OperatorError) -> [Int] {
    let value = try constant(index, name)
    guard value.dtype == .int64 || value.dtype == .int32 else {
      throw .inputType(index, expected: "int64 or int32", found: value.dtype)
    }
    guard value.rank <= 1 else { throw .inputShape(index, expected: "a list of integers", found: value.shape) }
    return value.integers
  }

  /// As `constantIntegers`, nil where the input is omitted.
  package func optionalConstantIntegers(_ index: Int, _ name: String) throws(OperatorError) -> [Int]? {
    optional(index) == nil ? nil : try constantIntegers(index, name)
  }
}

extension [Tensor?] {
  /// The inputs as shape inference sees them, each known in full.
  package var infos: [ValueInfo?] { map { $0.map { ValueInfo($0) } } }
}

extension ValueInfo {
  package var rank: Int { shape.count }

  /// Throws `inputType` unless `condition` holds of the element type.
  package func require(
    _ index: Int, _ expected: String, _ condition: (DType) -> Bool
  ) throws(OperatorError) {
    guard condition(dtype) else { throw .inputType(index, expected: expected, found: dtype) }
  }

  package func requireFloat(_ index: Int) throws(OperatorError) {
    try require(index, "a float type") { $0.isFloat }
  }

  /// Every type but bool.
  package func requireNumeric(_ index: Int) throws(OperatorError) {
    try require(index, "a numeric type") { $0 != .bool }
  }

  package func requireType(_ index: Int, _ wanted: DType) throws(OperatorError) {
    try require(index, "\(wanted.name)") { $0 == wanted }
  }
}

/// The axis counted from the front: `axis` lies within -rank..<rank.
package func normalizedAxis(_ axis: Int, rank: Int) throws(OperatorError) -> Int {
  guard axis >= -rank, axis < rank else { throw .invalid("axis \(axis) is outside a tensor of rank \(rank)") }
  return axis < 0 ? axis + rank : axis
}

/// The axes counted from the front, ascending; none may be named twice.
package func normalizedAxes(_ axes: [Int], rank: Int) throws(OperatorError) -> [Int] {
  var normalized: [Int] = []
  for axis in axes { normalized.append(try normalizedAxis(axis, rank: rank)) }
  normalized.sort()
  for (axis, next) in zip(normalized, normalized.dropFirst()) where axis == next {
    throw .invalid("axis \(axis) is named twice in \(axes)")
  }
  return normalized
}

/// Greatest size of one tensor that shape inference or evaluation accepts: 16 GiB.
///
/// A hostile file can write any extent; beyond this bound it gets an error instead of memory.
package let maximumTensorBytes = 1 << 34

/// The number of elements of `shape`, which must be free of negative extents and within `maximumTensorBytes`.
@discardableResult
package func checkedElementCount(_ shape: [Int], of dtype: DType) throws(OperatorError) -> Int {
  let limit = maximumTensorBytes / dtype.byteCount
  guard shape.allSatisfy({ $0 >= 0 }) else { throw .invalid("shape \(shape) has a negative extent") }
  // Extents of empty tensors count as 1, so that later products of a part of the extents cannot overflow.
  var count = 1
  for extent in shape {
    let (product, overflow) = count.multipliedReportingOverflow(by: Swift.max(extent, 1))
    guard !overflow, product <= limit else { throw .invalid("shape \(shape) is too large") }
    count = product
  }
  return shape.contains(0) ? 0 : count
}

/// `a` + `b`, or an error where the sum does not fit.
package func checkedSum(_ a: Int, _ b: Int) throws(OperatorError) -> Int {
  let (sum, overflow) = a.addingReportingOverflow(b)
  guard !overflow else { throw .invalid("\(a) + \(b) is too large") }
  return sum
}

/// `a` * `b`, or an error where the product does not fit.
package func checkedProduct(_ a: Int, _ b: Int) throws(OperatorError) -> Int {
  let (product, overflow) = a.multipliedReportingOverflow(by: b)
  guard !overflow else { throw .invalid("\(a) * \(b) is too large") }
  return product
}

extension ValueInfo {
  /// An output of `dtype` and `shape`, whose extents are checked by `checkedElementCount`.
  package static func checked(_ dtype: DType, _ shape: [Int]) throws(OperatorError) -> ValueInfo {
    try checkedElementCount(shape, of: dtype)
    return ValueInfo(dtype: dtype, shape: shape)
  }
}

/// Most elements that shape inference computes: enough for shape arithmetic, never for weights.
package let maximumFoldedElements = 1024

extension Operator {
  /// `outputs` with their values, where every input is known and inputs and outputs are small.
  package func folded(_ outputs: [ValueInfo], from inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    var values: [Tensor?] = []
    for input in inputs {
      if let input {
        guard let value = input.constant, value.count <= maximumFoldedElements else { return outputs }
        values.append(value)
      } else {
        values.append(nil)
      }
    }
    guard outputs.allSatisfy({ $0.shape.elementCount <= maximumFoldedElements }) else { return outputs }
    return try evaluate(values).map { ValueInfo($0) }
  }
}
