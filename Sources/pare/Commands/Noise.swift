import ArgumentParser
import Datasets
import Foundation
import HostTensors
import Training

struct Noise: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes normally distributed numbers as a .npy file: latent vectors for a generator.",
    discussion: """
      Mean 0 and standard deviation 1, float32; the same shape and seed give the same file on every machine.

        pare noise --shape 64,32 --seed 7 -o latent.npy
      """)

  @Option(help: "Extents, such as 64,32: 64 vectors of 32 numbers.") var shape: String
  @Option(help: "The seed of the numbers.") var seed: UInt64 = 0
  @Option(name: [.customShort("o"), .customLong("output")], help: "The .npy file.") var path: String

  func run() throws {
    let extents = shape.split(separator: ",", omittingEmptySubsequences: false).compactMap { Int($0) }
    let parts = shape.split(separator: ",", omittingEmptySubsequences: false).count
    guard extents.count == parts, extents.allSatisfy({ $0 > 0 }),
      extents.reduce(1.0, { $0 * Double($1) }) <= 1e9
    else {
      throw CommandFailure("--shape \(shape): expected positive extents such as 64,32, of at most 1e9 numbers", .usage)
    }
    var stream = ParameterStream(seed: seed, name: "noise")
    let tensor = Tensor(shape: extents, elements: (0..<extents.elementCount).map { _ in Float(stream.normal()) })
    do throws(DatasetError) { try Npy.write(tensor, to: path) } catch { throw CommandFailure("\(error)") }
  }
}
