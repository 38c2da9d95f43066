import HostTensors
import Operators
import TensorTypes

// Half precision is a storage format here: Pare computes in float32. On import, float16 and bfloat16 become
// float32 everywhere in the graph: constants are widened (exactly), inputs and outputs are declared
// float32, and a Cast to a half type becomes a Cast to float32. A graph of half-precision activations thus
// computes the same function with fewer roundings.

extension DType {
  /// float32 for the half types, and otherwise the type itself.
  var widened: DType {
    switch self {
    case .float16, .bfloat16: .float32
    case .float32, .float64, .uint8, .int8, .uint16, .int16, .int32, .int64, .uint32, .uint64, .bool: self
    }
  }
}

extension Tensor {
  /// The tensor in float32 when its type is a half type, and otherwise the tensor itself.
  var widened: Tensor { dtype.widened == dtype ? self : converted(to: Float.self) }
}

extension NodeDefinition {
  /// The attributes that name an element type, changed from the half types to float32.
  mutating func widenHalf() {
    for name in ["to", "dtype", "output_dtype", "stash_type"] {
      if case .int(let number)? = attributes[name], let raw = UInt8(exactly: number), let dtype = DType(rawValue: raw) {
        attributes[name] = .int(Int(dtype.widened.rawValue))
      }
    }
  }
}
