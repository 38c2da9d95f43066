import TensorTypes

/// A Swift type that holds one element of a tensor.
public protocol TensorElement: BitwiseCopyable, Sendable, Equatable {
  static var dtype: DType { get }
  /// The value as a Double; exact for every type but 64-bit integers beyond 2^53.
  var asDouble: Double { get }
  /// The nearest representable value; integers truncate toward zero and wrap as in C, per ONNX Cast.
  init(converting value: Double)
}

/// An element of a type with arithmetic: every element type but `Bool`.
public protocol NumericElement: TensorElement, Comparable, Numeric {}

extension Float: NumericElement {
  public static var dtype: DType { .float32 }
  public var asDouble: Double { Double(self) }
  public init(converting value: Double) { self = Float(value) }
}

extension Double: NumericElement {
  public static var dtype: DType { .float64 }
  public var asDouble: Double { self }
  public init(converting value: Double) { self = value }
}

extension Float16: NumericElement {
  public static var dtype: DType { .float16 }
  public var asDouble: Double { Double(self) }
  public init(converting value: Double) { self = Float16(value) }
}

extension Bool: TensorElement {
  public static var dtype: DType { .bool }
  public var asDouble: Double { self ? 1 : 0 }
  public init(converting value: Double) { self = value != 0 }
}

/// The upper half of an IEEE 754 single: 8 exponent bits, 7 fraction bits.
public struct BFloat16: TensorElement {
  public var bitPattern: UInt16

  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  public static var dtype: DType { .bfloat16 }
  public var asDouble: Double { Double(Float(bitPattern: UInt32(bitPattern) << 16)) }

  /// Rounds to nearest, ties to even; NaN stays NaN.
  public init(converting value: Double) {
    let bits = Float(value).bitPattern
    if value.isNaN {
      bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x40
    } else {
      bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }
  }
}

extension TensorElement where Self: FixedWidthInteger {
  public var asDouble: Double { Double(self) }

  public init(converting value: Double) {
    if let wide = Int64(exactly: value.rounded(.towardZero)) {
      self = Self(truncatingIfNeeded: wide)
    } else if let wide = UInt64(exactly: value.rounded(.towardZero)) {
      self = Self(truncatingIfNeeded: wide)
    } else {
      self = 0
    }
  }
}

extension Int8: NumericElement { public static var dtype: DType { .int8 } }
extension Int16: NumericElement { public static var dtype: DType { .int16 } }
extension Int32: NumericElement { public static var dtype: DType { .int32 } }
extension Int64: NumericElement { public static var dtype: DType { .int64 } }
extension UInt8: NumericElement { public static var dtype: DType { .uint8 } }
extension UInt16: NumericElement { public static var dtype: DType { .uint16 } }
extension UInt32: NumericElement { public static var dtype: DType { .uint32 } }
extension UInt64: NumericElement { public static var dtype: DType { .uint64 } }
