import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

extension WindowGeometry {
  /// The geometry of a one- or two-dimensional window; one-dimensional images have height 1.
  init(_ window: SpatialWindow, batch: Int, inChannels: Int, outChannels: Int) {
    self.init()
    let (height, width) = (
      window.axes.count == 1 ? SpatialAxis.unit : window.axes[0], window.axes[window.axes.count - 1]
    )
    self.batch = batch
    self.inChannels = inChannels
    self.outChannels = outChannels
    (inHeight, inWidth) = (height.input, width.input)
    (outHeight, outWidth) = (height.output, width.output)
    (kernelHeight, kernelWidth) = (height.kernel, width.kernel)
    (strideHeight, strideWidth) = (height.stride, width.stride)
    (dilationHeight, dilationWidth) = (height.dilation, width.dilation)
    (padTop, padLeft) = (height.padBegin, width.padBegin)
  }

  /// `rows` rows of a matrix [rows, inChannels] as pixels under a 1x1 window.
  ///
  /// The pixels form one line, or as many lines as it takes for a line to fit the scratch.
  static func dense(rows: Int, inChannels: Int, outChannels: Int) -> WindowGeometry {
    var window = WindowGeometry()
    let longest = max(1, (scratchBudgetBytes - stagingSlackBytes) / (2 * inChannels))
    let width = rows <= longest ? rows : (1...longest).last { rows % $0 == 0 } ?? 1
    (window.inWidth, window.outWidth) = (width, width)
    (window.inHeight, window.outHeight) = (rows / width, rows / width)
    (window.inChannels, window.outChannels) = (inChannels, outChannels)
    return window
  }
}

extension Lowering {
  func lowerConv(_ node: Node) throws(PackError) {
    let conv = try operation(node, Conv.self)
    guard let input = node.inputs[0], let weight = node.inputs[1], let output = node.outputs[0] else { return }
    try requirePlanar(node, input)
    let weightShape = shape(weight)
    let window = try attempt(node) { () throws(OperatorError) in
      try conv.resolvedWindow(input: shape(input), weight: weightShape)
    }
    let geometry = WindowGeometry(
      window, batch: shape(input)[0], inChannels: shape(input)[1], outChannels: weightShape[0])
    // [M, C / groups, kernel...] to [M, kernel..., C / groups], or [kernel..., M] for depthwise.
    let strides = weightShape.rowMajorStrides
    let kernelAxes = Array(2..<weightShape.count)
    let isDepthwise = conv.group > 1 && conv.group == geometry.inChannels && conv.group == geometry.outChannels
    let axes = isDepthwise ? kernelAxes + [0] : [0] + kernelAxes + [1]
    let weights = Product.Weights(
      value: weight, extents: axes.map { weightShape[$0] }, strides: axes.map { strides[$0] }, channelAxis: 0)
    try requireConstantBias(node)
    try lower(
      Product(
        node: node, input: input, inputLayout: .channelsLast(shape(input)), output: output,
        outputLayout: .channelsLast(shape(output)), outputChannelAxis: 1, window: geometry, groups: conv.group,
        weights: weights, bias: node.inputs.optional(2)))
  }

  func requirePlanar(_ node: Node, _ input: ValueID) throws(PackError) {
    guard (3...4).contains(shape(input).count) else {
      throw unsupported(node, "windows over \(shape(input).count - 2) spatial axes have no step; one or two have")
    }
  }

  private func requireConstantBias(_ node: Node) throws(PackError) {
    guard let bias = node.inputs.optional(2) else { return }
    guard constant(bias) != nil else { throw unsupported(node, "the bias is computed") }
  }

  /// A transposed convolution: the image with zeros put between its pixels, under a convolution with
  /// the kernel turned by half a turn.
  func lowerConvTranspose(_ node: Node) throws(PackError) {
    let transposed = try operation(node, ConvTranspose.self)
    guard let input = node.inputs[0], let weight = node.inputs[1], let output = node.outputs[0] else { return }
    try requirePlanar(node, input)
    try requireConstantBias(node)
    let (inShape, weightShape) = (shape(input), shape(weight))
    let window = try attempt(node) { () throws(OperatorError) in
      try transposed.resolvedWindow(input: inShape, weight: weightShape)
    }
    let axes = window.axes.count == 1 ? [SpatialAxis.unit] + window.axes : window.axes
    let groups = transposed.group
    let (inChannels, outChannels) = (inShape[1], weightShape[1] * groups)
    let insertion = axes.map { ZeroInsertion($0) }
    var geometry = WindowGeometry()
    geometry.batch = inShape[0]
    (geometry.inChannels, geometry.outChannels) = (inChannels, outChannels)
    (geometry.inHeight, geometry.inWidth) = (insertion[0].extent, insertion[1].extent)
    (geometry.outHeight, geometry.outWidth) = (axes[0].input, axes[1].input)
    (geometry.kernelHeight, geometry.kernelWidth) = (axes[0].kernel, axes[1].kernel)
    (geometry.dilationHeight, geometry.dilationWidth) = (axes[0].dilation, axes[1].dilation)
    (geometry.padTop, geometry.padLeft) = (insertion[0].pad, insertion[1].pad)
    let weights = turnedWeights(weight, axes, groups: groups, inChannels: inChannels)
    var product = Product(
      node: node, input: input, inputLayout: .channelsLast(inShape), output: output,
      outputLayout: .channelsLast(shape(output)), outputChannelAxis: 1, window: geometry, groups: groups,
      weights: weights, bias: node.inputs.optional(2))
    if !insertion.allSatisfy(\.isIdentity) {
      product.prepare = { (source: Representation) throws(PackError) -> Int in
        try self.insertZeros(source, geometry, insertion, name: self.name(node))
      }
    }
    try lower(product)
  }

