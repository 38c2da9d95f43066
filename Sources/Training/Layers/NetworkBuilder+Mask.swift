import Graph
import HostTensors
import Operators
import TensorTypes

/// What leaves padding, which is token 0 of the network's input, out of a sequence. Each is added once.
extension NetworkBuilder {
  /// Whether padding is masked unless the recipe says: where the network's input is tokens.
  var masksByDefault: Bool { !isFloat(input) }

  /// 1 for each token and 0 for padding: floats [batch, steps], for a sequence of as many steps.
  mutating func paddingMask(fitting sequence: ValueID) throws(NetworkError) -> ValueID {
    guard !isFloat(input), sampleShape(input).count == 1 else {
      throw shapeError(sequence, expected: "tokens as the network's input (input_type: int64), to mask by them")
    }
    guard sampleShape(input)[0] == sampleShape(sequence).first else {
      throw shapeError(sequence, expected: "\(sampleShape(input)[0]) steps, as the tokens that mask them")
    }
    return try shared("mask") { (network) throws(NetworkError) in
      let zero = network.parameter("zero", Tensor(scalar: Int64(0)))
      let padding = try network.add("Equal", "is_padding", [network.input, zero])
      let tokens = try network.add("Not", "is_token", [padding])
      return try network.add("Cast", [tokens], ["to": .int(Int(DType.float32.rawValue))])
    }
  }

  /// 0 for each token and -10,000 for padding, which softmax and maxima then pass over: floats [batch, steps].
  ///
  /// Larger than any score that a network has, and small enough that a sum with a score keeps the score's digits
  /// where all are masked.
  mutating func maskPenalty(fitting sequence: ValueID) throws(NetworkError) -> ValueID {
    let mask = try paddingMask(fitting: sequence)
    return try shared("mask_penalty") { (network) throws(NetworkError) in
      let absence = try network.add("Sub", "absence", [mask, network.constant("one", 1)])
      return try network.add("Mul", [absence, network.constant("size", 10_000)])
    }
  }

  /// The number of tokens in each sample, at least 1: int32 [batch].
  mutating func sequenceLengths(fitting sequence: ValueID) throws(NetworkError) -> ValueID {
    let mask = try paddingMask(fitting: sequence)
    return try shared("lengths") { (network) throws(NetworkError) in
      let steps = network.constant("axis", [1])
      let count = try network.add("ReduceSum", "sum", [mask, steps], ["keepdims": .int(0)])
      let atLeastOne = try network.add("Max", "at_least_one", [count, network.constant("one", 1)])
      return try network.add("Cast", [atLeastOne], ["to": .int(Int(DType.int32.rawValue))])
    }
  }

  private mutating func shared(
    _ name: String, _ build: (inout NetworkBuilder) throws(NetworkError) -> ValueID
  ) throws(NetworkError) -> ValueID {
    if let known = masks[name] { return known }
    let value = try addShared(name, build)
    masks[name] = value
    return value
  }
}
