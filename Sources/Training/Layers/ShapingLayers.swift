import Graph
import HostTensors
import Operators

/// All elements of a sample in one axis.
struct FlattenLayer: Layer {
  static let type = LayerType("flatten", "All elements of a sample in one axis.") { _ in FlattenLayer() }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.add("Flatten", [input])
  }
}

/// A sample under another shape.
struct ReshapeLayer: Layer {
  let shape: [Int]

  static let type = LayerType(
    "reshape", "A sample under another shape.", shorthand: "shape",
    [LayerParameter("shape", "extents of a sample; one may be -1, which takes what is left")]
  ) { (arguments) throws(RecipeError) in
    let value = try arguments.required("shape")
    var shape: [Int] = []
    for element in try value.elements("a list of extents") { shape.append(try element.integer(in: -1...1 << 24)) }
    guard !shape.contains(0), shape.filter({ $0 == -1 }).count <= 1 else {
      throw value.wrong("extents of 1 or more, and at most one -1")
    }
    return ReshapeLayer(shape: shape)
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    let count = network.sampleShape(input).elementCount
    let known = shape.filter { $0 != -1 }.reduce(1) { $0.multipliedClamped(by: $1) }
    guard shape.contains(-1) ? count % known == 0 : count == known else {
      throw network.shapeError(input, expected: "as many elements as \(shape)")
    }
    return try network.reshape(input, to: shape)
  }
}

/// The axes of a sample in another order.
struct PermuteLayer: Layer {
  let axes: [Int]

  static let type = LayerType(
    "permute", "The axes of a sample in another order.", shorthand: "axes",
    [LayerParameter("axes", "for each axis of the output, the one of the input that it is, counted from 0")]
  ) { (arguments) throws(RecipeError) in
    let value = try arguments.required("axes")
    var axes: [Int] = []
    for element in try value.elements("a list of axes") { axes.append(try element.integer(in: 0...3)) }
    guard axes.sorted() == Array(0..<axes.count) else { throw value.wrong("each axis of a sample once, from 0") }
    return PermuteLayer(axes: axes)
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    guard network.sampleShape(input).count == axes.count else {
      throw network.shapeError(input, expected: "\(axes.count) axes")
    }
    return try network.add("Transpose", [input], ["perm": .ints([0] + axes.map { $0 + 1 })])
  }
}

/// Larger images: every position `factor` times along each axis, or values in between.
struct UpsampleLayer: Layer {
  enum Mode: String, CaseIterable {
    case nearest, linear
  }

  let factor: Int
  let mode: Mode

  static let type = LayerType(
    "upsample", "[channels, positions...] enlarged.", shorthand: "factor",
    [
      LayerParameter("factor", "enlargement of every axis of positions"),
      LayerParameter("mode", "nearest or linear; nearest unless given"),
    ]
  ) { (arguments) throws(RecipeError) in
    UpsampleLayer(
      factor: try arguments.required("factor").integer(in: 1...64),
      mode: try arguments["mode"]?.choice("mode of upsampling") ?? .nearest)
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 2...4, "[channels, positions...] with one to three axes of positions")
    let positions = network.sampleShape(input).count - 1
    let scales = [Float](repeating: 1, count: 2) + [Float](repeating: Float(factor), count: positions)
    let constant = network.parameter("scales", Tensor(shape: [scales.count], elements: scales))
    // Whole factors with these modes copy positions exactly, as other tools' nearest upsampling does.
    let attributes: [String: AttributeValue] =
      mode == .nearest
      ? [
        "mode": .string("nearest"), "coordinate_transformation_mode": .string("asymmetric"),
        "nearest_mode": .string("floor"),
      ] : ["mode": .string("linear"), "coordinate_transformation_mode": .string("half_pixel")]
    return try network.add("Resize", [input, nil, constant], attributes)
  }
}
