import Operators

/// Padding around what a window slides over.
enum Padding: Sendable, Equatable {
  case valid
  /// So that the output has the input's extent divided by the stride, rounded up; the greater half at the end.
  case same
  /// As much on every side, one number for each axis or for all.
  case explicit([Int])

  /// How recipes describe the parameter.
  static let parameter = LayerParameter(
    "padding", "same, valid, or elements on every side: one number or one for each axis; valid unless given")

  init(_ arguments: RecipeMapping) throws(RecipeError) {
    guard let value = arguments["padding"] else {
      self = .valid
      return
    }
    if let numbers = try? value.oneOrMore(in: 0...1 << 16) {
      self = .explicit(numbers)
      return
    }
    switch try value.text("same, valid or numbers") {
    case "same": self = .same
    case "valid": self = .valid
    default: throw value.wrong("same, valid or numbers")
    }
  }
}

/// The arguments of layers that slide a window, as the recipe gives them.
struct WindowArguments: Sendable {
  let kernel: [Int]
  let stride: [Int]
  let dilation: [Int]
  let padding: Padding

  init(kernel: [Int], stride: [Int], dilation: [Int] = [1], padding: Padding) {
    self.kernel = kernel
    self.stride = stride
    self.dilation = dilation
    self.padding = padding
  }

  /// Reads `kernel`, `stride`, `dilation` and `padding`; `stride` is the kernel where `strideIsKernel` and not given.
  init(_ arguments: RecipeMapping, strideIsKernel: Bool = false) throws(RecipeError) {
    kernel = try arguments.required("kernel").oneOrMore(in: 1...1 << 16)
    stride = try arguments["stride"]?.oneOrMore(in: 1...1 << 16) ?? (strideIsKernel ? kernel : [1])
    dilation = try arguments["dilation"]?.oneOrMore(in: 1...1 << 16) ?? [1]
    padding = try Padding(arguments)
  }

  /// The ONNX attributes for windows over `extents`; nil where a list has neither one number nor one for each axis.
  func attributes(over extents: [Int]) -> [String: AttributeValue]? {
    let rank = extents.count
    guard let kernel = kernel.spread(rank), let stride = stride.spread(rank), let dilation = dilation.spread(rank)
    else { return nil }
    var attributes: [String: AttributeValue] = ["kernel_shape": .ints(kernel), "strides": .ints(stride)]
    if dilation.contains(where: { $0 != 1 }) { attributes["dilations"] = .ints(dilation) }
    switch padding {
    case .valid: break
    case .explicit(let numbers):
      guard let pads = numbers.spread(rank) else { return nil }
      attributes["pads"] = .ints(pads + pads)
    case .same:
      let totals = extents.indices.map { axis in
        let outputs = (extents[axis] + stride[axis] - 1) / stride[axis]
        return max(0, (outputs - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1 - extents[axis])
      }
      attributes["pads"] = .ints(totals.map { $0 / 2 } + totals.map { $0 - $0 / 2 })
    }
    return attributes
  }
}

extension RecipeValue {
  /// An integer, or a list of one to three.
  func oneOrMore(in bounds: ClosedRange<Int>) throws(RecipeError) -> [Int] {
    guard case .sequence = node else { return [try integer(in: bounds)] }
    var numbers: [Int] = []
    for element in try elements() { numbers.append(try element.integer(in: bounds)) }
    guard numbers.count <= 3 else { throw wrong("an integer, or one for each axis") }
    return numbers
  }
}

extension [Int] {
  /// One number for each of `rank` axes; nil where there are neither one nor `rank`.
  func spread(_ rank: Int) -> [Int]? {
    if count == rank { return self }
    return count == 1 ? [Int](repeating: self[0], count: rank) : nil
  }
}
