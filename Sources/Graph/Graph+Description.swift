import HostTensors
import Operators
import TensorTypes

extension Graph: CustomStringConvertible {
  /// A listing to read: one line for each input, node and output, with types and extents.
  public var description: String {
    var lines = ["graph \(name)"]
    lines += inputs.map { "  input  \(describe($0))" }
    for node in nodes {
      let operands = node.inputs.map { $0.map { self[$0].name } ?? "-" }.joined(separator: ", ")
      let results = node.outputs.map { $0.map(describe) ?? "-" }.joined(separator: ", ")
      lines.append("  \(results) = \(node.kind.rawValue)(\(operands))  # \(node.name)")
    }
    lines += outputs.map { "  output \(describe($0))" }
    return lines.joined(separator: "\n")
  }

  private func describe(_ id: ValueID) -> String {
    guard let info = self[id].info else { return self[id].name }
    return "\(self[id].name): \(info.dtype.name)\(info.shape)"
  }
}
