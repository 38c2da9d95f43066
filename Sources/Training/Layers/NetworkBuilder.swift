import Graph
import HostTensors
import Operators
import TensorTypes

/// A graph that grows layer by layer.
struct NetworkBuilder {
  private(set) var graph: Graph
  let input: ValueID
  private let initialize: Initialize
  /// The layer at hand.
  private var place: LayerPlace
  /// What names begin with: the composite layer that the one at hand is part of.
  private var scope = ""
  /// Layers named so far, by scope and type.
  private var counts: [String: Int] = [:]
  private var takenNames: Set<String> = []
  /// What masks padding, by name, as far as layers asked for it.
  var masks: [String: ValueID] = [:]

  /// Elements of one parameter: 1 GiB of floats.
  private static let mostElements = 1 << 28

  init(
    _ network: LayeredNetwork, name: String, batch: Int, initialize: @escaping Initialize
  ) throws(NetworkError) {
    var count = batch
    for extent in network.input {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= Self.mostElements else { throw .inputTooLarge(shape: network.input) }
      count = product
    }
    var graph = Graph(name: name)
    input = graph.addValue(
      name: "input", info: ValueInfo(dtype: network.inputType, shape: [batch] + network.input))
    graph.inputs = [input]
    self.graph = graph
    self.initialize = initialize
    place = LayerPlace(index: 0, name: "input", place: RecipePlace(file: "", key: ""))
  }

  /// Adds layers one behind the other and returns the output of the last.
  mutating func add(_ layers: [LayerRecipe], behind input: ValueID) throws(NetworkError) -> ValueID {
    let outer = place
    defer { place = outer }
    var value = input
    for (index, layer) in layers.enumerated() {
      place = LayerPlace(index: index, name: name(for: layer), place: layer.place)
      value = try layer.layer.add(to: &self, input: value)
    }
    return value
  }

  /// The layer's own name, or its type and a number: `conv1`; a number follows where the name is taken.
  private mutating func name(for layer: LayerRecipe) -> String {
    if let name = layer.name, takenNames.insert(scope + name).inserted { return scope + name }
    let stem = scope + (layer.name ?? layer.type)
    repeat { counts[stem, default: 0] += 1 } while !takenNames.insert("\(stem)\(counts[stem] ?? 0)").inserted
    return "\(stem)\(counts[stem] ?? 0)"
  }

  /// Adds the layers that make up the composite layer at hand; their names begin with its name.
  mutating func addWithin(_ layers: [LayerRecipe], behind input: ValueID) throws(NetworkError) -> ValueID {
    let outer = scope
    scope = place.name + "."
    defer { scope = outer }
    return try add(layers, behind: input)
  }

  /// Adds nodes for a value that several layers share, under a name of its own.
  mutating func addShared(
    _ name: String, _ build: (inout NetworkBuilder) throws(NetworkError) -> ValueID
  ) throws(NetworkError) -> ValueID {
    let outer = place
    place.name = name
    defer { place = outer }
    return try build(&self)
  }

  func finished(output: ValueID) -> Graph {
    var graph = graph
    graph[output].name = "output"
    graph.outputs = [output]
    return graph
  }
}

// What layers ask and add.
extension NetworkBuilder {
  /// Extents of one sample of `value`.
  func sampleShape(_ value: ValueID) -> [Int] { (graph[value].info?.shape).map { Array($0.dropFirst()) } ?? [] }

  func isFloat(_ value: ValueID) -> Bool { graph[value].info?.dtype == .float32 }

  /// The error that refuses `input`.
  func shapeError(_ input: ValueID, expected: String) -> NetworkError {
    let kind = isFloat(input) ? "" : " of numbers, not tokens"
    return .shape(place, expected: expected + kind, found: sampleShape(input))
  }

  /// Throws unless `input` are floats of one of the ranks, the batch not counted.
  func require(_ input: ValueID, rank: ClosedRange<Int>, _ expected: String) throws(NetworkError) {
    guard isFloat(input), rank.contains(sampleShape(input).count) else { throw shapeError(input, expected: expected) }
  }

  /// The name of a node or value of the layer at hand.
  func name(_ suffix: String?) -> String { suffix.map { "\(place.name).\($0)" } ?? place.name }

