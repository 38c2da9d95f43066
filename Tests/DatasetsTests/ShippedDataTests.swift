import Datasets
import Foundation
import HostTensors
import Testing

/// The data under models/, against sums and elements that NumPy 2.4 found in the same files.
struct ShippedDataTests {
  private func rawSum(_ dataset: Dataset, _ index: Int) throws -> Double {
    try dataset.sample(index).floats.reduce(0) { $0 + Double($1) }
  }

  @Test func mnistHasTenThousandImagesWithKnownSumsAndLabels() throws {
    let dataset = try Dataset(contentsOf: modelFile("cntk-mnist/data.yaml"))
    #expect(dataset.count == 10_000)
    #expect(dataset.sampleShape == [28, 28])
    #expect((0..<10).map { dataset.label($0) } == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    #expect(dataset.label(9_999) == 6)
    #expect(try rawSum(dataset, 0) == 18_454)
    #expect(try rawSum(dataset, 9_999) == 41_833)
    #expect(try dataset.sample(0, shapedFor: [1, 1, 28, 28]).shape == [1, 1, 28, 28])
    #expect(dataset.classes?[7] == "seven")
  }

  @Test func cifarChannelsLandWhereTheLayoutSays() throws {
    let last = try Dataset(contentsOf: modelFile("resnet8-cifar10/data.yaml"))
    #expect(last.count == 1_000)
    #expect(last.rawSampleShape == [3, 32, 32])
    #expect(last.sampleShape == [32, 32, 3])
    #expect((0..<3).map { last.label($0) } == [6, 9, 9])
    let image = try last.sample(0).floats
    let sums = (0..<3).map { channel in
      stride(from: channel, to: image.count, by: 3).reduce(0) { $0 + Int(image[$1]) }
    }
    #expect(sums == [144_594, 107_622, 65_574])

    let first = try Dataset(contentsOf: modelFile("resnet20-cifar10/data.yaml"))
    #expect(first.sampleShape == [3, 32, 32])
    let normalized = try first.sample(0).floats
    let mean: [Float] = [0.485, 0.456, 0.406]
    let std: [Float] = [0.229, 0.224, 0.225]
    for channel in 0..<3 {
      for position in 0..<1_024 {
        let raw = image[position * 3 + channel]
        #expect(
          normalized[channel * 1_024 + position] == (raw * 0.00392156862745098 + 0 - mean[channel]) / std[channel])
      }
    }
  }

  @Test func calibrationRangeBeginsWhereEvaluationEnds() throws {
    let evaluation = try Dataset(contentsOf: modelFile("resnet8-cifar10/data.yaml"))
    let calibration = try Dataset(contentsOf: modelFile("resnet8-cifar10/calibration.yaml"))
    #expect(evaluation.label(999) == 5)
    #expect(calibration.count == 200)
    #expect((0..<3).map { calibration.label($0) } == [9, 4, 3])
    #expect(try rawSum(calibration, 0) == 142_491 + 149_923 + 153_251)
  }

  @Test func speechClipsAreScaledAsTheirNetworkWasTrained() throws {
    let dataset = try Dataset(contentsOf: modelFile("dscnn-kws/data.yaml"))
    #expect(dataset.count == 500)
    #expect(dataset.sampleShape == [49, 10])
    // (sum of q) * 0.5847029 - 490 * 83 * 0.5847029; 490 terms of magnitude below 128 in Float32
    // are each off by at most 2^-17, so the sum by at most 490 * 2^-17 < 0.004.
    #expect(abs(try rawSum(dataset, 0) - (37_947 - 490 * 83) * 0.5847029) < 0.004)
    #expect(abs(try rawSum(dataset, 499) - (37_720 - 490 * 83) * 0.5847029) < 0.004)
  }

  @Test func deflatedArchiveOfImagesHasKnownSums() throws {
    let dataset = try Dataset(contentsOf: modelFile("ultraface-rfb-320/data.yaml"))
    #expect(dataset.count == 4)
    #expect(dataset.sampleShape == [3, 240, 320])
    let image = try dataset.sample(3).floats
    // x = (raw - 127) / 128 is exact in Float32, so the raw sums come back exactly.
    let sums = (0..<3).map { channel in
      image[channel * 76_800..<(channel + 1) * 76_800].reduce(0) { $0 + Int($1 * 128 + 127) }
    }
    #expect(sums == [10_414_727, 9_935_234, 6_901_883])
  }

  @Test func halfFloatFramesAreWidened() throws {
    let dataset = try Dataset(contentsOf: modelFile("autoencoder-toyadmos/data.yaml"))
    #expect(dataset.count == 64)
    #expect(!dataset.hasLabels)
    #expect(try dataset.sample(0).floats[0] == Float(Float16(-39.78)))
    #expect(try dataset.sample(63).floats[639] == Float(Float16(-60.6)))
  }

  static let networks = [
    ("dscnn-kws", 490, 100), ("arm-kws-cnn-s", 490, 100), ("resnet8-cifar10", 3_072, 200),
    ("resnet20-cifar10", 3_072, 200), ("cntk-mnist", 784, 1_000), ("mobilenetv1-0.25-vww", 27_648, 16),
    ("mobilenetv1-0.25-imagenet", 150_528, 8), ("ultraface-rfb-320", 230_400, 4), ("autoencoder-toyadmos", 640, 64),
  ]

  @Test(arguments: networks)
  func everyNetworkHasCalibrationDataThatFitsItsInput(name: String, elements: Int, samples: Int) throws {
    let dataset = try Dataset(contentsOf: modelFile("\(name)/calibration.yaml"))
    #expect(dataset.elementCount == elements)
    #expect(dataset.count == samples)
    for index in [0, samples - 1] { #expect(try dataset.sample(index).floats.allSatisfy(\.isFinite)) }
    #expect(FileManager.default.fileExists(atPath: modelFile("\(name)/\(name).onnx")))
  }

  @Test func recordedReferenceOutputsReadAsTheyWereWritten() throws {
    #expect(try Npy.read(modelFile("mobilenetv1-0.25-imagenet/reference.npy")).shape == [4, 1_000])
    let scores = try Npy.read(modelFile("dscnn-kws/reference.npy"))
    // A softmax: each row sums to 1 within 12 roundings of Float32.
    for row in 0..<4 { #expect(abs(scores.floats[row * 12..<row * 12 + 12].reduce(0, +) - 1) < 12 * 0x1p-24) }
  }
}
