import Graph
import HostTensors
import Pruning
import Testing

/// Every weight has its place in the matrix of outputs by inputs, whatever layout ONNX gives it.
@Suite struct WeightMatrixTests {
  @Test(arguments: WeightCase.all) func everyWeightHasOnePlace(_ example: WeightCase) throws {
    let graph = try example.graph(numbers(example.weight.elementCount, seed: 1))
    let layer = try #require(graph.prunableLayers().first)
    let offsets = (0..<layer.matrix.outputs).flatMap { output in
      (0..<layer.matrix.inputs).map { layer.matrix.offset(output: output, input: $0) }
    }
    #expect(offsets.sorted() == Array(0..<example.weight.elementCount))
  }

  /// With one weight at 1, only that output answers, and only to that input.
  @Test(arguments: WeightCase.all) func aWeightJoinsItsOutputWithItsInput(_ example: WeightCase) throws {
    let count = example.weight.elementCount
    let matrix = try #require(try example.graph(numbers(count, seed: 1)).prunableLayers().first).matrix
    let inputChannels = example.isImage ? example.input[1] : example.input[example.input.count - 1]
    let channels = inputChannels / example.groups
    for output in 0..<matrix.outputs {
      for input in 0..<matrix.inputs {
        var weights = [Float](repeating: 0, count: count)
        weights[matrix.offset(output: output, input: input)] = 1
        let group = output / (matrix.outputs / example.groups)
        let channel = group * channels + input % channels
        let pixels = example.isImage ? example.input[2] * example.input[3] : 1
        var samples = [Float](repeating: 0, count: example.input.elementCount)
        for pixel in 0..<pixels { samples[channel * pixels + pixel] = 1 }
        let scores = try Evaluator(example.graph(weights)).run([Tensor(shape: example.input, elements: samples)])[0]
        let places = example.isImage ? scores.count / matrix.outputs : 1
        let answers = Set(scores.floats.indices.filter { scores.floats[$0] != 0 }.map { $0 / places })
        #expect(answers == [output], "\(output), \(input)")
      }
    }
  }

  /// Behind each other stand the channels of one kernel position.
  @Test func channelsOfOnePositionAreNeighbours() throws {
    let graph = try WeightCase.all[0].graph(numbers(90, seed: 1))
    let matrix = try #require(graph.prunableLayers().first).matrix
    #expect((0..<4).map { matrix.offset(output: 1, input: $0) } == [18, 24, 30, 19])
  }
}
