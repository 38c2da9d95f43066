import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

/// A convolution or dense layer: what Conv, ConvTranspose, Gemm and MatMul have in common.
struct Product {
  var node: Node
  var input: ValueID
  /// The layout that the window assumes of the input.
  var inputLayout: Layout
  /// What happens to the input before the window slides over it; returns the tensor to read.
  var prepare: ((Representation) throws(PackError) -> Int)?
  var output: ValueID
  var outputLayout: Layout
  /// Axis of the output that the bias is for.
  var outputChannelAxis: Int
  var window: WindowGeometry
  var groups: Int
  var weights: Weights
  var bias: ValueID?
  var biasFactor: Float = 1

  /// Where the step's weights are in the ONNX weight.
  struct Weights {
    var value: ValueID
    /// Factor on all of them (Gemm's alpha).
    var factor: Float = 1
    /// The walk over the ONNX weight that gives the step's order, in elements.
    var extents: [Int]
    var strides: [Int]
    var offset = 0
    /// Axis of the ONNX weight that belongs to the output channels of one group, and how often the
    /// scales along it repeat.
    var channelAxis: Int
    var scaleRepeats = 1
  }

  var isDepthwise: Bool { groups > 1 && groups == window.inChannels && groups == window.outChannels }

  /// Rows of output computed from one filling of the scratch.
  func bandRows(elementBytes: Int) -> Int { window.bandRows(elementBytes: elementBytes) }
}

extension WindowGeometry {
  /// Bytes of scratch that a band of rows may take: it should stay in the first-level cache beside
  /// the weights in use.
  static let scratchBudgetBytes = 48 << 10

  /// Rows of output computed from one filling of the scratch.
  func bandRows(elementBytes: Int) -> Int {
    var rows = 1
    while rows < outHeight,
      scratchBytes(bandRows: rows + 1, elementBytes: elementBytes) <= WindowGeometry.scratchBudgetBytes
    {
      rows += 1
    }
    return rows
  }
}

extension Lowering {
  /// Adds the step of a product with all that can be fused into it.
  func lower(_ product: Product) throws(PackError) {
    var product = product
    var tailStart = product.output
    if product.bias == nil, let added = biasAddition(after: product) {
      cover([added.node])
      product.bias = added.bias
      product.biasFactor = 1
      tailStart = added.output
    }
    let tail = tail(of: tailStart)
    switch integerPlan(product, tail) {
    case .integer(let plan): try addIntegerStep(product, plan, tail)
    case .float(let reason):
      noteFloat(product.node, reason)
      if case .quantizedConstant = state(product.weights.value) {
        notes.append(.weightsDequantized(node: name(product.node), reason: reason))
      }
      try addFloatStep(product, tail)
    }
  }

  /// An Add of a constant per channel that alone reads the product's result.
  private func biasAddition(after product: Product) -> (node: Int, bias: ValueID, output: ValueID)? {
    guard let index = soleConsumer(of: product.output) else { return nil }
    let node = graph.nodes[index]
    guard node.kind == .add, let output = node.outputs[0], shape(output) == shape(product.output),
      let bias = node.inputs.first(where: { $0 != product.output }) ?? nil, isKnown(bias),
      let constant = constant(bias), constant.dtype == .float32
    else { return nil }
    // Per channel: every other axis of the constant has extent 1.
    let rank = shape(output).count
    let aligned = [Int](repeating: 1, count: rank - constant.rank) + constant.shape
    let channels = shape(output)[product.outputChannelAxis]
    guard constant.count == channels || constant.count == 1,
      aligned.indices.allSatisfy({ aligned[$0] == 1 || $0 == product.outputChannelAxis })
    else { return nil }
    return (index, bias, output)
  }

  // MARK: Float

  private func addFloatStep(_ product: Product, _ tail: Tail) throws(PackError) {
    let name = name(product.node)
    guard let weights = constant(product.weights.value), weights.dtype == .float32 else {
      throw unsupported(product.node, "the weights are computed or not float32")
    }
    let held = try native(product.input, layout: product.inputLayout, for: name)
    let input = try product.prepare?(held) ?? held.tensor
    var arranged = arrange(weights, product.weights)
    if product.weights.factor != 1 { arranged = scaled(arranged, by: product.weights.factor) }
    var step = ConvolutionFloatRecord()
    step.input = TensorIndex(input)
    step.weights = TensorIndex(addConstant(.float32, bytes: arranged, name: graph[product.weights.value].name))
    if let bias = floatBias(product) {
      step.bias = TensorIndex(addConstant(bias, name: product.bias.map { graph[$0].name } ?? "\(name)/bias"))
    }
    step.groups = product.groups
    step.low = tail.low
    step.high = tail.high
    step.window = product.window
    step.bandRows = product.bandRows(elementBytes: 4)
    if product.window.hasPadding {
      let bytes = product.window.scratchBytes(bandRows: step.bandRows, elementBytes: 4)
      step.scratch = TensorIndex(addScratch(bytes: bytes, name: "\(name)/scratch"))
    }
    let output = addTensor(.float32, count: product.outputLayout.count, name: graph[tail.value].name)
    step.output = TensorIndex(output)
    addStep(product.isDepthwise ? .depthwiseFloat(step) : .convolutionFloat(step), name: name)
    defineFloat(tail, tensor: output, layout: product.outputLayout)
  }

  private func arrange(_ tensor: Tensor, _ weights: Product.Weights) -> [UInt8] {
    tensor.withBytes {
      gatherBytes(
        $0, elementBytes: tensor.dtype.byteCount, extents: weights.extents, strides: weights.strides,
        offset: weights.offset)
    }
  }

