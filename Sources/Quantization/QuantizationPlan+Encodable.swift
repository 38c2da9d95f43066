import Operators

/// The machine-readable plan. Keys are stable: method, samples, nodes, activations, warnings.
extension QuantizationPlan: Encodable {
  private enum CodingKeys: String, CodingKey {
    case method, samples, nodes, activations, warnings
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(method.name, forKey: .method)
    try container.encode(sampleCount, forKey: .samples)
    try container.encode(nodes, forKey: .nodes)
    try container.encode(activations, forKey: .activations)
    try container.encode(warnings.map(\.description), forKey: .warnings)
  }
}

extension NodePlan: Encodable {
  private enum CodingKeys: String, CodingKey {
    case name, form, reason, inputs, outputs, weight
    case kind = "operator"
    case fusedInto = "fused_into"
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(kind.rawValue, forKey: .kind)
    try container.encode(treatment.formName, forKey: .form)
    switch treatment {
    case .float(let reason): try container.encode(reason.description, forKey: .reason)
    case .fused(let node): try container.encode(node, forKey: .fusedInto)
    case .integer, .notFloat: break
    }
    try container.encode(inputs, forKey: .inputs)
    try container.encode(outputs, forKey: .outputs)
    try container.encodeIfPresent(weight, forKey: .weight)
  }
}

extension ActivationPlan: Encodable {
  private enum CodingKeys: String, CodingKey {
    case value, scale, type, minimum, maximum, constant
    case zeroPoint = "zero_point"
    case sharesScaleWith = "shares_scale_with"
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(value, forKey: .value)
    try container.encode(parameters.scale, forKey: .scale)
    try container.encode(parameters.zeroPoint, forKey: .zeroPoint)
    try container.encode("\(parameters.dtype.name)", forKey: .type)
    try container.encode(observed.lowerBound, forKey: .minimum)
    try container.encode(observed.upperBound, forKey: .maximum)
    try container.encode(isConstant, forKey: .constant)
    try container.encodeIfPresent(sharesScaleWith, forKey: .sharesScaleWith)
  }
}

extension WeightPlan: Encodable {
  private enum CodingKeys: String, CodingKey {
    case value, bits, minimum, maximum, scales, bias
    case channelAxis = "channel_axis"
    case sharedValues = "shared_values"
    case enlargedForBias = "enlarged_for_bias"
    case deadChannels = "dead_channels"
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(value, forKey: .value)
    try container.encode(channelAxis, forKey: .channelAxis)
    try container.encode(bits.rawValue, forKey: .bits)
    try container.encode(range.lowerBound, forKey: .minimum)
    try container.encode(range.upperBound, forKey: .maximum)
    try container.encode(scales, forKey: .scales)
    try container.encodeIfPresent(sharedValues, forKey: .sharedValues)
    try container.encodeIfPresent(bias, forKey: .bias)
    try container.encode(enlargedForBias, forKey: .enlargedForBias)
    try container.encode(deadChannels, forKey: .deadChannels)
  }
}
