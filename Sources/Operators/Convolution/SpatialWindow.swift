/// A window sliding over the spatial axes of one tensor, fully resolved: one axis per spatial axis,
/// outermost first.
public struct SpatialWindow: Sendable, Equatable {
  public let axes: [SpatialAxis]

  public init(axes: [SpatialAxis]) { self.axes = axes }

  public var inputExtents: [Int] { axes.map(\.input) }
  public var kernelExtents: [Int] { axes.map(\.kernel) }
  public var outputExtents: [Int] { axes.map(\.output) }

  /// Padding as the ONNX attribute lists it: all begins, then all ends.
  public var pads: [Int] { axes.map(\.padBegin) + axes.map(\.padEnd) }

  /// The same window over exactly three axes; `axes` has one to three.
  public var threeAxes: [SpatialAxis] {
    [SpatialAxis](repeating: .unit, count: Swift.max(0, 3 - axes.count)) + axes
  }

  /// Whether every output position reads exactly the input position of the same index.
  public var isPointwise: Bool {
    axes.allSatisfy { $0.kernel == 1 && $0.stride == 1 && $0.padBegin == 0 && $0.padEnd == 0 }
  }
}

/// The ONNX attribute `auto_pad`.
public enum AutoPad: String, Sendable, CaseIterable {
  case notSet = "NOTSET"
  case sameUpper = "SAME_UPPER"
  case sameLower = "SAME_LOWER"
  case valid = "VALID"
}

/// The attributes of Conv, ConvTranspose, MaxPool and AveragePool that describe a sliding window.
///
/// An empty list stands for the default: strides and dilations of 1, pads of 0. Every number is at
/// most `maximumExtent`, so that products of two of them fit in an Int.
public struct WindowAttributes: Sendable, Equatable {
  /// nil where the operator takes the extents from its weight.
  public let kernelShape: [Int]?
  public let strides: [Int]
  public let dilations: [Int]
  /// All begins, then all ends; ignored unless `autoPad` is `notSet`.
  public let pads: [Int]
  public let autoPad: AutoPad
  /// Whether a last window that the input fills only in part counts (pools).
  public let ceilMode: Bool

  /// Greatest extent, stride, dilation or padding that is accepted.
  public static let maximumExtent = 1 << 24

  /// Reads and checks the attributes; errors name the attribute.
  public init(_ definition: NodeDefinition) throws(OperatorError) {
    kernelShape = try definition.ints("kernel_shape")
    strides = try definition.ints("strides") ?? []
    dilations = try definition.ints("dilations") ?? []
    pads = try definition.ints("pads") ?? []
    autoPad = try definition.choice("auto_pad", default: AutoPad.notSet)
    ceilMode = try definition.flag("ceil_mode", default: false)
    try Self.check("kernel_shape", kernelShape ?? [], atLeast: 1)
    try Self.check("strides", strides, atLeast: 1)
    try Self.check("dilations", dilations, atLeast: 1)
    try Self.check("pads", pads, atLeast: 0)
  }

  /// The attributes that differ from their defaults.
  public var attributes: [String: AttributeValue] {
    var written: [String: AttributeValue] = [:]
    if let kernelShape { written["kernel_shape"] = .ints(kernelShape) }
    if !strides.isEmpty { written["strides"] = .ints(strides) }
    if !dilations.isEmpty { written["dilations"] = .ints(dilations) }
    // ONNX forbids pads beside any other auto_pad.
    if !pads.isEmpty && autoPad == .notSet { written["pads"] = .ints(pads) }
    if autoPad != .notSet { written["auto_pad"] = .string(autoPad.rawValue) }
    if ceilMode { written["ceil_mode"] = .int(1) }
    return written
  }

