/// How a parameter is drawn at first.
public enum InitializerRecipe: Sendable, Equatable {
  case constant(Float)
  /// In +-bound.
  case uniform(bound: Float)
  case normal(deviation: Float)
  /// Uniform in +-sqrt(6 / fan in), for what a rectifier follows (He et al. 2015).
  case kaimingUniform(fanIn: Int)
  /// Deviation sqrt(2 / fan in).
  case kaimingNormal(fanIn: Int)
  /// Uniform in +-sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010).
  case xavierUniform(fanIn: Int, fanOut: Int)
  /// Deviation sqrt(2 / (fan in + fan out)).
  case xavierNormal(fanIn: Int, fanOut: Int)
}

/// The initializer that a recipe asks for; which fans it has is seen when the shape is known.
enum InitializerChoice: Sendable {
  /// Kaiming where a rectifier follows within the layer, else Xavier, both uniform.
  case automatic
  case kaimingUniform, kaimingNormal, xavierUniform, xavierNormal
  case normal(Double)

  /// How recipes describe the parameter.
  static let parameter = LayerParameter(
    "initializer",
    "of the weight: kaiming_uniform, kaiming_normal, xavier_uniform, xavier_normal or { normal: deviation };"
      + " kaiming_uniform before a rectifier within the layer, else xavier_uniform")

  private enum Name: String, CaseIterable {
    case kaimingUniform = "kaiming_uniform"
    case kaimingNormal = "kaiming_normal"
    case xavierUniform = "xavier_uniform"
    case xavierNormal = "xavier_normal"
    case normal
  }

  init(_ arguments: RecipeMapping) throws(RecipeError) {
    guard let value = arguments["initializer"] else {
      self = .automatic
      return
    }
    let named = try NamedArguments(value, what: "initializer")
    let name = try named.choice(Name.self, what: "initializer")
    if name == .normal {
      guard let deviation = named.arguments else { throw value.wrong("{ normal: deviation }") }
      self = .normal(try deviation.number(in: .positive))
      return
    }
    if let surplus = named.arguments { throw surplus.wrong("\(named.name) alone") }
    switch name {
    case .kaimingUniform: self = .kaimingUniform
    case .kaimingNormal: self = .kaimingNormal
    case .xavierUniform: self = .xavierUniform
    case .xavierNormal: self = .xavierNormal
    case .normal: preconditionFailure("read above")
    }
  }

  /// For a weight through which `fanIn` inputs reach an output and an input reaches `fanOut` outputs.
  func recipe(fanIn: Int, fanOut: Int, before activation: Activation?) -> InitializerRecipe {
    switch self {
    case .automatic:
      activation?.isRectifier == true
        ? .kaimingUniform(fanIn: fanIn) : .xavierUniform(fanIn: fanIn, fanOut: fanOut)
    case .kaimingUniform: .kaimingUniform(fanIn: fanIn)
    case .kaimingNormal: .kaimingNormal(fanIn: fanIn)
    case .xavierUniform: .xavierUniform(fanIn: fanIn, fanOut: fanOut)
    case .xavierNormal: .xavierNormal(fanIn: fanIn, fanOut: fanOut)
    case .normal(let deviation): .normal(deviation: Float(deviation))
    }
  }
}
