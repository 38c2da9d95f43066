import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

extension Lowering {
  /// An `addInt8` or `mulInt8` step where both operands are quantized and every reader quantizes the
  /// result; whether that is so. Where it is not, the reason is noted.
  func lowerBinaryInt8(_ node: Node, _ function: BinaryFunction) throws(PackError) -> Bool {
    guard let a = node.inputs[0], let b = node.inputs[1], let output = node.outputs[0],
      let aParameters = parameters(a), let bParameters = parameters(b)
    else {
      noteFloat(node, "the other operand is not quantized")
      return false
    }
    guard function == .add || function == .mul else {
      noteFloat(node, "the operator has no integer step")
      return false
    }
    let tail = tail(of: output)
    guard let result = tail.quantization else {
      noteFloat(node, "some reader wants the result unquantized")
      return false
    }
    // Both are commutative: the operand of the whole shape comes first, a computed one before a constant.
    let swaps = shape(a) != shape(output) || (constant(a) != nil && shape(b) == shape(output))
    let (whole, wholeParameters) = swaps ? (b, bParameters) : (a, aParameters)
    let (other, otherParameters) = swaps ? (a, aParameters) : (b, bParameters)
    guard shape(whole) == shape(output),
      let layouts = try integerLayouts(whole, wholeParameters, other, name: name(node))
    else {
      noteFloat(node, "the operands are neither of one shape nor a tensor and a channel vector")
      return false
    }
    let left = try quantized(whole, wholeParameters, layout: layouts.whole, for: name(node))
    let right = try quantized(other, otherParameters, layout: layouts.other, for: name(node))
    let tensor = addTensor(result.dtype, count: layouts.whole.count, name: graph[tail.value].name)
    var step = BinaryInt8Record()
    step.a = TensorIndex(left.tensor)
    step.b = TensorIndex(right.tensor)
    step.output = TensorIndex(tensor)
    step.aAffine = AffineRecord(wholeParameters)
    step.bAffine = AffineRecord(otherParameters)
    step.outputAffine = AffineRecord(result)
    (step.low, step.high) = tail.quantizedBounds(result)
    step.bCount = shape(other).elementCount
    addStep(function == .add ? .addInt8(step) : .mulInt8(step), name: name(node))
    defineQuantized(tail, tensor: tensor, layout: layouts.whole)
    return true
  }

  /// Layouts in which element i of the whole operand meets element i, modulo its count, of the other;
  /// nil where there are none.
  private func integerLayouts(
    _ whole: ValueID, _ parameters: QuantizationParameters, _ other: ValueID, name: String
  ) throws(PackError) -> (whole: Layout, other: Layout)? {
    let wholeShape = shape(whole)
    let current = try quantized(whole, parameters, for: name).layout
    for layout in [current, Layout.channelsLast(wholeShape), plainLayout(whole)] {
      guard let pieces = layout.pieces(of: wholeShape),
        let otherLayout = restricted(layout, of: wholeShape, to: shape(other))
      else { continue }
      let lead = wholeShape.count - shape(other).count
      let repeated = pieces.filter { $0.axis < lead || shape(other)[$0.axis - lead] == 1 }
      // What the other operand has must lie innermost: then it repeats as a whole.
      let count = shape(other).elementCount
      if repeated.allSatisfy({ $0.stride >= count }) { return (layout, otherLayout) }
    }
    return nil
  }
}
