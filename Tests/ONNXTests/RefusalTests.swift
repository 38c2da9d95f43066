import Foundation
import Graph
import ONNX
import Operators
import Testing

/// What a hostile or foreign file gets: a typed error that names the place.
@Suite struct RefusalTests {
  private func refuse(
    _ data: Data, sourceLocation: SourceLocation = #_sourceLocation, matching matches: (ONNXError) -> Bool
  ) {
    let error = refusal { () throws(ONNXError) in try importONNX(data) }
    expectError(error, sourceLocation: sourceLocation, matching: matches)
  }

  private func changed(_ change: (inout TestModel) -> Void) -> Data {
    var model = TestModel.relu
    change(&model)
    return model.data
  }

  @Test func theUnchangedModelIsAccepted() throws {
    let graph = try importONNX(TestModel.relu.data)
    #expect(graph.nodes.map(\.kind) == [.relu])
  }

  @Test func everyTruncationIsRefusedOrHarmless() {
    let data = TestModel.relu.data
    for count in 0..<data.count {
      // A cut at a field's end leaves a well-formed message without its last fields.
      if let graph = try? importONNX(data.prefix(count)) { #expect(graph.nodes.count <= 1) }
    }
    refuse(data.prefix(data.count / 2)) { if case .malformed = $0 { true } else { false } }
  }

  @Test func bytesThatAreNoModelAreMalformed() {
    refuse(Data()) { if case .malformed = $0 { true } else { false } }
    refuse(Data("#!/bin/sh\n".utf8)) { if case .malformed = $0 { true } else { false } }
    refuse(Data(repeating: 0xFF, count: 64)) { if case .malformed = $0 { true } else { false } }
  }

  @Test func deepNestingIsRefusedWithoutDescending() {
    // If in If in If: bodies are not decoded, so their depth costs nothing.
    var body = ProtoMessage()
    for _ in 0..<2000 {
      let inner = body
      let branch = attribute("then_branch", type: 5) { $0.message(6, inner) }
      body = ProtoMessage { $0.message(1, node("If", ["x"], ["y"], name: "deep", attributes: [branch])) }
    }
    refuse(
      ProtoMessage {
        $0.message(7, body)
        $0.message(8, ProtoMessage { $0.int(2, 13) })
      }.data
    ) {
      if case .subgraph("deep", "If", "then_branch") = $0 { true } else { false }
    }
  }

  @Test func filesThatWouldSwellAreRefused() {
    // Three million empty nodes: 6 MB in the file.
    let nodes = Data((0..<3_000_000).flatMap { _ in [UInt8(0x0A), 0] })
    refuse(ProtoMessage { $0.bytes(7, nodes) }.data) { if case .malformed = $0 { true } else { false } }
  }

  @Test(arguments: [6, 22, 0, -1]) func otherOpsetsAreRefused(_ version: Int) {
    refuse(changed { $0.opsets = [("", version)] }) {
      if case .unsupportedOpset(version, 7...21) = $0 { true } else { false }
    }
  }

  @Test func aMissingOpsetIsRefused() {
    refuse(changed { $0.opsets = [("ai.onnx.ml", 2)] }) { if case .missingOpset = $0 { true } else { false } }
  }

  @Test func foreignDomainsAreRefusedOnlyWhereUsed() throws {
    var model = TestModel.relu
    model.opsets.append(("com.microsoft", 1))
    #expect(throws: Never.self) { try importONNX(model.data) }
    model.nodes = [node("FusedConv", ["x"], ["y"], name: "f", domain: "com.microsoft")]
    refuse(model.data) {
      if case .unsupportedDomain("f", "FusedConv", "com.microsoft") = $0 { true } else { false }
    }
  }

  @Test func unknownOperatorsAreNamed() {
    refuse(changed { $0.nodes = [node("Det", ["x"], ["y"], name: "det")] }) {
      if case .unsupportedOperator("det", "Det", .unsupportedOperator("Det")) = $0 { true } else { false }
    }
  }

  @Test func namelessNodesAreNamedByTypeAndPlace() {
    refuse(changed { $0.nodes = [node("Det", ["x"], ["y"])] }) {
      if case .unsupportedOperator("Det_0", _, _) = $0 { true } else { false }
    }
  }

  @Test func subgraphsAreNamed() {
    let body = attribute("then_branch", type: 5) { $0.message(6, ProtoMessage { $0.string(2, "body") }) }
    refuse(changed { $0.nodes = [node("If", ["x"], ["y"], name: "branch", attributes: [body])] }) {
      if case .subgraph("branch", "If", "then_branch") = $0 { true } else { false }
    }
  }

  @Test func functionsAndSparseConstantsAreNamed() {
    refuse(changed { $0.modelExtra = { $0.message(25, ProtoMessage { $0.string(1, "MyOp") }) } }) {
      if case .unsupportedFunction("MyOp") = $0 { true } else { false }
    }
    let sparse = ProtoMessage { $0.message(1, tensor("s", 1, [1]) { $0.float(4, 1) }) }
    refuse(changed { $0.graphExtra = { $0.message(15, sparse) } }) {
      if case .unsupportedTensor("s", "sparse tensor") = $0 { true } else { false }
    }
  }

  @Test(arguments: [(4, "sequence"), (5, "map"), (7, "opaque"), (8, "sparse tensor"), (9, "optional")])
  func valuesThatAreNoTensorsAreNamed(_ field: UInt64, _ name: String) {
    let foreign = ProtoMessage {
      $0.string(1, "x")
      $0.message(2, ProtoMessage { $0.message(field, ProtoMessage()) })
    }
    refuse(changed { $0.inputs = [foreign] }) {
      if case .unsupportedType("x", name) = $0 { true } else { false }
    }
  }

  @Test(arguments: [(11, "sparse tensor"), (13, "type"), (9, "tensors"), (42, "attribute type 42")])
  func foreignAttributesAreNamed(_ type: Int, _ name: String) {
    let foreign = attribute("a", type: type) { _ in }
    refuse(changed { $0.nodes = [node("Relu", ["x"], ["y"], name: "r", attributes: [foreign])] }) {
      if case .unsupportedAttribute("r", "Relu", "a", name) = $0 { true } else { false }
    }
  }

  @Test func attributesGivenTwiceAreRefused() {
    let axis = attribute("axis", type: 2) { $0.int(3, 1) }
    refuse(changed { $0.nodes = [node("Softmax", ["x"], ["y"], name: "s", attributes: [axis, axis])] }) {
      if case .duplicateAttribute("s", "axis") = $0 { true } else { false }
    }
  }

  @Test func cyclesAreNamed() {
    refuse(
      changed {
        $0.nodes = [
          node("Add", ["x", "b"], ["a"], name: "n1"), node("Relu", ["a"], ["b"], name: "n2"),
          node("Relu", ["b"], ["y"], name: "n3"),
        ]
      }
    ) {
      if case .cycle(let node) = $0 { ["n1", "n2"].contains(node) } else { false }
    }
  }

  @Test func nodesOutOfOrderAreSorted() throws {
    var model = TestModel.relu
    model.nodes = [node("Neg", ["a"], ["y"]), node("Relu", ["x"], ["a"])]
    #expect(try importONNX(model.data).nodes.map(\.kind) == [.relu, .neg])
  }

  @Test func doubleDefinitionsAreNamed() {
    refuse(changed { $0.nodes.append(node("Neg", ["x"], ["y"], name: "second")) }) {
      if case .duplicateDefinition("y", ["Relu_0", "second"]) = $0 { true } else { false }
    }
    refuse(changed { $0.nodes.append(node("Neg", ["y"], ["x"], name: "second")) }) {
      if case .duplicateDefinition("x", ["graph input", "second"]) = $0 { true } else { false }
    }
    refuse(changed { $0.inputs.append($0.inputs[0]) }) {
      if case .duplicateDefinition("x", _) = $0 { true } else { false }
    }
    refuse(
      changed {
        let one = tensor("w", 1, [1]) { $0.float(4, 1) }
        $0.initializers = [one, one]
      }
    ) {
      if case .duplicateDefinition("w", ["initializer", "initializer"]) = $0 { true } else { false }
    }
  }

  @Test func undefinedNamesAreNamed() {
    refuse(changed { $0.nodes = [node("Add", ["x", "ghost"], ["y"], name: "sum")] }) {
      if case .undefinedInput("sum", "ghost") = $0 { true } else { false }
    }
    refuse(changed { $0.outputs = [value("ghost", [])] }) {
      if case .undefinedOutput("ghost") = $0 { true } else { false }
    }
    refuse(changed { $0.outputs = [] }) { if case .noOutputs = $0 { true } else { false } }
  }

  @Test func hugeInputsAreRefused() {
    refuse(changed { $0.inputs = [value("x", [.fixed(1 << 40), .fixed(1 << 40)])] }) {
      if case .inputTooLarge("x", [1 << 40, 1 << 40]) = $0 { true } else { false }
    }
  }

  @Test func missingFilesAndDirectoriesAreUnreadable() {
    for path in ["/nonexistent/model.onnx", "/"] {
      expectError(refusal { () throws(ONNXError) in try importONNX(contentsOf: URL(fileURLWithPath: path)) }) {
        if case .unreadable = $0 { true } else { false }
      }
    }
  }
}
