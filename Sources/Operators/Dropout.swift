import HostTensors
import TensorTypes

/// ONNX Dropout: in inference the input as it is, and a mask that is true everywhere; in training each element
/// is 0 with a probability of `ratio`, the others are scaled by 1 / (1 - ratio).
///
/// The ratio is an attribute up to opset 11 and an optional input from opset 12, 0.5 where there is none.
/// Evaluation is inference: training mode with a ratio above 0 is refused there, since its result is random.
public struct Dropout: Operator, CanonicalInputs {
  public static let kind = OperatorKind.dropout

  /// Whether the node asks for the mask.
  public let hasMask: Bool
  /// The ratio written as attribute; nil where there is none.
  private let ratio: Float?
  /// What a file asks random numbers to begin with; training has seeds of its own.
  private let seed: Int?

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1...3)
    try definition.requireOutputs(1...2)
    hasMask = definition.outputCount == 2
    ratio = try definition.float("ratio")
    seed = definition.attributes["seed"] == nil ? nil : try definition.int("seed", default: 0)
  }

  public var attributes: [String: AttributeValue] { seed.map { ["seed": .int($0)] } ?? [:] }

  public func attributeInputs(_ inputs: [ValueInfo?]) -> [Tensor?] { ratio.map { [nil, Tensor(scalar: $0)] } ?? [] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let data = try inputs.required(0, "data")
    try checkInference(inputs)
    return hasMask ? [data, ValueInfo(dtype: .bool, shape: data.shape)] : [data]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let data = try inputs.required(0, "data")
    try checkInference(inputs.infos)
    return hasMask ? [data, Tensor(shape: data.shape, repeating: true)] : [data]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  private func checkInference(_ inputs: [ValueInfo?]) throws(OperatorError) {
    guard let mode = inputs.optional(2) else { return }
    try mode.requireType(2, .bool)
    guard let value = mode.constant, value.count == 1 else { throw .inputNotConstant(2, name: "training_mode") }
    guard value.cast(to: .uint8).integers[0] != 0 else { return }
    // Of training mode only a ratio of 0, which drops nothing, has a defined result; the default is 0.5.
    if inputs.optional(1) == nil { throw .invalid("Dropout in training mode is random") }
    let ratio = try inputs.constant(1, "ratio")
    guard ratio.count == 1, ratio.floats[0] == 0 else {
      throw .invalid("Dropout in training mode is random")
    }
  }

  /// The mask comes from the seed of the step and the index of the element alone.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    let rule = GradientRule(
      inputs: [0], reads: .inputs(1),
      forward: { call throws(OperatorError) in
        let data = try call.inputs.required(0, "data")
        let ratio = try trainingRatio(call.inputs)
        let mask = Self.mask(data.shape, ratio: ratio, seed: call.seed)
        let dropped = try Self.applied(mask, ratio: ratio, to: data)
        return ForwardResult(outputs: hasMask ? [dropped, mask] : [dropped], saved: [mask])
      },
      backward: { call throws(OperatorError) in
        let mask = try call.saved.map { Optional($0) }.required(0, "mask")
        let ratio = try trainingRatio(call.inputs)
        return try call.gradients { _ throws(OperatorError) in
          try Self.applied(mask, ratio: ratio, to: call.outputGradient)
        }
      })
    return .flows(inputs, rule)
  }

  /// The share of elements that training drops: from 0 to less than 1.
  public func trainingRatio(_ inputs: [Tensor?]) throws(OperatorError) -> Float {
    if let given = inputs.optional(1), given.count != 1 || !given.dtype.isFloat {
      throw .inputShape(1, expected: "a single float", found: given.shape)
    }
    let value = inputs.optional(1)?.floats[0] ?? ratio ?? 0.5
    guard value >= 0, value < 1 else { throw .invalid("a ratio of \(value) is not from 0 to less than 1") }
    return value
  }

  /// True where an element is kept.
  private static func mask(_ shape: [Int], ratio: Float, seed: UInt64) -> Tensor {
    let threshold = UInt64(Double(ratio) * 0x1p32)
    return Tensor(uninitialized: shape, of: Bool.self) { mask in
      Parallel.forEachRange(mask.count, grain: elementGrain) { part in
        for index in part { mask[index] = randomBits(seed, index) >> 32 >= threshold }
      }
    }
  }

  /// The `index`-th number of SplitMix64 that begins with `seed` (Steele, Lea and Flood, 2014).
  @inline(__always)
  private static func randomBits(_ seed: UInt64, _ index: Int) -> UInt64 {
    var bits = seed &+ (UInt64(truncatingIfNeeded: index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  private static func applied(_ mask: Tensor, ratio: Float, to data: Tensor) throws(OperatorError) -> Tensor {
    func scaled<T: RealElement>(_: T.Type) -> Tensor {
      let factor = 1 / (1 - T(ratio))
      return Tensor(writing: data.shape, of: T.self) { target in
        data.withBase(as: T.self) { source in
          mask.withElements(as: Bool.self) { mask in
            Parallel.forEachRange(mask.count, grain: elementGrain) { part in
              for index in part { target[index] = mask[index] ? source[index] * factor : 0 }
            }
          }
        }
      }
    }
    return data.dtype == .float64 ? scaled(Double.self) : scaled(Float.self)
  }
}
