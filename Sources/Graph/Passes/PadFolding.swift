import HostTensors
import Operators

extension Graph {
  /// Gives zeros padded to the spatial axes before a Conv to the Conv itself.
  mutating func foldPads(_ report: inout SimplificationReport) {
    let producers = producers()
    for index in nodes.indices {
      guard nodes[index].kind == .conv, let input = nodes[index].inputs.first ?? nil,
        let producer = producers[input], let source = nodes[producer].inputs.first ?? nil,
        let pads = zeroPads(nodes[producer]), let merged = convolution(nodes[index], addingPads: pads)
      else { continue }
      report.rewrites.append(.init(rule: .padFolded, node: nodes[producer].name, into: nodes[index].name))
      nodes[index].op = merged
      nodes[index].inputs[0] = source
    }
  }

  /// The pads of every axis where the node pads with zeros and removes nothing.
  private func zeroPads(_ node: Node) -> [(begin: Int, end: Int)]? {
    guard let pad = node.op as? Pad, pad.mode == .constant else { return nil }
    let infos = inputInfos(of: node)
    let own = pad.attributeInputs(infos)
    let value = own.isEmpty ? (infos.count > 2 ? infos[2] : nil) : (own.count > 2 ? own[2].map { ValueInfo($0) } : nil)
    if let value {
      guard let constant = value.constant, constant.floats.allSatisfy({ $0 == 0 }) else { return nil }
    }
    guard let pads = try? pad.resolvedPads(infos), pads.allSatisfy({ $0.begin >= 0 && $0.end >= 0 }) else {
      return nil
    }
    return pads
  }

  private func convolution(_ node: Node, addingPads pads: [(begin: Int, end: Int)]) -> Conv? {
    guard let conv = node.op as? Conv, pads.count >= 3, pads[0] == (0, 0), pads[1] == (0, 0) else { return nil }
    // The pads of SAME depend on the input's extents, so they are left alone.
    guard conv.window.autoPad == .notSet || conv.window.autoPad == .valid else { return nil }
    let spatial = pads[2...]
    let added = spatial.map(\.begin) + spatial.map(\.end)
    let own = conv.window.autoPad == .notSet ? conv.window.pads : []
    guard own.isEmpty || own.count == added.count else { return nil }
    var attributes = conv.attributes
    attributes["auto_pad"] = nil
    attributes["pads"] = .ints(own.isEmpty ? added : zip(own, added).map { $0 + $1 })
    return try? Conv(
      NodeDefinition(
        opType: OperatorKind.conv.rawValue, attributes: attributes, inputCount: node.inputs.count))
  }
}
