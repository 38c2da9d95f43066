import Graph
import HostTensors
import Operators
import TensorTypes

/// What follows a result and can be computed with it: a clamp, then a quantization.
struct Tail {
  var low: Float = -.infinity
  var high: Float = .infinity
  /// The float value at the end of the clamp.
  var value: ValueID
  /// Nodes that a step with this clamp computes along.
  var clampNodes: [Int] = []
  /// How every reader quantizes `value`; nil where some reader wants it as float.
  var quantization: QuantizationParameters?
  /// The quantizing nodes and their outputs.
  var quantizeNodes: [Int] = []
  var quantizedOutputs: [ValueID] = []

  /// The clamp as the least and greatest quantized value. Quantizing is monotone, so clamping after
  /// it is the same as clamping before.
  func quantizedBounds(_ parameters: QuantizationParameters) -> (low: Int32, high: Int32) {
    (parameters.quantize(low), parameters.quantize(high))
  }

  func clamp(_ x: Float) -> Float { x < low ? low : (x > high ? high : x) }
}

extension Lowering {
  /// The tail of `value`: a chain of Relu and Clip read by nothing else, then QuantizeLinear nodes of
  /// equal parameters.
  func tail(of value: ValueID) -> Tail {
    var tail = Tail(value: value)
    while let index = soleConsumer(of: tail.value), let bounds = clampBounds(graph.nodes[index], of: tail.value),
      let next = graph.nodes[index].outputs[0]
    {
      tail.low = max(tail.low, bounds.low)
      tail.high = max(min(tail.high, bounds.high), tail.low)
      // Where bounds cross, the later maximum wins.
      if bounds.high < tail.low { (tail.low, tail.high) = (bounds.high, bounds.high) }
      tail.clampNodes.append(index)
      tail.value = next
    }
    addQuantization(to: &tail)
    return tail
  }

  /// The only node that reads `value`, if there is just one reading and it is no output of the graph.
  func soleConsumer(of value: ValueID) -> Int? {
    guard !outputs.contains(value), let readers = consumers[value], readers.count == 1 else { return nil }
    return readers[0]
  }

  private func clampBounds(_ node: Node, of value: ValueID) -> (low: Float, high: Float)? {
    guard node.inputs[0] == value, dtype(value) == .float32 else { return nil }
    if node.kind == .relu { return (0, .infinity) }
    guard let clip = node.op as? Clip, let bounds = try? clip.bounds(infos(node)) else { return nil }
    let low = bounds.minimum?.floats.first ?? -.infinity
    let high = bounds.maximum?.floats.first ?? .infinity
    return low.isNaN || high.isNaN ? nil : (min(low, high), high)
  }

  private func addQuantization(to tail: inout Tail) {
    guard !outputs.contains(tail.value), let readers = consumers[tail.value], !readers.isEmpty else { return }
    var common: QuantizationParameters?
    var quantizedOutputs: [ValueID] = []
    for index in readers {
      let node = graph.nodes[index]
      guard node.kind == .quantizeLinear, node.inputs[0] == tail.value, let output = node.outputs[0],
        let parameters = activationParameters(node)
      else { return }
      guard common == nil || common == parameters else { return }
      common = parameters
      quantizedOutputs.append(output)
    }
    tail.quantization = common
    tail.quantizeNodes = readers
    tail.quantizedOutputs = quantizedOutputs
  }

  /// The per-tensor mapping of a QuantizeLinear or DequantizeLinear node; nil where it is per axis,
  /// computed, or of a type that activations cannot have.
  func activationParameters(_ node: Node) -> QuantizationParameters? {
    guard node.inputs.count > 1, let scale = constant(node.inputs[1]), scale.count == 1, scale.dtype == .float32
    else { return nil }
    var zeroPoint: Int32 = 0
    // QuantizeLinear's output type, DequantizeLinear's input type.
    let integerValue = node.kind == .quantizeLinear ? node.outputs[0] : node.inputs[0]
    guard let integerValue, dtype(integerValue).isQuantized else { return nil }
    if node.inputs.count > 2, let id = node.inputs[2] {
      guard let value = constant(id), value.count == 1 else { return nil }
      zeroPoint = Int32(truncatingIfNeeded: value.integers[0])
    }
    let scaleValue = scale.floats[0]
    guard scaleValue.isFinite, scaleValue > 0 else { return nil }
    return QuantizationParameters(scale: scaleValue, zeroPoint: zeroPoint, dtype: dtype(integerValue))
  }

  /// Says that a float step has computed `tail.value` with its clamp.
  func defineFloat(_ tail: Tail, tensor: Int, layout: Layout) {
    cover(tail.clampNodes)
    define(tail.value, tensor: tensor, layout: layout)
  }

  /// Says that an integer step has computed what the tail's QuantizeLinear nodes yield.
  func defineQuantized(_ tail: Tail, tensor: Int, layout: Layout) {
    cover(tail.clampNodes)
    cover(tail.quantizeNodes)
    for output in tail.quantizedOutputs { define(output, tensor: tensor, layout: layout) }
  }
}