  /// The window over `input`, the extents of the one to three spatial axes.
  ///
  /// `kernel` replaces `kernelShape` where that is nil and must equal it where it is not. Throws
  /// `invalidAttribute` where a list has the wrong length and `invalid` where the window does not fit
  /// into the padded input.
  public func resolved(input: [Int], kernel: [Int]? = nil) throws(OperatorError) -> SpatialWindow {
    let checked = try checkedLists(rank: input.count, kernel: kernel)
    for extent in input + checked.kernel where extent > Self.maximumExtent {
      throw .invalid("a spatial extent of \(extent) is too large")
    }
    var axes: [SpatialAxis] = []
    for index in input.indices {
      let spacing = (stride: checked.strides[index], dilation: checked.dilations[index])
      let padding = (begin: checked.pads[index], end: checked.pads[input.count + index])
      axes.append(try axis(input[index], kernel: checked.kernel[index], spacing: spacing, padding: padding))
    }
    return SpatialWindow(axes: axes)
  }

  /// The lists with their defaults filled in and their lengths checked against `rank` spatial axes.
  func checkedLists(
    rank: Int, kernel weightKernel: [Int]?
  ) throws(OperatorError) -> (kernel: [Int], strides: [Int], dilations: [Int], pads: [Int]) {
    guard (1...3).contains(rank) else { throw .invalid("windows over \(rank) spatial axes are not supported") }
    guard let kernel = kernelShape ?? weightKernel else { throw .missingAttribute("kernel_shape") }
    if let kernelShape, let weightKernel, kernelShape != weightKernel {
      throw .invalidAttribute("kernel_shape", expected: "\(weightKernel), as the weight", found: "\(kernelShape)")
    }
    guard kernel.allSatisfy({ $0 >= 1 }) else { throw .invalid("the kernel extents \(kernel) are not positive") }
    func filled(_ name: String, _ list: [Int], count: Int, default value: Int) throws(OperatorError) -> [Int] {
      if list.isEmpty { return [Int](repeating: value, count: count) }
      guard list.count == count else {
        throw .invalidAttribute(name, expected: "\(count) numbers", found: "\(list)")
      }
      return list
    }
    return (
      kernel: try filled("kernel_shape", kernel, count: rank, default: 1),
      strides: try filled("strides", strides, count: rank, default: 1),
      dilations: try filled("dilations", dilations, count: rank, default: 1),
      pads: try filled("pads", pads, count: 2 * rank, default: 0)
    )
  }

  /// One axis, padded as `autoPad` says; the output extent is that of ONNX Conv and of the pools.
  private func axis(
    _ input: Int, kernel: Int, spacing: (stride: Int, dilation: Int), padding: (begin: Int, end: Int)
  ) throws(OperatorError) -> SpatialAxis {
    let stride = spacing.stride
    let span = (kernel - 1) * spacing.dilation + 1
    func axis(_ begin: Int, _ end: Int, output: Int) -> SpatialAxis {
      SpatialAxis(
        input: input, kernel: kernel, stride: stride, dilation: spacing.dilation, padBegin: begin, padEnd: end,
        output: output)
    }
    switch autoPad {
    case .sameUpper, .sameLower:
      let output = (input + stride - 1) / stride
      let total = Swift.max(0, (output - 1) * stride + span - input)
      let smaller = total / 2
      return autoPad == .sameUpper
        ? axis(smaller, total - smaller, output: output) : axis(total - smaller, smaller, output: output)
    case .notSet, .valid:
      let (begin, end) = autoPad == .valid ? (0, 0) : padding
      let room = input + begin + end - span
      // In ceil mode the only window may reach beyond the padding by less than a stride.
      guard room >= (ceilMode ? 1 - stride : 0) else {
        throw .invalid("a window of \(span) does not fit into \(input) elements padded by \(begin) and \(end)")
      }
      return axis(begin, end, output: positions(room: room, stride: stride, reach: input + begin))
    }
  }

  /// Window positions where the first may move by `room`; none may start at or after `reach`, the
  /// end of the input counted from the first position (ONNX: such windows hold only padding).
  private func positions(room: Int, stride: Int, reach: Int) -> Int {
    guard ceilMode else { return room / stride + 1 }
    let output = (room + stride - 1) / stride + 1
    return (output - 1) * stride >= reach ? output - 1 : output
  }

  private static func check(_ name: String, _ list: [Int], atLeast minimum: Int) throws(OperatorError) {
    for number in list where number < minimum || number > maximumExtent {
      throw .invalidAttribute(name, expected: "numbers from \(minimum) to \(maximumExtent)", found: "\(list)")
    }
  }
}
