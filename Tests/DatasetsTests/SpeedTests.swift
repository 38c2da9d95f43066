import Datasets
import Foundation
import Testing

/// Samples per second on one core, printed where `PARE_MEASURE` is set:
/// `PARE_MEASURE=1 swift test -c release --filter SpeedTests`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["PARE_MEASURE"] != nil), .serialized)
struct SpeedTests {
  private func samplesPerSecond(_ source: BatchSource, epochs: Int) throws -> Double {
    var samples = 0
    var sum: Float = 0
    let clock = ContinuousClock()
    let duration = try clock.measure {
      for epoch in 0..<epochs {
        for number in 0..<source.batchesPerEpoch {
          let batch = try source.batch(number, epoch: epoch)
          samples += batch.count
          sum += batch.inputs.withElements(as: Float.self) { $0[$0.count / 2] }
        }
      }
    }
    #expect(sum.isFinite)
    return Double(samples) / (Double(duration.components.attoseconds) * 1e-18 + Double(duration.components.seconds))
  }

  private func mnist() throws -> Dataset {
    let folder = modelFile("data/mnist")
    return try Dataset(
      DatasetSpecification(
        path: "speed", inputs: folder + "/t10k-images-idx3-ubyte.gz",
        labels: .file(folder + "/t10k-labels-idx1-ubyte.gz"),
        preprocessing: Preprocessing(scale: 1 / 255, mean: [0.1307], std: [0.3081])))
  }

  @Test func digitsDecodedAndBatched() throws {
    let source = try BatchSource(mnist(), batching: Batching(batchSize: 128, seed: 1))
    print("digits decoded and batched: \(Int(try samplesPerSecond(source, epochs: 20))) samples/s")
  }

  @Test func digitsMovedByAnAffineMap() throws {
    var augmentation = Augmentation()
    (augmentation.rotation, augmentation.scale, augmentation.shear) = (15, 0.9...1.1, 10)
    (augmentation.verticalShift, augmentation.horizontalShift) = (0.1, 0.1)
    let source = try BatchSource(mnist(), batching: Batching(batchSize: 128, seed: 1, augmentation: augmentation))
    print("digits with an affine map: \(Int(try samplesPerSecond(source, epochs: 5))) samples/s")
  }
}
