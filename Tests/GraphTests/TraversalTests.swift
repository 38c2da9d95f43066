import Graph
import HostTensors
import Operators
import TensorTypes
import Testing

/// Order, definitions and evaluation of graphs.
@Suite struct TraversalTests {
  /// x -> a -> b -> y, each a Relu.
  private func chain() throws -> Graph {
    var graph = Graph(name: "chain")
    var value = graph.input("x", [2])
    for name in ["a", "b", "y"] { value = try graph.node("Relu", name, [value]) }
    graph.outputs = [value]
    return graph
  }

  private func failure(_ body: () throws(GraphError) -> Void) -> GraphError? {
    do {
      try body()
      return nil
    } catch {
      return error
    }
  }

  @Test func sortingRestoresTheOrder() throws {
    var graph = try chain()
    graph.nodes.reverse()
    try graph.sortTopologically()
    #expect(graph.nodes.map(\.name) == ["a", "b", "y"])
  }

  @Test func sortingKeepsAnOrderThatIsRight() throws {
    var graph = try chain()
    let z = try graph.node("Neg", "z", [graph.inputs[0]])
    graph.outputs.append(z)
    try graph.sortTopologically()
    #expect(graph.nodes.map(\.name) == ["a", "b", "y", "z"])
  }

  @Test func cyclesAreNamed() throws {
    var graph = try chain()
    graph.nodes[0].inputs = [graph.nodes[1].outputs[0]]
    let error = failure { () throws(GraphError) in try graph.sortTopologically() }
    guard case .cycle(let node)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(["a", "b"].contains(node))
  }

  @Test func doubleAndMissingDefinitionsAreNamed() throws {
    var double = try chain()
    double.nodes[1].outputs = double.nodes[0].outputs
    guard case .duplicateDefinition("a", ["a", "b"])? = failure({ () throws(GraphError) in try double.verify() })
    else {
      Issue.record("no duplicate found")
      return
    }
    var missing = try chain()
    missing.nodes.removeFirst()
    guard case .undefinedValue("b", "a")? = failure({ () throws(GraphError) in try missing.verify() }) else {
      Issue.record("no undefined value found")
      return
    }
  }

  @Test func aLongChainNeedsNoDeepStack() throws {
    var graph = Graph(name: "long")
    var value = graph.input("x", [1])
    for index in 0..<20_000 { value = try graph.node("Relu", "n\(index)", [value]) }
    graph.outputs = [value]
    graph.nodes.reverse()
    try graph.sortTopologically()
    #expect(graph.nodes.first?.name == "n0" && graph.nodes.last?.name == "n19999")
  }

  @Test func everyValueIsObservedOnce() throws {
    let graph = try chain()
    var seen: [String] = []
    let input = Tensor(shape: [2], elements: [Float(-1), 3])
    let found = try Evaluator(graph).run([input]) { id, _ in seen.append(graph[id].name) }
    #expect(found.map(\.floats) == [[0, 3]])
    #expect(seen == ["x", "a", "b", "y"])
  }

  @Test func missingAndMistypedInputsAreNamed() throws {
    let evaluator = Evaluator(try chain())
    guard case .missingInput("x")? = failure({ () throws(GraphError) in _ = try evaluator.run([]) }) else {
      Issue.record("no missing input found")
      return
    }
    let integers = Tensor(shape: [2], elements: [Int32(1), 2])
    guard
      case .inputMismatch("x", "float32", "int32")? = failure({ () throws(GraphError) in
        _ = try evaluator.run([integers])
      })
    else {
      Issue.record("no mismatch found")
      return
    }
  }
}
