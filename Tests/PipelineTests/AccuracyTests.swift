import Datasets
import Foundation
import HostTensors
import Measurement
import Testing

/// What packing does to a network's answers.
struct AccuracyTests {
  /// onnxruntime's outputs for the first samples of data.yaml, one file for each output of the network.
  @Test(arguments: NetworkName.allCases)
  func floatOutputsAreOnnxruntimes(_ name: NetworkName) async throws {
    let network = try await Networks.shared.prepared(name).loaded(.float)
    let files =
      name == .ultraface ? network.outputs.map { "reference-\($0.name).npy" } : ["reference.npy"]
    try #require(files.count == network.outputs.count)
    let references = try files.map { try Npy.read(name.folder.appendingPathComponent($0).path) }
    let data = try name.data()
    for index in 0..<references[0].shape[0] {
      let outputs = try network.run([try data.sample(index, shapedFor: network.inputs[0].shape)])
      for (output, reference) in zip(outputs, references) {
        let expected = Array(reference.floats[index * output.count..<(index + 1) * output.count])
        // Both add in float32, in other orders: 1e-4 of the greatest output, or of 1 for probabilities.
        let tolerance = 1e-4 * max(1, expected.map(abs).max() ?? 0)
        let error = zip(output.floats, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(error <= tolerance, "sample \(index)")
      }
    }
  }

  /// Float figures are those of onnxruntime in models/README.md; int8 may lose 1.0 point.
  @Test(arguments: [
    (NetworkName.dscnnKWS, 452, 500), (.resnet8, 929, 1_000), (.resnet20, 999, 1_000), (.mnist, 9_891, 10_000),
  ])
  func int8AccuracyIsWithinOnePointOfFloat(_ name: NetworkName, _ correct: Int, _ samples: Int) async throws {
    let network = try await Networks.shared.prepared(name)
    let data = try name.data()
    try #require(data.count == samples)
    let float = try Evaluation(network: .packed(network.loaded(.float)), dataset: data).run()
    let int8 = try Evaluation(network: .packed(network.loaded(.int8)), dataset: data).run()
    let floatAccuracy = try #require(float.accuracy)
    // One sample whose two best scores are as near as float rounding may turn.
    #expect(abs(floatAccuracy * Double(samples) - Double(correct)) <= 1)
    #expect(try #require(int8.accuracy) >= floatAccuracy - 0.010)
  }

  /// Where data carry no labels: the int8 outputs stay near the float ones, in the mean over outputs and samples.
  ///
  /// As root mean square error over root mean square output. Measured on 2026-11-21: 0.026, 0.68, 0.014, 0.019, 0.010.
  /// The ImageNet network sees images unlike those it was trained on and is unsure of every class; the network that
  /// onnxruntime's own quantizer makes of it differs by 0.94.
  @Test(arguments: [
    (NetworkName.vww, 0.05), (.imagenet, 0.9), (.autoencoder, 0.03), (.armKWS, 0.04), (.ultraface, 0.02),
  ])
  func int8OutputsStayNearFloatOutputs(_ name: NetworkName, _ bound: Double) async throws {
    let network = try await Networks.shared.prepared(name)
    let float = try network.loaded(.float)
    let int8 = try network.loaded(.int8)
    let data = try name.data()
    var error = 0.0
    var power = 0.0
    for index in 0..<min(data.count, 4) {
      let sample = try data.sample(index, shapedFor: float.inputs[0].shape)
      for (expected, found) in zip(try float.run([sample]), try int8.run([sample])) {
        for (a, b) in zip(expected.floats, found.floats) {
          error += Double((a - b) * (a - b))
          power += Double(a * a)
        }
      }
    }
    #expect((error / power).squareRoot() <= bound)
  }
}
