import HostTensors
import Operators
import TensorTypes

/// Names a value of one graph: an input, a constant or the output of a node.
public struct ValueID: Hashable, Sendable {
  public let index: Int
  init(_ index: Int) { self.index = index }
}

/// A tensor that flows through a graph.
public struct Value: Sendable {
  /// Unique in its graph; what ONNX writes.
  public var name: String
  /// Known after `inferShapes()`, and for inputs and constants from the start.
  public var info: ValueInfo?

  /// The data of an initializer.
  public var constant: Tensor? { info?.constant }
}

/// One operator applied to values. An omitted optional input or output is nil.
public struct Node: Sendable {
  public var name: String
  public var op: any Operator
  public var inputs: [ValueID?]
  public var outputs: [ValueID?]

  public init(name: String, op: any Operator, inputs: [ValueID?], outputs: [ValueID?]) {
    self.name = name
    self.op = op
    self.inputs = inputs
    self.outputs = outputs
  }

  public var kind: OperatorKind { type(of: op).kind }
}

/// A network: nodes in topological order over values.
public struct Graph: Sendable {
  public var name: String
  public private(set) var values: [Value] = []
  public var nodes: [Node] = []
  public var inputs: [ValueID] = []
  public var outputs: [ValueID] = []

  public init(name: String) { self.name = name }

  public subscript(id: ValueID) -> Value {
    get { values[id.index] }
    set { values[id.index] = newValue }
  }

  /// Adds a value; a name already taken gets a numbered suffix.
  public mutating func addValue(name: String, info: ValueInfo? = nil) -> ValueID {
    let id = ValueID(values.count)
    values.append(Value(name: uniqueName(name), info: info))
    takenNames.insert(values[id.index].name)
    return id
  }

  public mutating func addConstant(name: String, _ tensor: Tensor) -> ValueID {
    addValue(name: name, info: ValueInfo(tensor))
  }

  private var takenNames: Set<String> = []

  private func uniqueName(_ wanted: String) -> String {
    guard takenNames.contains(wanted) else { return wanted }
    var suffix = 1
    while takenNames.contains("\(wanted)_\(suffix)") { suffix += 1 }
    return "\(wanted)_\(suffix)"
  }
}

/// What is wrong with a graph, with the node it is wrong at.
public enum GraphError: Error, Sendable {
  case operatorFailed(node: String, kind: OperatorKind, OperatorError)
  case cycle(node: String)
  case undefinedValue(node: String, value: String)
  case duplicateDefinition(value: String, nodes: [String])
  case unknownShape(value: String)
  case missingInput(name: String)
  case inputMismatch(name: String, expected: String, found: String)
}