  private func scaled(_ bytes: [UInt8], by factor: Float) -> [UInt8] {
    bytes.withUnsafeBytes { raw in
      let floats = (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) * factor }
      return floats.withUnsafeBytes { [UInt8]($0) }
    }
  }

  /// The bias of every output channel; nil for none or all zeros.
  private func floatBias(_ product: Product) -> [Float]? {
    guard let id = product.bias, let value = constant(id) else { return nil }
    let floats = value.floats.map { $0 * product.biasFactor }
    let channels = product.window.outChannels
    let bias = floats.count == 1 ? [Float](repeating: floats[0], count: channels) : floats
    return bias.allSatisfy { $0 == 0 } ? nil : bias
  }

  // MARK: Integers

  struct IntegerPlan {
    var input: QuantizationParameters
    var output: QuantizationParameters
    var weights: QuantizedConstant
    var scales: [Float]
  }

  enum ProductChoice {
    case integer(IntegerPlan)
    case float(reason: String)
  }

  private func integerPlan(_ product: Product, _ tail: Tail) -> ProductChoice {
    guard let input = parameters(product.input) else { return .float(reason: "the input is not quantized") }
    guard case .quantizedConstant(let weights) = state(product.weights.value) else {
      return .float(reason: "the weights are not quantized")
    }
    guard weights.integers.dtype == .int8, weights.isSymmetric else {
      return .float(reason: "the weights are not int8 with zero point 0")
    }
    let channels = product.window.outChannels / product.weights.scaleRepeats
    guard let perChannel = weights.scales(along: product.weights.channelAxis, channels: channels) else {
      return .float(reason: "the weight scales are not per output channel")
    }
    guard product.weights.factor > 0 else {
      return .float(reason: "the product is scaled by a factor that is not positive")
    }
    guard floatBias(product)?.allSatisfy(\.isFinite) ?? true else { return .float(reason: "the bias is not finite") }
    guard let output = tail.quantization else {
      return .float(reason: "some reader wants the result unquantized")
    }
    let scales = (0..<product.window.outChannels).map { perChannel[$0 % channels] * product.weights.factor }
    return .integer(IntegerPlan(input: input, output: output, weights: weights, scales: scales))
  }

  private func addIntegerStep(_ product: Product, _ plan: IntegerPlan, _ tail: Tail) throws(PackError) {
    let name = name(product.node)
    let held = try quantized(product.input, plan.input, layout: product.inputLayout, for: name)
    var step = ConvolutionInt8Record()
    step.input = TensorIndex(try product.prepare?(held) ?? held.tensor)
    step.weights = TensorIndex(
      addConstant(
        .int8, bytes: arrange(plan.weights.integers, product.weights), name: graph[product.weights.value].name))
    if let bias = integerBias(product, plan) {
      step.bias = TensorIndex(addConstant(bias, name: product.bias.map { graph[$0].name } ?? "\(name)/bias"))
    }
    step.weightScales = TensorIndex(addConstant(plan.scales, name: "\(graph[product.weights.value].name)/scales"))
    step.groups = product.groups
    step.bandRows = product.bandRows(elementBytes: 2)
    let scratchBytes = product.window.scratchBytes(bandRows: step.bandRows, elementBytes: 2)
    step.scratch = TensorIndex(addScratch(bytes: scratchBytes, name: "\(name)/scratch"))
    step.inputAffine = AffineRecord(plan.input)
    step.outputAffine = AffineRecord(plan.output)
    (step.low, step.high) = tail.quantizedBounds(plan.output)
    step.window = product.window
    let output = addTensor(plan.output.dtype, count: product.outputLayout.count, name: graph[tail.value].name)
    step.output = TensorIndex(output)
    addStep(product.isDepthwise ? .depthwiseInt8(step) : .convolutionInt8(step), name: name)
    defineQuantized(tail, tensor: output, layout: product.outputLayout)
  }

  /// The bias at scale sx * sw[c]; nil for none or all zeros.
  private func integerBias(_ product: Product, _ plan: IntegerPlan) -> [Int32]? {
    guard let id = product.bias, let floats = floatBias(product) else { return nil }
    let scales = plan.scales.map { plan.input.scale * $0 }
    if case .quantizedConstant(let bias) = state(id), bias.integers.dtype == .int32, product.biasFactor == 1,
      bias.isSymmetric, bias.integers.count == floats.count,
      scalesAgree(bias.scales, scales)
    {
      return bias.integers.elements(as: Int32.self)
    }
    let bias = zip(floats, scales).map { value, scale in
      Int32(clampingRounded: (Double(value) / Double(scale)).rounded(.toNearestOrEven))
    }
    notes.append(.biasRequantized(node: name(product.node), reason: "it is not int32 at input scale x weight scale"))
    return bias
  }

  /// Whether a bias at scales `found` (one, or one per channel) may count as one at `wanted`.
  private func scalesAgree(_ found: [Float], _ wanted: [Float]) -> Bool {
    guard found.count == 1 || found.count == wanted.count else { return false }
    return wanted.indices.allSatisfy { channel in
      let scale = found[found.count == 1 ? 0 : channel]
      return abs(scale - wanted[channel]) <= 1e-6 * wanted[channel]
    }
  }
}

extension Int32 {
  /// The integer nearest to a rounded value, saturated.
  init(clampingRounded value: Double) {
    self = value >= Double(Int32.max) ? .max : (value <= Double(Int32.min) ? .min : Int32(value))
  }
}
