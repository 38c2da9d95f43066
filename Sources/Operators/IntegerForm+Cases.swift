import HostTensors
import TensorTypes

extension IntegerForm {
  static let notFloat = IntegerForm.floatOnly(reason: "not a float tensor")

  /// `form` where every input that is present holds floats.
  static func forFloats(_ inputs: [ValueInfo?], _ form: IntegerForm) -> IntegerForm {
    inputs.allSatisfy { $0 == nil || $0?.dtype.isFloat == true } ? form : notFloat
  }

  /// `form` where input 0 holds floats; the other inputs are indices, shapes and the like.
  static func forFloatData(_ inputs: [ValueInfo?], _ form: IntegerForm) -> IntegerForm {
    inputs.optional(0)?.dtype.isFloat == true ? form : notFloat
  }

  /// `table` where input 0 is the only one not known and the others are single constants: then the
  /// operator is a function of one value. Otherwise float only for `reason`.
  static func tableIfUnary(_ inputs: [ValueInfo?], otherwise reason: String) -> IntegerForm {
    guard inputs.optional(0)?.dtype.isFloat == true else { return notFloat }
    let others = inputs.dropFirst().compactMap(\.self)
    guard inputs.optional(0)?.constant == nil, others.allSatisfy({ $0.constant != nil && $0.shape.elementCount == 1 })
    else { return .floatOnly(reason: reason) }
    return .table
  }
}
