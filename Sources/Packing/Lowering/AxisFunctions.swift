import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

// Steps over the middle extent of [outer, axis, inner]: softmax, reductions, arg max.

extension Lowering {
  /// Memory positions of a value as [outer, axis, inner], where axis stands for `axes` together.
  private struct AxisView {
    var representation: Representation
    var outer: Int
    var axis: Int
    var inner: Int
    /// The layout of what is left when the axes are reduced to one element.
    var reduced: Layout
  }

  /// The value with `axes` next to each other in memory; as it lies where it lies so.
  private func axisView(
    _ id: ValueID, _ axes: [Int], encoding: QuantizationParameters?, name: String
  ) throws(PackError) -> AxisView {
    let shape = shape(id)
    func held(_ layout: Layout?) throws(PackError) -> Representation {
      if let encoding { return try quantized(id, encoding, layout: layout, for: name) }
      return try native(id, layout: layout, for: name)
    }
    let current = try held(nil)
    if let view = view(current, shape, axes) { return view }
    let plain = Layout.plain(shape.elementCount)
    if view(Representation(encoding: .native, layout: plain, tensor: 0), shape, axes) != nil,
      let view = view(try held(plain), shape, axes)
    {
      return view
    }
    let kept = shape.indices.filter { !axes.contains($0) }
    let moved = try held(Layout(shape: shape, order: kept + axes))
    guard let view = view(moved, shape, axes) else { throw .unsupportedExtent(value: graph[id].name, shape: shape) }
    return view
  }

  private func view(_ representation: Representation, _ shape: [Int], _ axes: [Int]) -> AxisView? {
    guard let pieces = representation.layout.pieces(of: shape) else { return nil }
    let memory = pieces.sorted { $0.stride > $1.stride }
    let isReduced = memory.map { axes.contains($0.axis) }
    guard let first = isReduced.firstIndex(of: true), let last = isReduced.lastIndex(of: true) else {
      // Axes of extent 1 only.
      return AxisView(
        representation: representation, outer: representation.layout.count, axis: 1, inner: 1,
        reduced: representation.layout)
    }
    guard isReduced[first...last].allSatisfy({ $0 }) else { return nil }
    // The elements must be in their logical order, which decides which of equal maxima is the first.
    let inside = Array(memory[first...last])
    guard inside == inside.sorted(by: { ($0.axis, -$0.stride) < ($1.axis, -$1.stride) }) else { return nil }
    func extent(_ part: ArraySlice<Layout.Piece>) -> Int { part.reduce(1) { $0 * $1.extent } }
    return AxisView(
      representation: representation, outer: extent(memory[..<first]), axis: extent(memory[first...last]),
      inner: extent(memory[(last + 1)...]), reduced: Layout(pieces: pieces.filter { !axes.contains($0.axis) }))
  }

  /// The float value as rows of `axes` that lie one after another, and the layout of one element a row; no
  /// representation where memory has something else between the elements of a row.
  func rowView(_ id: ValueID, _ axes: [Int], name: String) throws(PackError) -> (Representation?, Layout) {
    let view = try axisView(id, axes, encoding: nil, name: name)
    return (view.inner == 1 ? view.representation : nil, view.reduced)
  }

  // MARK: Softmax

