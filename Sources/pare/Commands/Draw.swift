import ArgumentParser
import Datasets
import Foundation
import HostTensors

struct Draw: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draws images that a network made as one sheet, a PNG file.",
    discussion: """
      Reads a float .npy of shape [N,1,H,W], [N,3,H,W], [N,H,W,1], [N,H,W,3] or [N,H,W], values from 0 to 1; what lies \
      outside is drawn as the nearest end. Several files follow each other on the sheet.

        pare run generator.onnx --shape input=64,64 --input latent.npy --output digits.npy
        pare draw digits.npy --columns 8 -o digits.png
        pare draw digit-*.npy -o digits.png
      """)

  @Argument(help: "The images, .npy files of one shape.") var images: [String]
  @Option(help: "Images in a row.") var columns = 8
  @Option(help: "Pixels of the sheet for each pixel of an image, in both directions.") var scale = 2
  @Option(name: [.customShort("o"), .customLong("output")], help: "The PNG file.") var path: String

  func validate() throws {
    guard (1...1024).contains(columns) else { throw ValidationError("--columns: expected 1 to 1024, found \(columns)") }
    guard (1...64).contains(scale) else { throw ValidationError("--scale: expected 1 to 64, found \(scale)") }
  }

  func run() throws {
    do throws(DatasetError) {
      let tensor = try stacked()
      guard let sheet = ImageSheet(tensor, columns: columns, scale: scale) else {
        throw .malformed(
          path: images[0], field: "shape", expected: "[N,1,H,W], [N,3,H,W], [N,H,W,1], [N,H,W,3] or [N,H,W]",
          found: "\(tensor.shape)")
      }
      try sheet.image.write(to: path)
    } catch { throw CommandFailure("\(error)") }
  }

  /// The files' tensors, one behind the other.
  private func stacked() throws(DatasetError) -> Tensor {
    let first = try Npy.read(images[0])
    guard images.count > 1 else { return first }
    var elements = first.floats
    for path in images.dropFirst() {
      let next = try Npy.read(path)
      guard next.shape.dropFirst() == first.shape.dropFirst(), !next.shape.isEmpty else {
        throw .malformed(
          path: path, field: "shape", expected: "[N] + \(Array(first.shape.dropFirst())), as of \(images[0])",
          found: "\(next.shape)")
      }
      elements += next.floats
    }
    let count = first.shape.dropFirst().reduce(1, *)
    return Tensor(shape: [elements.count / max(count, 1)] + first.shape.dropFirst(), elements: elements)
  }
}
