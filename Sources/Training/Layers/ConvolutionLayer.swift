import Graph
import Operators

/// Convolution over the axes behind the channels: [channels, positions...].
///
/// Weight [filters, channels / groups, kernel...], bias [filters].
struct ConvolutionLayer: Layer {
  /// nil for depthwise: as many filters and groups as channels, times `multiplier`.
  let filters: Int?
  let multiplier: Int
  let groups: Int
  let window: WindowArguments
  let hasBias: Bool
  let activation: Activation?
  let initializer: InitializerChoice

  private static let common = [
    LayerParameter("kernel", "extent of the window: one number or one for each axis"),
    LayerParameter("stride", "one number or one for each axis; 1 unless given"), Padding.parameter,
    LayerParameter("dilation", "distance of neighbouring taps; 1 unless given"),
    LayerParameter("bias", "true unless given"), Activation.parameter, InitializerChoice.parameter,
  ]

  static let type = LayerType(
    "conv", "Convolution of [channels, positions...].",
    [LayerParameter("filters", "output channels"), LayerParameter("groups", "1 unless given")] + common
  ) { (arguments) throws(RecipeError) in
    try ConvolutionLayer(
      arguments, filters: arguments.required("filters").integer(in: 1...1 << 24),
      groups: arguments.integer("groups", in: 1...1 << 24) ?? 1)
  }

  static let depthwiseType = LayerType(
    "depthwise_conv", "Convolution of each channel on its own.",
    [LayerParameter("multiplier", "output channels for each input channel; 1 unless given")] + common
  ) { (arguments) throws(RecipeError) in
    try ConvolutionLayer(
      arguments, filters: nil, multiplier: arguments.integer("multiplier", in: 1...1 << 16) ?? 1)
  }

  private init(
    _ arguments: RecipeMapping, filters: Int?, multiplier: Int = 1, groups: Int = 1
  ) throws(RecipeError) {
    self.filters = filters
    self.multiplier = multiplier
    self.groups = groups
    window = try WindowArguments(arguments)
    hasBias = try arguments.flag("bias") ?? true
    activation = try Activation(arguments)
    initializer = try InitializerChoice(arguments)
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 2...4, "[channels, positions...] with one to three axes of positions")
    let sample = network.sampleShape(input)
    let (channels, extents) = (sample[0], Array(sample[1...]))
    let groups = filters == nil ? channels : groups
    let filters = filters ?? channels * multiplier
    guard channels % groups == 0, filters % groups == 0 else {
      throw network.shapeError(input, expected: "channels (and \(filters) filters) in \(groups) equal groups")
    }
    guard var attributes = window.attributes(over: extents), let kernel = window.kernel.spread(extents.count) else {
      throw network.shapeError(input, expected: "as many axes of positions as kernel, stride and padding are for")
    }
    if groups != 1 { attributes["group"] = .int(groups) }
    let shape = [filters, channels / groups] + kernel
    let taps = kernel.reduce(1) { $0.multipliedClamped(by: $1) }
    let weight = try network.parameter(
      "weight", shape,
      initializer.recipe(
        fanIn: (channels / groups).multipliedClamped(by: taps), fanOut: (filters / groups).multipliedClamped(by: taps),
        before: activation))
    let bias = hasBias ? try network.parameter("bias", [filters], .constant(0)) : nil
    let output = try network.add("Conv", [input, weight] + (bias.map { [$0] } ?? []), attributes)
    return try network.add(activation, behind: output)
  }
}

extension Int {
  /// The product, or the greatest integer where it does not fit: for counts that are checked elsewhere.
  func multipliedClamped(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max / 4 : Swift.min(product, .max / 4)
  }
}
