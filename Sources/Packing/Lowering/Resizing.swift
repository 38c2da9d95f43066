import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

extension Lowering {
  /// Nearest: a `gather` per resized axis. Linear: an `interpolate` per resized axis, in float.
  func lowerResize(_ node: Node) throws(PackError) {
    let resize = try operation(node, Resize.self)
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    let axes = try attempt(node) { () throws(OperatorError) in try resize.resolvedAxes(infos(node)) }
    var current: OrderedOperand
    if resize.filter == nil {
      current = try ordered(input, name: name(node))
    } else {
      guard dtype(input) == .float32 else { throw unsupported(node, "interpolating \(dtype(input).name) has no step") }
      noteFloat(node, "it interpolates")
      current = try orderedFloat(input, name: name(node))
    }
    for (axis, resized) in axes.enumerated() {
      if let filter = resize.filter {
        guard let next = try interpolated(node, current, axis, filter.samples(resized, resize.transformation)) else {
          continue
        }
        current = next
      } else {
        let indices = resized.nearestIndices(resize.transformation, resize.nearestMode)
        if indices.elementsEqual((0..<resized.input).map { Optional($0) }) { continue }
        let known = indices.compactMap { $0.map { Int32($0) } }
        guard known.count == indices.count else {
          throw unsupported(node, "positions outside the image take a value of their own")
        }
        current = addGather(current, axis: axis, indices: known, name: name(node))
      }
    }
    let held = current.representation
    define(output, tensor: held.tensor, layout: held.layout, encoding: held.encoding)
  }

  private func orderedFloat(_ id: ValueID, name: String) throws(PackError) -> OrderedOperand {
    let held = try native(id, for: name)
    if let order = held.layout.axisOrder(of: shape(id)) {
      return OrderedOperand(representation: held, shape: shape(id), order: order)
    }
    let plain = try native(id, layout: plainLayout(id), for: name)
    return OrderedOperand(representation: plain, shape: shape(id), order: Array(shape(id).indices))
  }

  /// One axis of a linear resize; nil where it changes nothing.
  private func interpolated(
    _ node: Node, _ source: OrderedOperand, _ axis: Int, _ samples: [ResizeFilter.Samples?]
  ) throws(PackError) -> OrderedOperand? {
    var low: [Int32] = []
    var high: [Int32] = []
    var fraction: [Float] = []
    for sample in samples {
      guard let sample else { throw unsupported(node, "positions outside the image take a value of their own") }
      guard (1...2).contains(sample.indices.count), abs(sample.weights.reduce(0, +) - 1) < 1e-6 else {
        throw unsupported(node, "only two neighbours can be interpolated: no cubic, no antialias")
      }
      low.append(Int32(sample.indices[0]))
      high.append(Int32(sample.indices[sample.indices.count - 1]))
      fraction.append(sample.indices.count == 2 ? sample.weights[1] : 0)
    }
    if low.elementsEqual((0..<source.shape[axis]).map { Int32($0) }), fraction.allSatisfy({ $0 == 0 }) { return nil }
    var shape = source.shape
    shape[axis] = samples.count
    let name = name(node)
    let tensor = addTensor(
      .float32, count: shape.elementCount, name: program.tensors[source.representation.tensor].name)
    let around = source.surroundings(of: axis)
    var step = InterpolateRecord()
    step.input = TensorIndex(source.representation.tensor)
    step.output = TensorIndex(tensor)
    step.low = TensorIndex(addConstant(low, name: "\(name)/low"))
    step.high = TensorIndex(addConstant(high, name: "\(name)/high"))
    step.fraction = TensorIndex(addConstant(fraction, name: "\(name)/fraction"))
    (step.outer, step.axis, step.inner) = (around.outer, source.shape[axis], around.inner)
    addStep(.interpolate(step), name: name)
    let held = Representation(encoding: .native, layout: source.layout(of: shape), tensor: tensor)
    return OrderedOperand(representation: held, shape: shape, order: source.order)
  }
}
