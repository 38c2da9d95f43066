// One struct for each step's fields; docs/format.md gives each field's meaning beside its position.

/// A type whose fields are words of a step.
///
/// A struct of these fields and nothing else, in their order: the words are read and written by one walk over its
/// memory, because code for every field of every step would be several kilobytes of an executable.
public protocol StepRecord: BitwiseCopyable, Sendable {
  init()

  /// The kind of each field: t `TensorIndex`, w `UInt32`, i `Int32`, f `Float`, c a count and s a signed stride, both
  /// `Int`. Spaces are for the eye.
  static var fields: StaticString { get }
}

extension StepRecord {
  /// Reads all fields; the reader must hold exactly those.
  public init(_ reader: WordReader) throws(FormatError) {
    // Memory of its own, since setting every field first would be code for each of them.
    let record = UnsafeMutablePointer<Self>.allocate(capacity: 1)
    defer { record.deallocate() }
    var reader = reader
    try reader.whole(record, Self.fields)
    self = record.pointee
  }

  /// Reads or writes all fields.
  public mutating func code<C: WordCoder & ~Copyable>(_ coder: inout C) throws(FormatError) {
    try withUnsafeMutableBytes(of: &self) { (record) throws(FormatError) in
      try coder.record(record.baseAddress!, Self.fields)
    }
  }
}

/// The affine mapping of one int8 or uint8 operand.
public struct AffineRecord: BitwiseCopyable, Equatable, Sendable {
  public var scale: Float = 1
  public var zeroPoint: Int32 = 0

  public init() {}
  public init(scale: Float, zeroPoint: Int32) {
    self.scale = scale
    self.zeroPoint = zeroPoint
  }
}

/// `convolutionFloat`, `depthwiseFloat`: out = clamp(bias + sum of image x weights, low, high).
///
/// Weights: [outChannels][kernelHeight][kernelWidth][inChannels / groups] float; depthwise
/// [kernelHeight][kernelWidth][channels]. A dense layer is a 1x1 convolution over a 1 x rows image.
public struct ConvolutionFloatRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var weights = TensorIndex.none
  public var bias = TensorIndex.none
  public var scratch = TensorIndex.none
  public var groups = 1
  /// Rows of output computed from one filling of the scratch.
  public var bandRows = 1
  public var low: Float = -.infinity
  public var high: Float = .infinity
  public var window = WindowGeometry()

  public init() {}

  public static var fields: StaticString { "ttttt ccff ccccccccccccccc" }
}

/// `convolutionInt8`, `depthwiseInt8`: out = clamp(rne(acc * m[c]) + zero point, low, high), where
/// acc = bias + sum of (image - input zero point) x weights, exactly in int32, and
/// m[c] = (input scale x weight scale[c]) / output scale in Float32, left to right.
public struct ConvolutionInt8Record: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var weights = TensorIndex.none
  /// int32 [outChannels], or none for zeros.
  public var bias = TensorIndex.none
  /// float32 [outChannels].
  public var weightScales = TensorIndex.none
  public var scratch = TensorIndex.none
  public var groups = 1
  public var bandRows = 1
  public var inputAffine = AffineRecord()
  public var outputAffine = AffineRecord()
  /// Least and greatest quantized value: the fused activation.
  public var low: Int32 = 0
  public var high: Int32 = 255
  public var window = WindowGeometry()

  public init() {}

  public static var fields: StaticString { "tttttt cc fi fi ii ccccccccccccccc" }
}

/// `maxPool`: the greatest element under the window, padding left out. float32, int8 or uint8.
public struct MaxPoolRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var window = WindowGeometry()

  public init() {}

  public static var fields: StaticString { "tt ccccccccccccccc" }
}

/// `averagePoolFloat`: the sum over the window's taps in row order, divided by the number of taps
/// inside the image, or inside the padded image too where `countPadding` is 1.
public struct AveragePoolFloatRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var countPadding: UInt32 = 0
  /// Extents of the padding behind the image, which `countPadding` needs.
  public var padBottom = 0
  public var padRight = 0
  public var window = WindowGeometry()

  public init() {}

  public static var fields: StaticString { "tt wcc ccccccccccccccc" }
}

/// `averagePoolInt8`: out = clamp(rne(sum x m) + zero point), sum of (x - input zero point) over the
/// taps inside the image, exactly in int32, m = (input scale / output scale) / taps in Float32.
public struct AveragePoolInt8Record: StepRecord {
  public var pool = AveragePoolFloatRecord()
  public var inputAffine = AffineRecord()
  public var outputAffine = AffineRecord()

  public init() {}

  public static var fields: StaticString { "tt wcc ccccccccccccccc fi fi" }
}

/// `addInt8` and `mulInt8` over two operands of the output's extents.
///
/// add: out = clamp(rne(fma(a, ra, fma(b, rb, fixed)))), ra = a scale / out scale, rb likewise,
/// fixed = out zero - (ra x a zero + rb x b zero). mul: out = clamp(rne(p x m) + out zero),
/// p = (a - a zero) x (b - b zero), m = (a scale x b scale) / out scale.
public struct BinaryInt8Record: StepRecord {
  public var a = TensorIndex.none
  public var b = TensorIndex.none
  public var output = TensorIndex.none
  public var aAffine = AffineRecord()
  public var bAffine = AffineRecord()
  public var outputAffine = AffineRecord()
  public var low: Int32 = 0
  public var high: Int32 = 255
  /// b repeats after this many elements (a channel vector), or has the output's count.
  public var bCount = 0

  public init() {}

  public static var fields: StaticString { "ttt fi fi fi iic" }
}

/// `table`: out[i] = table[x[i]], the byte of x as an unsigned index; 256 entries.
public struct TableRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var table = TensorIndex.none

  public init() {}

  public static var fields: StaticString { "ttt" }
}

/// `quantize` (float32 to int8/uint8) and `dequantize` (back), per tensor.
public struct AffineMapRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var affine = AffineRecord()

  public init() {}

  public static var fields: StaticString { "tt fi" }
}

/// `unaryFloat`: out[i] = f(x[i]); see `UnaryFunction`.
public struct UnaryFloatRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var function: UInt32 = 0
  public var alpha: Float = 0
  public var beta: Float = 0

  public init() {}

  public static var fields: StaticString { "tt wff" }
}

/// `softmax`: over the middle extent of [outer, axis, inner]; its logarithm where `logarithm` is 1.
public struct SoftmaxRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var outer = 1
  public var axis = 1
  public var inner = 1
  public var logarithm: UInt32 = 0

  public init() {}

  public static var fields: StaticString { "tt cccw" }
}

/// `reduce`: mean, sum or max over the middle extent of [outer, axis, inner] of float32.
public struct ReduceRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var function: UInt32 = 0
  public var outer = 1
  public var axis = 1
  public var inner = 1

  public init() {}

  public static var fields: StaticString { "tt wccc" }
}

/// `argMax`: int64 index of the greatest element of the middle extent; the first, or the last where
/// `selectLast` is 1. float32, int8 or uint8.
public struct ArgMaxRecord: StepRecord {
  public var input = TensorIndex.none
  public var output = TensorIndex.none
  public var outer = 1
  public var axis = 1
  public var inner = 1
  public var selectLast: UInt32 = 0

  public init() {}

  public static var fields: StaticString { "tt cccw" }
}
