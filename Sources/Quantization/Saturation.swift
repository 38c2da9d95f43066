import Graph
import HostTensors
import Operators

/// The bounds of a Relu or Clip that a quantized range starting at zero enforces by itself.
struct Saturation: Equatable {
  /// nil for none.
  var upper: Float?
}

extension Node {
  /// The bounds, if this is a Relu, or a Clip from zero to a constant or to no bound.
  ///
  /// The zero point of what it writes is then the least quantized value, and saturating to it is the
  /// activation. A Clip with another lower bound keeps a table of its own.
  func saturation(in graph: Graph) -> Saturation? {
    guard kind != .relu else { return Saturation(upper: nil) }
    guard kind == .clip else { return nil }
    guard case .constant(0) = bound(1, in: graph) else { return nil }
    switch bound(2, in: graph) {
    case .none: return Saturation(upper: nil)
    case .constant(let high) where high >= .greatestFiniteMagnitude: return Saturation(upper: nil)
    case .constant(let high): return high > 0 ? Saturation(upper: high) : nil
    case .computed: return nil
    }
  }

  private enum Bound {
    case none
    case constant(Float)
    case computed
  }

  private func bound(_ index: Int, in graph: Graph) -> Bound {
    let held = (op as? any CanonicalInputs)?.attributeInputs(graph.inputInfos(of: self)) ?? []
    if index < inputs.count, let id = inputs[index] {
      guard let constant = graph[id].constant, constant.count == 1 else { return .computed }
      return .constant(constant.floats[0])
    }
    guard index < held.count, let tensor = held[index] else { return .none }
    return tensor.count == 1 ? .constant(tensor.floats[0]) : .computed
  }
}
