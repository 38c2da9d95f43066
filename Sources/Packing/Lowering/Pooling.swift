import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

extension Lowering {
  func lowerMaxPool(_ node: Node) throws(PackError) {
    let pool = try operation(node, MaxPool.self)
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    if node.outputs.count > 1, let indices = node.outputs[1] {
      guard (consumers[indices] ?? []).isEmpty, !outputs.contains(indices) else {
        throw unsupported(node, "the indices of the maxima have no step")
      }
    }
    try requirePlanar(node, input)
    let window = try attempt(node) { () throws(OperatorError) in try pool.resolvedWindow(input: shape(input)) }
    try addMaxPool(node, input, output, geometry(window, input))
  }

  func lowerGlobalMaxPool(_ node: Node) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    try addMaxPool(node, input, output, wholeImage(shape(input)))
  }

  private func addMaxPool(
    _ node: Node, _ input: ValueID, _ output: ValueID, _ window: WindowGeometry
  ) throws(PackError) {
    let held = try anyEncoding(input, layout: .channelsLast(shape(input)), for: name(node))
    let dtype = program.tensors[held.tensor].dtype
    guard dtype == .float32 || dtype.isQuantized else {
      throw unsupported(node, "a maximum of \(dtype.name) has no step")
    }
    let tensor = addTensor(dtype, count: shape(output).elementCount, name: graph[output].name)
    var step = MaxPoolRecord()
    step.input = TensorIndex(held.tensor)
    step.output = TensorIndex(tensor)
    step.window = window
    addStep(.maxPool(step), name: name(node))
    define(output, tensor: tensor, layout: .channelsLast(shape(output)), encoding: held.encoding)
  }

  func lowerAveragePool(_ node: Node) throws(PackError) {
    let pool = try operation(node, AveragePool.self)
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    try requirePlanar(node, input)
    let window = try attempt(node) { () throws(OperatorError) in try pool.resolvedWindow(input: shape(input)) }
    var record = AveragePoolFloatRecord()
    record.window = geometry(window, input)
    if pool.countsPadding {
      record.countPadding = 1
      record.padBottom = window.axes.count == 1 ? 0 : window.axes[0].padEnd
      record.padRight = window.axes[window.axes.count - 1].padEnd
    }
    try addAveragePool(
      node, input, output, record, inLayout: .channelsLast(shape(input)), outLayout: .channelsLast(shape(output)))
  }

  func lowerGlobalAveragePool(_ node: Node) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    var record = AveragePoolFloatRecord()
    record.window = wholeImage(shape(input))
    try addAveragePool(
      node, input, output, record, inLayout: .channelsLast(shape(input)), outLayout: .channelsLast(shape(output)))
  }

  /// The mean under a window, on integers where input and result are quantized.
  func addAveragePool(
    _ node: Node, _ input: ValueID, _ output: ValueID, _ record: AveragePoolFloatRecord, inLayout: Layout,
    outLayout: Layout
  ) throws(PackError) {
    guard dtype(input) == .float32 else { throw unsupported(node, "a mean of \(dtype(input).name) has no step") }
    var record = record
    let tail = tail(of: output)
    if let parameters = parameters(input), let result = tail.quantization, tail.clampNodes.isEmpty,
      result.dtype == parameters.dtype
    {
      let held = try quantized(input, parameters, layout: inLayout, for: name(node))
      let tensor = addTensor(result.dtype, count: outLayout.count, name: graph[output].name)
      record.input = TensorIndex(held.tensor)
      record.output = TensorIndex(tensor)
      var step = AveragePoolInt8Record()
      step.pool = record
      step.inputAffine = AffineRecord(parameters)
      step.outputAffine = AffineRecord(result)
      addStep(.averagePoolInt8(step), name: name(node))
      defineQuantized(tail, tensor: tensor, layout: outLayout)
      return
    }
    noteFloat(node, "some reader wants the result unquantized, clamped or in another type")
    let held = try native(input, layout: inLayout, for: name(node))
    let tensor = addTensor(.float32, count: outLayout.count, name: graph[output].name)
    record.input = TensorIndex(held.tensor)
    record.output = TensorIndex(tensor)
    addStep(.averagePoolFloat(record), name: name(node))
    define(output, tensor: tensor, layout: outLayout)
  }

  private func geometry(_ window: SpatialWindow, _ input: ValueID) -> WindowGeometry {
    let shape = shape(input)
    return WindowGeometry(window, batch: shape[0], inChannels: shape[1], outChannels: shape[1])
  }

  /// One window over everything but the first two axes.
  private func wholeImage(_ shape: [Int]) -> WindowGeometry {
    var window = WindowGeometry()
    window.batch = shape[0]
    (window.inChannels, window.outChannels) = (shape[1], shape[1])
    window.inWidth = shape.last ?? 1
    window.inHeight = shape[2...].dropLast().reduce(1, *)
    (window.kernelHeight, window.kernelWidth) = (window.inHeight, window.inWidth)
    return window
  }
}
