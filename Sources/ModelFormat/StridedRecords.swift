/// Extents and element strides of a strided walk, outermost first; unused axes have extent 1.
public struct StridedExtents: BitwiseCopyable, Equatable, Sendable {
  public static var rank: Int { 6 }
  public var values: InlineArray<6, Int>

  public init(repeating value: Int) { values = .init(repeating: value) }

  /// Right-aligned: the last entries are `tail`, those before it `filler`.
  public init(_ tail: [Int], filler: Int) {
    values = .init(repeating: filler)
    for (offset, value) in tail.enumerated() { values[StridedExtents.rank - tail.count + offset] = value }
  }

  public subscript(axis: Int) -> Int {
    get { values[axis] }
    set { values[axis] = newValue }
  }

  public mutating func swapAt(_ first: Int, _ second: Int) { values.swapAt(first, second) }

  public static func == (left: StridedExtents, right: StridedExtents) -> Bool {
    for axis in 0..<rank where left[axis] != right[axis] { return false }
    return true
  }
}

/// `copy`: out[outOffset + i . outStrides] = x[inOffset + i . inStrides] for every index i below
/// `extents`, in elements of any type. Transposes, slices, concatenations, expansions and splits are this.
public struct CopyRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var inOffset = 0
  public var outOffset = 0
  public var extents = StridedExtents(repeating: 1)
  public var inStrides = StridedExtents(repeating: 0)
  public var outStrides = StridedExtents(repeating: 0)

  public init() {}

  public static var fields: StaticString { "tt cc cccccc ssssss ssssss" }
}

/// `fill`: every element of the output becomes the one with bits `pattern` (low bytes of the pair).
public struct FillRecord: StepRecord {
  public var output = TensorIndex.none
  public var patternLow: UInt32 = 0
  public var patternHigh: UInt32 = 0

  public init() {}

  public static var fields: StaticString { "t ww" }
}

/// `gather`: out[o, i, n] = x[o, indices[i], n] over [outer, axis, inner]; a negative index counts
/// from the end, one outside is clamped to the nearest. Indices: int32 or int64.
public struct GatherRecord: StepRecord {
  public var input = TensorIndex.none
  public var indices = TensorIndex.none
  public var output = TensorIndex.none
  public var outer = 1
  public var axis = 1
  public var inner = 1

  public init() {}

  public static var fields: StaticString { "ttt ccc" }
}

/// `interpolate`: out[o, i, n] = fma(x[o, high[i], n] - x[o, low[i], n], fraction[i], x[o, low[i], n])
/// in float32: one axis of a linear resize.
public struct InterpolateRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  /// int32 [output axis], constant, each below `axis`.
  public var low = TensorIndex.none
  public var high = TensorIndex.none
  /// float32 [output axis].
  public var fraction = TensorIndex.none
  public var outer = 1
  public var axis = 1
  public var inner = 1

  public init() {}

  public static var fields: StaticString { "ttttt ccc" }
}

/// `binaryFloat` and `compare`: out[i] = f(a[i . aStrides], b[i . bStrides]) over `extents`, the
/// output dense. `binaryFloat` takes float32; `compare` float32, int32, int64, bool, giving bool.
public struct BinaryRecord: StepRecord {
  public var a = TensorIndex.none
  public var b = TensorIndex.none
  public var output = TensorIndex.none
  public var function: UInt32 = 0
  /// Clamp of the result; `binaryFloat` only.
  public var low: Float = -.infinity
  public var high: Float = .infinity
  public var extents = StridedExtents(repeating: 1)
  public var aStrides = StridedExtents(repeating: 0)
  public var bStrides = StridedExtents(repeating: 0)

  public init() {}

  public static var fields: StaticString { "ttt wff cccccc ssssss ssssss" }
}

/// `select` (ONNX Where): out[i] = condition[i . conditionStrides] ? a[...] : b[...], elements of any type.
public struct SelectRecord: StepRecord {
  public var condition = TensorIndex.none
  public var a = TensorIndex.none
  public var b = TensorIndex.none
  public var output = TensorIndex.none
  public var extents = StridedExtents(repeating: 1)
  public var conditionStrides = StridedExtents(repeating: 0)
  public var aStrides = StridedExtents(repeating: 0)
  public var bStrides = StridedExtents(repeating: 0)

  public init() {}

  public static var fields: StaticString { "tttt cccccc ssssss ssssss ssssss" }
}

/// `cast`: out[i] = x[i] in the output's type; float to integer goes toward zero through int64 (saturated
/// there, NaN as 0), integers wrap to the narrower type.
public struct CastRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none

  public init() {}

  public static var fields: StaticString { "tt" }
}

/// `matMul`: out[b] = x[b] [rows, depth] times y[b] [depth, columns] of float32 activations, one fma
/// chain over depth ascending. A batch stride of 0 repeats the operand.
public struct MatMulRecord: StepRecord {
  public var a = TensorIndex.none
  public var b = TensorIndex.none
  public var output = TensorIndex.none
  public var rows = 1
  public var depth = 1
  public var columns = 1
  /// Extents and element strides of up to six batch axes; the output's are dense.
  public var batch = StridedExtents(repeating: 1)
  public var aStrides = StridedExtents(repeating: 0)
  public var bStrides = StridedExtents(repeating: 0)

  public init() {}

  public static var fields: StaticString { "ttt ccc cccccc ssssss ssssss" }
}
