import HostTensors
import Operators
import TensorTypes
import Testing

/// One operator on concrete inputs, as a node of `opset` would have it.
struct OperatorCase {
  var opType: String
  var inputs: [Tensor?]
  var attributes: [String: AttributeValue] = [:]
  var opset = canonicalOpset
  var outputCount = 1

  init(
    _ opType: String, _ inputs: [Tensor?], _ attributes: [String: AttributeValue] = [:], opset: Int = canonicalOpset,
    outputCount: Int = 1
  ) {
    self.opType = opType
    self.inputs = inputs
    self.attributes = attributes
    self.opset = opset
    self.outputCount = outputCount
  }

  func makeOperator() throws(OperatorError) -> any Operator {
    try Operators.makeOperator(
      NodeDefinition(
        opType: opType, opset: opset, attributes: attributes, inputCount: inputs.count, outputCount: outputCount))
  }

  /// The outputs, which must be of the type and shape that inference gave them.
  func outputs(sourceLocation: SourceLocation = #_sourceLocation) throws -> [Tensor] {
    let op = try makeOperator()
    let inferred = try op.inferOutputs(inputs.map { $0.map { ValueInfo($0) } })
    let results = try op.evaluate(inputs)
    #expect(inferred.map(\.shape) == results.map(\.shape), sourceLocation: sourceLocation)
    #expect(inferred.map(\.dtype) == results.map(\.dtype), sourceLocation: sourceLocation)
    return results
  }

  func output(sourceLocation: SourceLocation = #_sourceLocation) throws -> Tensor {
    try #require(outputs(sourceLocation: sourceLocation).first, sourceLocation: sourceLocation)
  }

  /// The error that reading, inferring or evaluating gives; nil where all three succeed.
  func error() -> OperatorError? {
    do throws(OperatorError) {
      let op = try makeOperator()
      _ = try op.inferOutputs(inputs.map { $0.map { ValueInfo($0) } })
      _ = try op.evaluate(inputs)
      return nil
    } catch {
      return error
    }
  }

  /// The error of evaluation alone, without inference before it.
  func evaluationError() -> OperatorError? {
    do throws(OperatorError) {
      _ = try makeOperator().evaluate(inputs)
      return nil
    } catch {
      return error
    }
  }
}

/// Short spellings for tensors.
func floats(_ shape: [Int], _ elements: [Float]) -> Tensor { Tensor(shape: shape, elements: elements) }
func floats(_ elements: [Float]) -> Tensor { Tensor(shape: [elements.count], elements: elements) }
func int64s(_ elements: [Int64]) -> Tensor { Tensor(shape: [elements.count], elements: elements) }
func truths(_ elements: [Bool]) -> Tensor { Tensor(shape: [elements.count], elements: elements) }

/// 0, 1, 2 ... in `shape`.
func counting(_ shape: [Int]) -> Tensor {
  Tensor(shape: shape, elements: (0..<shape.elementCount).map { Float($0) })
}

extension Tensor {
  /// The elements, for tensors of Bool.
  var truthValues: [Bool] { elements(as: Bool.self) }
}