  func lowerSoftmax(_ node: Node, _ softmax: SoftmaxAxis, logarithm: Bool) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    guard dtype(input) == .float32 else { throw unsupported(node, "arithmetic on \(dtype(input).name) has no step") }
    noteFloat(node, "it normalizes by a sum of exponentials")
    let rank = shape(input).count
    let axes = try attempt(node) { () throws(OperatorError) -> [Int] in
      if rank == 0 || (softmax.flattensInnerAxes && softmax.axis == rank) { return [] }
      let axis = try normalizedAxis(softmax.axis, rank: rank)
      return softmax.flattensInnerAxes ? Array(axis..<rank) : [axis]
    }
    let view = try axisView(input, axes, encoding: nil, name: name(node))
    let tensor = addTensor(.float32, count: shape(output).elementCount, name: graph[output].name)
    var step = SoftmaxRecord()
    step.input = TensorIndex(view.representation.tensor)
    step.output = TensorIndex(tensor)
    (step.outer, step.axis, step.inner) = (view.outer, view.axis, view.inner)
    step.logarithm = logarithm ? 1 : 0
    addStep(.softmax(step), name: name(node))
    define(output, tensor: tensor, layout: view.representation.layout)
  }

  // MARK: Reductions

  func lowerReduce(_ node: Node, _ reduction: ReductionAxes, _ function: ReduceFunction) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    guard dtype(input) == .float32 else { throw unsupported(node, "arithmetic on \(dtype(input).name) has no step") }
    let axes = try attempt(node) { () throws(OperatorError) in try reduction.axes(infos(node)) }
    if axes.isEmpty {
      define(output, state(input))
      return
    }
    if try lowerIntegerReduce(node, axes, function, input, output) { return }
    noteFloat(node, function == .sum ? "a sum has no integer step" : "some reader wants the result unquantized")
    let view = try axisView(input, axes, encoding: nil, name: name(node))
    let tensor = addTensor(.float32, count: shape(output).elementCount, name: graph[output].name)
    var step = ReduceRecord()
    step.input = TensorIndex(view.representation.tensor)
    step.output = TensorIndex(tensor)
    step.function = function.rawValue
    (step.outer, step.axis, step.inner) = (view.outer, view.axis, view.inner)
    addStep(.reduce(step), name: name(node))
    define(output, tensor: tensor, layout: view.reduced)
  }

  /// A mean or maximum of quantized values as a pool over an image of one row; whether that was possible.
  private func lowerIntegerReduce(
    _ node: Node, _ axes: [Int], _ function: ReduceFunction, _ input: ValueID, _ output: ValueID
  ) throws(PackError) -> Bool {
    guard let parameters = parameters(input), isQuantizedOnly(input), function != .sum else { return false }
    let tail = tail(of: output)
    if function == .mean, tail.quantization?.dtype != parameters.dtype || !tail.clampNodes.isEmpty { return false }
    let view = try axisView(input, axes, encoding: parameters, name: name(node))
    var window = WindowGeometry()
    window.batch = view.outer
    (window.inWidth, window.kernelWidth) = (view.axis, view.axis)
    (window.inChannels, window.outChannels) = (view.inner, view.inner)
    if function == .mean {
      var record = AveragePoolFloatRecord()
      record.window = window
      try addAveragePool(
        node, input, output, record, inLayout: view.representation.layout, outLayout: view.reduced)
      return true
    }
    let tensor = addTensor(parameters.dtype, count: shape(output).elementCount, name: graph[output].name)
    var step = MaxPoolRecord()
    step.input = TensorIndex(view.representation.tensor)
    step.output = TensorIndex(tensor)
    step.window = window
    addStep(.maxPool(step), name: name(node))
    define(output, tensor: tensor, layout: view.reduced, encoding: .quantized(parameters))
    return true
  }

  func lowerArgMax(_ node: Node) throws(PackError) {
    let argMax = try operation(node, ArgMax.self)
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    guard dtype(input) == .float32 || dtype(input).isQuantized else {
      throw unsupported(node, "a maximum of \(dtype(input).name) has no step")
    }
    let axis = try attempt(node) { () throws(OperatorError) in
      try normalizedAxis(argMax.axis, rank: shape(input).count)
    }
    // Quantizing is monotone, so the greatest byte is the greatest value.
    let view = try axisView(
      input, [axis], encoding: isQuantizedOnly(input) ? parameters(input) : nil, name: name(node))
    let tensor = addTensor(.int64, count: shape(output).elementCount, name: graph[output].name)
    var step = ArgMaxRecord()
    step.input = TensorIndex(view.representation.tensor)
    step.output = TensorIndex(tensor)
    (step.outer, step.axis, step.inner) = (view.outer, view.axis, view.inner)
    step.selectLast = argMax.selectsLast ? 1 : 0
    addStep(.argMax(step), name: name(node))
    define(output, tensor: tensor, layout: view.reduced)
  }
}
