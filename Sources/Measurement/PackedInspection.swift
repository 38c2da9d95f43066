import Foundation
import ModelFormat

/// What a .pare file consists of, step by step.
public struct PackedInspection: Report {
  public struct Interface: Sendable, Encodable {
    public var name: String
    public var type: String
    public var shape: [Int]

    init(_ interface: PackedInterface) {
      (name, type, shape) = (interface.name, "\(interface.dtype.name)", interface.shape)
    }
  }

  public struct Step: Sendable, Encodable {
    public var kind: String
    public var macs: UInt64
    public var outputBytes: Int
    /// Of the layer that the step computes; empty where the file has no names.
    public var name: String

    private enum CodingKeys: String, CodingKey {
      case kind, macs, name
      case outputBytes = "output_bytes"
    }
  }

  public var name: String
  public var fileBytes: Int
  /// Of the network before any compression.
  public var parameters: Int
  /// 4 bytes x parameters over the file.
  public var ratio: Double
  public var macs: UInt64
  public var arenaBytes: Int
  /// How often each kind of step occurs.
  public var operators: [String: Int]
  public var inputs: [Interface]
  public var outputs: [Interface]
  public var classes: [String]
  public var steps: [Step]

  private enum CodingKeys: String, CodingKey {
    case name, parameters, ratio, macs, operators, inputs, outputs, classes, steps
    case fileBytes = "file_bytes"
    case arenaBytes = "arena_bytes"
  }

  public init(_ network: PackedNetwork) {
    let model = network.model
    let names = network.names(.stepName)
    name = network.names(.networkName).first ?? ""
    fileBytes = network.fileBytes
    parameters = Int(model.header.originalParameters)
    ratio = 4 * Double(parameters) / Double(max(fileBytes, 1))
    macs = model.header.multiplyAccumulates
    arenaBytes = Int(model.header.arenaBytes)
    inputs = network.inputs.map { Interface($0) }
    outputs = network.outputs.map { Interface($0) }
    classes = network.names(.className)
    steps = (0..<model.stepCount).map { index in
      Step(
        kind: "\(model.stepCode(index).name)", macs: UInt64(model.stepMultiplyAccumulates(index)),
        outputBytes: model.stepOutput(index).count, name: index < names.count ? names[index] : "")
    }
    operators = Dictionary(grouping: steps, by: \.kind).mapValues(\.count)
  }

  public var text: String {
    func line(_ interface: Interface) -> String {
      "\(interface.name)  \(interface.type) \(interface.shape.map(String.init).joined(separator: "x"))\n"
    }
    var text = "network     \(name)\n"
    for input in inputs { text += "input       \(line(input))" }
    for output in outputs { text += "output      \(line(output))" }
    if !classes.isEmpty { text += "classes     \(classes.joined(separator: ", "))\n" }
    text += "parameters  \(parameters.grouped) before any compression\n"
    text += "file        \(fileBytes.grouped) bytes, \(String(format: "%.2f", ratio)) times smaller than 4 bytes each\n"
    text += "products    \(macs.grouped) MAC\n"
    text += "arena       \(arenaBytes.grouped) bytes\n\n"
    var table = TextTable([
      .init("#", .trailing), .init("step"), .init("MAC", .trailing), .init("output bytes", .trailing), .init("name"),
    ])
    for (index, step) in steps.enumerated() {
      table.add([String(index), step.kind, step.macs.grouped, step.outputBytes.grouped, step.name])
    }
    return text + table.rendered
  }
}
