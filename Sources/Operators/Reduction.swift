import HostTensors
import TensorTypes

/// The axes that a reduction removes, as an attribute or an input, and what it leaves of them.
public struct ReductionAxes: Sendable {
  /// Whether reduced axes stay with extent 1.
  public let keepsAxes: Bool
  /// Whether no axes means no reduction, rather than reducing all.
  public let isIdentityWithoutAxes: Bool
  /// The axes written as an attribute by an older opset.
  private let attributeAxes: [Int]?

  init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1...2)
    keepsAxes = try definition.flag("keepdims", default: true)
    isIdentityWithoutAxes = try definition.flag("noop_with_empty_axes", default: false)
    attributeAxes = definition.inputCount > 1 ? nil : try definition.ints("axes")
  }

  var attributes: [String: AttributeValue] {
    ["keepdims": .int(keepsAxes ? 1 : 0), "noop_with_empty_axes": .int(isIdentityWithoutAxes ? 1 : 0)]
  }

  var attributeInputs: [Tensor?] { attributeAxes.map { [nil, Tensor(integers: $0)] } ?? [] }

  /// The reduced axes counted from the front, ascending, for inputs of which axes (input 1) is constant.
  public func axes(_ inputs: [ValueInfo?]) throws(OperatorError) -> [Int] {
    let rank = try inputs.required(0, "data").rank
    let axes = try inputs.optionalConstantIntegers(1, "axes") ?? attributeAxes ?? []
    if axes.isEmpty { return isIdentityWithoutAxes ? [] : Array(0..<rank) }
    return try normalizedAxes(axes, rank: rank)
  }

  func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let data = try inputs.required(0, "data")
    let axes = Set(try axes(inputs))
    let shape = data.shape.indices.compactMap { axis in
      axes.contains(axis) ? (keepsAxes ? 1 : nil) : data.shape[axis]
    }
    // An empty input may have an output of any extents.
    return try .checked(data.dtype, shape)
  }

  /// Axes that stay are passed on; the reduced ones lose no channel for `reason`, or are summed where it is nil.
  func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?], reason: String?) -> ChannelCoupling {
    guard let data = inputs.optional(0), let reduced = try? axes(inputs) else {
      return .opaque(reason: reason ?? "takes the sum over it")
    }
    var ties: [ChannelTie] = []
    var to = 0
    for axis in data.shape.indices {
      let isReduced = reduced.contains(axis)
      if !isReduced {
        ties.append(ChannelTie(count: data.shape[axis], [.input(0, axis: axis), .output(0, axis: to)]))
      } else if reason == nil {
        ties.append(ChannelTie(.mixes, count: data.shape[axis], [.input(0, axis: axis)]))
      }
      if keepsAxes || !isReduced { to += 1 }
    }
    return ChannelCoupling(ties: ties, otherwise: reason ?? "takes the sum over it")
  }

  /// The input's extents with those of reduced axes as 1.
  func keptShape(_ inputs: [ValueInfo?]) throws(OperatorError) -> [Int] {
    var shape = try inputs.required(0, "data").shape
    for axis in try axes(inputs) { shape[axis] = 1 }
    return shape
  }

  /// `gradient`, of the output's shape, repeated to the shape of the input.
  func expanded(_ gradient: Tensor, _ call: BackwardCall) throws(OperatorError) -> Tensor {
    let (kept, shape) = (try keptShape(call.inputInfos), try call.shape(0))
    return gradient.reshaped(kept).stridedCopy(shape: shape, strides: broadcastStrides(kept, to: shape))
  }

  /// The input with the reduced axes innermost, as rows of `rowCount` elements that each give one result.
  func rows(_ inputs: [Tensor?]) throws(OperatorError) -> (data: Tensor, rowCount: Int, output: ValueInfo) {
    let output = try output(inputs.infos)
    let data = try inputs.required(0, "data")
    let axes = try axes(inputs.infos)
    let kept = data.shape.indices.filter { !axes.contains($0) }
    let order = kept + axes
    let strides = data.shape.rowMajorStrides
    let rowCount = axes.reduce(1) { $0 * data.shape[$1] }
    if order == Array(data.shape.indices) { return (data, rowCount, output) }
    let moved = data.stridedCopy(shape: order.map { data.shape[$0] }, strides: order.map { strides[$0] })
    return (moved, rowCount, output)
  }
}

extension Tensor {
  /// A list of int64, as ONNX writes axes, shapes and the like.
  package init(integers: [Int]) {
    self.init(shape: [integers.count], elements: integers.map { Int64($0) })
  }
}

/// A function of the elements of one row.
protocol RowFunction {
  func value<T: ArithmeticElement>(of row: UnsafeBufferPointer<T>) -> T
}

/// `function` of each row of `rowCount` elements of `data`, which must hold numbers.
func reduceRows(
  _ data: Tensor, rowCount: Int, shape: [Int], _ function: some RowFunction
) throws(OperatorError) -> Tensor {
  @inline(__always) func reduce<T: ArithmeticElement>(_: T.Type) -> Tensor {
    data.withElements(as: T.self) { source in
      Tensor(shape: shape, of: T.self) { (target: UnsafeMutableBufferPointer<T>) in
        for index in 0..<shape.elementCount {
          let row = UnsafeBufferPointer(rebasing: source[index * rowCount..<(index + 1) * rowCount])
          target[index] = function.value(of: row)
        }
      }
    }
  }
  switch data.dtype {
  case .float32: return reduce(Float.self)
  case .float64: return reduce(Double.self)
  case .float16, .bfloat16:
    return try reduceRows(data.widened, rowCount: rowCount, shape: shape, function).cast(to: data.dtype)
  case .uint8: return reduce(UInt8.self)
  case .int8: return reduce(Int8.self)
  case .uint16: return reduce(UInt16.self)
  case .int16: return reduce(Int16.self)
  case .uint32: return reduce(UInt32.self)
  case .int32: return reduce(Int32.self)
  case .uint64: return reduce(UInt64.self)
  case .int64: return reduce(Int64.self)
  case .bool: throw .inputType(0, expected: "a numeric type", found: .bool)
  }
}

extension Operator where Self: RowFunction {
  /// One result per row of the reduced axes; without axes the input as it is.
  func evaluateReduction(_ inputs: [Tensor?], _ axes: ReductionAxes) throws(OperatorError) -> [Tensor] {
    let infos = inputs.infos
    if axes.isIdentityWithoutAxes, try axes.axes(infos).isEmpty { return [try inputs.required(0, "data")] }
    let rows = try axes.rows(inputs)
    return [try reduceRows(rows.data, rowCount: rows.rowCount, shape: rows.output.shape, self)]
  }
}