  /// [C, M / groups, kH, kW] as [groups, M / groups, kH, kW, C / groups], the kernel backwards; for depthwise
  /// as [kH, kW, C].
  private func turnedWeights(
    _ weight: ValueID, _ axes: [SpatialAxis], groups: Int, inChannels: Int
  ) -> Product.Weights {
    let (kernelHeight, kernelWidth) = (axes[0].kernel, axes[1].kernel)
    let taps = kernelHeight * kernelWidth
    let (perGroup, outPerGroup) = (inChannels / groups, shape(weight)[1])
    var extents = [groups, outPerGroup, kernelHeight, kernelWidth, perGroup]
    var strides = [perGroup * outPerGroup * taps, taps, -kernelWidth, -1, outPerGroup * taps]
    if groups > 1, groups == inChannels, outPerGroup == 1 {
      (extents, strides) = ([kernelHeight, kernelWidth, groups], [-kernelWidth, -1, taps])
    }
    return Product.Weights(
      value: weight, extents: extents, strides: strides, offset: taps - 1, channelAxis: 1, scaleRepeats: groups)
  }

  /// The image spread by `fill` and `copy`; the filler is the quantized or plain zero.
  private func insertZeros(
    _ source: Representation, _ geometry: WindowGeometry, _ insertion: [ZeroInsertion], name: String
  ) throws(PackError) -> Int {
    let channels = geometry.inChannels
    let dtype = program.tensors[source.tensor].dtype
    let count = geometry.batch * geometry.inHeight * geometry.inWidth * channels
    let tensor = addTensor(dtype, count: count, name: "\(name)/spread")
    addFill(tensor, byte: source.parameters.map { $0.byte(of: 0) } ?? 0, name: "\(name)/fill")
    let (rows, columns) = (insertion[0], insertion[1])
    let inRow = columns.input * channels
    let outRow = geometry.inWidth * channels
    let walk = StridedWalk(
      extents: [geometry.batch, rows.count, columns.count, channels],
      strides: [
        [rows.input * inRow, inRow, channels, 1],
        [geometry.inHeight * outRow, rows.stride * outRow, columns.stride * channels, 1],
      ])
    try addCopy(
      from: source.tensor, to: tensor, walk: walk, inOffset: rows.skipped * inRow + columns.skipped * channels,
      outOffset: rows.first * outRow + columns.first * channels, name: "\(name)/spread")
    return tensor
  }

  /// A `fill` step: every byte of `tensor` becomes `byte`.
  func addFill(_ tensor: Int, byte: UInt8, name: String) {
    var step = FillRecord()
    step.output = TensorIndex(tensor)
    step.patternLow = UInt32(byte) * 0x0101_0101
    step.patternHigh = step.patternLow
    addStep(.fill(step), name: name)
  }
}

/// One axis of a transposed convolution as zeros put between the elements of its input.
private struct ZeroInsertion {
  /// Input elements, and those before the first that is used.
  let input: Int
  let skipped: Int
  /// Input elements used.
  let count: Int
  let stride: Int
  /// Position of the first, the whole extent, and the padding that the convolution adds before it.
  let first: Int
  let extent: Int
  let pad: Int

  /// `axis` maps the output back onto the input, as `ConvTranspose.resolvedWindow` gives it.
  init(_ axis: SpatialAxis) {
    input = axis.output
    stride = axis.stride
    let before = axis.span - 1 - axis.padBegin
    pad = max(before, 0)
    // Where the pads crop more than the kernel reaches, leading elements are never read.
    skipped = before >= 0 ? 0 : min(input - 1, (-before + stride - 1) / stride)
    first = before >= 0 ? 0 : skipped * stride + before
    // Elements beyond what the last window reads are left out too.
    let needed = axis.input + axis.span - 1 - pad
    let available = input - skipped
    count = max(1, min(available, (needed - first + stride - 1) / stride))
    extent = first + (count - 1) * stride + 1
  }

  var isIdentity: Bool { stride == 1 && skipped == 0 && count == input && first == 0 }
}
