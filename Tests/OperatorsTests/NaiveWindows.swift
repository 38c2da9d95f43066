import HostTensors
import Operators

/// Whole numbers from -4 to 4 in a fixed order: their sums of products are exact in Float, so that
/// tests can compare without a tolerance.
func smallWholes(_ shape: [Int], seed: UInt64) -> Tensor {
  var state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
  let elements = (0..<shape.elementCount).map { _ -> Float in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int((state >> 33) % 9) - 4)
  }
  return Tensor(shape: shape, elements: elements)
}

/// One convolution as ONNX attributes give it, all lists written out, over exactly three axes.
struct WindowCase: Sendable {
  var batch = 2
  var groups = 1
  var groupIn = 2
  var groupOut = 3
  var input: [Int]
  var kernel: [Int]
  var strides = [1, 1, 1]
  var dilations = [1, 1, 1]
  var pads = [0, 0, 0, 0, 0, 0]
  /// How many of the axes, counted from the last, the operator sees.
  var rank = 2

  func tail(_ list: [Int]) -> [Int] { Array(list.suffix(rank)) }
  var tailPads: [Int] { Array(pads[(3 - rank)..<3]) + Array(pads[(6 - rank)..<6]) }

  var attributes: [String: AttributeValue] {
    [
      "strides": .ints(tail(strides)), "dilations": .ints(tail(dilations)), "pads": .ints(tailPads),
      "group": .int(groups),
    ]
  }

  /// Calls `body` with every (output position, tap, input position) inside the input, indices within planes.
  func forEachContact(output: [Int], _ body: (_ output: Int, _ tap: Int, _ input: Int) -> Void) {
    forEachIndex(output) { position, outIndex in
      forEachIndex(kernel) { tap, tapIndex in
        let reached = (0..<3).map { position[$0] * strides[$0] + tap[$0] * dilations[$0] - pads[$0] }
        guard zip(reached, input).allSatisfy({ (0..<$1).contains($0) }) else { return }
        body(outIndex, tapIndex, (reached[0] * input[1] + reached[1]) * input[2] + reached[2])
      }
    }
  }
}

/// Every index of a three-dimensional array in row-major order, with its flat index.
func forEachIndex(_ extents: [Int], _ body: ([Int], Int) -> Void) {
  var flat = 0
  for z in 0..<extents[0] {
    for y in 0..<extents[1] {
      for x in 0..<extents[2] {
        body([z, y, x], flat)
        flat += 1
      }
    }
  }
}

/// Geometries with odd extents, uneven pads, strides and dilations in one to three axes.
let windowCases: [WindowCase] = [
  WindowCase(input: [1, 5, 7], kernel: [1, 3, 3]),
  WindowCase(input: [1, 5, 7], kernel: [1, 1, 1]),
  WindowCase(input: [1, 6, 7], kernel: [1, 3, 2], strides: [1, 2, 3], pads: [0, 1, 0, 0, 2, 1]),
  WindowCase(groups: 3, input: [1, 9, 8], kernel: [1, 2, 3], dilations: [1, 3, 2], pads: [0, 0, 4, 0, 1, 0]),
  WindowCase(groups: 4, groupIn: 1, groupOut: 1, input: [1, 7, 9], kernel: [1, 3, 3], pads: [0, 1, 1, 0, 1, 1]),
  WindowCase(
    groups: 3, groupIn: 1, groupOut: 2, input: [1, 8, 9], kernel: [1, 3, 4], strides: [1, 3, 2], dilations: [1, 1, 2],
    pads: [0, 2, 3, 0, 0, 1]),
  WindowCase(batch: 1, input: [1, 1, 11], kernel: [1, 1, 4], strides: [1, 1, 2], pads: [0, 0, 3, 0, 0, 2], rank: 1),
  WindowCase(groups: 2, input: [1, 1, 9], kernel: [1, 1, 3], dilations: [1, 1, 4], rank: 1),
  WindowCase(input: [5, 4, 6], kernel: [2, 3, 1], strides: [2, 1, 3], pads: [1, 0, 0, 1, 1, 0], rank: 3),
  WindowCase(
    groups: 2, groupIn: 1, groupOut: 2, input: [4, 5, 5], kernel: [3, 2, 3], dilations: [1, 2, 1],
    pads: [1, 1, 0, 0, 1, 2], rank: 3),
  WindowCase(batch: 3, groupIn: 4, groupOut: 1, input: [1, 1, 1], kernel: [1, 3, 3], pads: [0, 1, 1, 0, 1, 1]),
]
