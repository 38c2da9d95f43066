import Graph
import Operators

/// Transposed convolution: every position adds its value times the kernel to the output, which is about `stride`
/// times as large.
///
/// Weight [channels, filters / groups, kernel...], bias [filters].
struct TransposedConvolutionLayer: Layer {
  let filters: Int
  let groups: Int
  let window: WindowArguments
  let hasBias: Bool
  let activation: Activation?
  let initializer: InitializerChoice

  static let type = LayerType(
    "conv_transpose", "Transposed convolution of [channels, positions...], which enlarges.",
    [
      LayerParameter("filters", "output channels"), LayerParameter("kernel", "one number or one for each axis"),
      LayerParameter("stride", "enlargement; one number or one for each axis; 1 unless given"),
      LayerParameter("dilation", "distance of neighbouring taps; 1 unless given"),
      LayerParameter(
        "padding", "cut off on every side: same (output = input x stride), valid or numbers; valid unless given"),
      LayerParameter("groups", "1 unless given"), LayerParameter("bias", "true unless given"), Activation.parameter,
      InitializerChoice.parameter,
    ]
  ) { (arguments) throws(RecipeError) in try TransposedConvolutionLayer(arguments) }

  private init(_ arguments: RecipeMapping) throws(RecipeError) {
    filters = try arguments.required("filters").integer(in: 1...1 << 24)
    groups = try arguments.integer("groups", in: 1...1 << 24) ?? 1
    window = try WindowArguments(arguments)
    hasBias = try arguments.flag("bias") ?? true
    activation = try Activation(arguments)
    initializer = try InitializerChoice(arguments)
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 2...4, "[channels, positions...] with one to three axes of positions")
    let sample = network.sampleShape(input)
    let (channels, rank) = (sample[0], sample.count - 1)
    guard channels % groups == 0, filters % groups == 0 else {
      throw network.shapeError(input, expected: "channels (and \(filters) filters) in \(groups) equal groups")
    }
    guard var attributes = attributes(rank: rank), let kernel = window.kernel.spread(rank),
      let stride = window.stride.spread(rank)
    else {
      throw network.shapeError(input, expected: "as many axes of positions as kernel, stride and padding are for")
    }
    if groups != 1 { attributes["group"] = .int(groups) }
    let taps = kernel.reduce(1) { $0.multipliedClamped(by: $1) }
    // Windows overlap, so that one input in `stride` reaches an output through each tap.
    let steps = stride.reduce(1) { $0.multipliedClamped(by: $1) }
    let weight = try network.parameter(
      "weight", [channels, filters / groups] + kernel,
      initializer.recipe(
        fanIn: max(1, (channels / groups).multipliedClamped(by: taps) / steps),
        fanOut: (filters / groups).multipliedClamped(by: taps), before: activation))
    let bias = hasBias ? try network.parameter("bias", [filters], .constant(0)) : nil
    let output = try network.add("ConvTranspose", [input, weight] + (bias.map { [$0] } ?? []), attributes)
    return try network.add(activation, behind: output)
  }

  private func attributes(rank: Int) -> [String: AttributeValue]? {
    guard let kernel = window.kernel.spread(rank), let stride = window.stride.spread(rank),
      let dilation = window.dilation.spread(rank)
    else { return nil }
    var attributes: [String: AttributeValue] = ["kernel_shape": .ints(kernel), "strides": .ints(stride)]
    if dilation.contains(where: { $0 != 1 }) { attributes["dilations"] = .ints(dilation) }
    switch window.padding {
    case .valid: break
    case .explicit(let numbers):
      guard let pads = numbers.spread(rank) else { return nil }
      attributes["pads"] = .ints(pads + pads)
    case .same:
      // The windows reach over (input - 1) stride + span; what is more than input x stride is cut off, and
      // where it is less, output padding makes it up.
      let surplus = kernel.indices.map { (kernel[$0] - 1) * dilation[$0] + 1 - stride[$0] }
      attributes["pads"] = .ints(surplus.map { max($0, 0) / 2 } + surplus.map { max($0, 0) - max($0, 0) / 2 })
      if surplus.contains(where: { $0 < 0 }) { attributes["output_padding"] = .ints(surplus.map { max(-$0, 0) }) }
    }
    return attributes
  }
}
