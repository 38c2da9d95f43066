import Graph
import HostTensors
import Operators
import TensorTypes

// Operators that change how a value is looked at, not where its elements lie.

extension Lowering {
  /// Flatten, Reshape, Squeeze, Unsqueeze and Identity: the elements keep their logical order, so every
  /// representation of the input is one of the output.
  func lowerAlias(_ node: Node) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    define(output, state(input))
  }

  func lowerDropout(_ node: Node) throws(PackError) {
    try lowerAlias(node)
    guard node.outputs.count > 1, let mask = node.outputs[1] else { return }
    define(mask, .constant(Tensor(shape: shape(mask), repeating: true)))
  }

  /// Transpose relabels the axes; whoever needs another order in memory asks for it.
  func lowerTranspose(_ node: Node) throws(PackError) {
    let transpose = try operation(node, Transpose.self)
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    let inShape = shape(input)
    let order = try attempt(node) { () throws(OperatorError) in try transpose.order(rank: inShape.count) }
    guard case .activation(let held) = state(input) else {
      throw unsupported(node, "a constant that is not folded")
    }
    var relabelled: [Representation] = []
    for representation in held {
      guard let layout = representation.layout.transposed(order, of: inShape) else { continue }
      relabelled.append(
        Representation(encoding: representation.encoding, layout: layout, tensor: representation.tensor))
    }
    if relabelled.isEmpty {
      // No axis boundary lies where the layout can be cut: in the plain layout it always can.
      let plain = try anyEncoding(input, layout: plainLayout(input), for: name(node))
      guard let layout = plain.layout.transposed(order, of: inShape) else {
        throw .unsupportedExtent(value: graph[input].name, shape: inShape)
      }
      relabelled = [Representation(encoding: plain.encoding, layout: layout, tensor: plain.tensor)]
    }
    define(output, .activation(relabelled))
  }
}
