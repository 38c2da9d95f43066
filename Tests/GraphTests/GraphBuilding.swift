import Graph
import HostTensors
import Operators

/// Graphs in a few lines: each node is named as its output.
extension Graph {
  mutating func input(_ name: String, _ shape: [Int]) -> ValueID {
    let id = addValue(name: name, info: ValueInfo(dtype: .float32, shape: shape))
    inputs.append(id)
    return id
  }

  mutating func constant(_ name: String, _ shape: [Int], _ elements: [Float]) -> ValueID {
    addConstant(name: name, Tensor(shape: shape, elements: elements))
  }

  mutating func integers(_ name: String, _ elements: [Int64]) -> ValueID {
    addConstant(name: name, Tensor(shape: [elements.count], elements: elements))
  }

  mutating func node(
    _ opType: String, _ name: String, _ inputs: [ValueID?], _ attributes: [String: AttributeValue] = [:]
  ) throws -> ValueID {
    let definition = NodeDefinition(opType: opType, attributes: attributes, inputCount: inputs.count)
    return try append(makeOperator(definition), name: name, inputs: inputs, output: name)
  }
}

/// Numbers between -1 and 1, the same in every run (a linear congruential generator, Knuth's constants).
func numbers(_ count: Int, seed: UInt64) -> [Float] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(Int32.max)
  }
}