  /// Adds a node and returns its first output; `suffix` tells the nodes of one layer apart.
  mutating func add(
    _ opType: String, _ suffix: String?, _ inputs: [ValueID?], _ attributes: [String: AttributeValue] = [:]
  ) throws(NetworkError) -> ValueID {
    let definition = NodeDefinition(opType: opType, attributes: attributes, inputCount: inputs.count)
    let name = name(suffix)
    do throws(OperatorError) {
      return try append(makeOperator(definition), name, inputs)
    } catch { throw refused(opType, name, error) }
  }

  /// Adds the layer's main node, which has its name.
  mutating func add(
    _ opType: String, _ inputs: [ValueID?], _ attributes: [String: AttributeValue] = [:]
  ) throws(NetworkError) -> ValueID {
    try add(opType, nil, inputs, attributes)
  }

  /// Adds a node of which only output `index` is used, and returns that.
  mutating func add(
    _ opType: String, _ inputs: [ValueID?], _ attributes: [String: AttributeValue], output index: Int
  ) throws(NetworkError) -> ValueID {
    let definition = NodeDefinition(
      opType: opType, attributes: attributes, inputCount: inputs.count, outputCount: index + 1)
    let op: any Operator
    do throws(OperatorError) { op = try makeOperator(definition) } catch { throw refused(opType, name(nil), error) }
    let value = graph.addValue(name: name(nil))
    let unused = [ValueID?](repeating: nil, count: index)
    graph.nodes.append(Node(name: name(nil), op: op, inputs: inputs, outputs: unused + [value]))
    do throws(GraphError) { try graph.inferShapes() } catch { throw .operatorFailed(place, error) }
    return value
  }

  private func refused(_ opType: String, _ name: String, _ error: OperatorError) -> NetworkError {
    .operatorFailed(place, .operatorFailed(node: name, kind: OperatorKind(rawValue: opType) ?? .identity, error))
  }

  /// Adds a parameter that training changes, or a statistic that it keeps.
  mutating func parameter(
    _ suffix: String, _ shape: [Int], _ initializer: InitializerRecipe
  ) throws(NetworkError) -> ValueID {
    let name = name(suffix)
    try checkCount(shape, name)
    return graph.addConstant(name: name, initialize(initializer, shape, name))
  }

  /// Adds a parameter whose first value is not drawn.
  mutating func parameter(_ suffix: String, _ value: Tensor) -> ValueID {
    graph.addConstant(name: name(suffix), value)
  }

  mutating func constant(_ suffix: String, _ number: Float) -> ValueID {
    graph.addConstant(name: name(suffix), Tensor(scalar: number))
  }

  mutating func constant(_ suffix: String, _ integers: [Int]) -> ValueID {
    graph.addConstant(name: name(suffix), Tensor(shape: [integers.count], elements: integers.map { Int64($0) }))
  }

  /// Adds the activation as a node of the layer at hand.
  mutating func add(_ activation: Activation?, behind value: ValueID) throws(NetworkError) -> ValueID {
    guard let activation else { return value }
    return try add(activation.opType, activation.rawValue, [value], activation.attributes)
  }

  /// The value under another shape of its samples; one extent may be -1.
  mutating func reshape(
    _ value: ValueID, _ suffix: String? = nil, to sample: [Int]
  ) throws(NetworkError) -> ValueID {
    let shape = constant((suffix.map { "\($0)." } ?? "") + "shape", [0] + sample)
    return try add("Reshape", suffix, [value, shape])
  }

  private func checkCount(_ shape: [Int], _ name: String) throws(NetworkError) {
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= Self.mostElements else {
        throw .parameterTooLarge(place, parameter: name, shape: shape, limit: Self.mostElements)
      }
      count = product
    }
  }

  private mutating func append(
    _ op: any Operator, _ name: String, _ inputs: [ValueID?]
  ) throws(OperatorError) -> ValueID {
    do throws(GraphError) {
      return try graph.append(op, name: name, inputs: inputs, output: name)
    } catch {
      guard case .operatorFailed(_, _, let cause) = error else { preconditionFailure("\(error)") }
      throw cause
    }
  }
}
