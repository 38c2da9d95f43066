import CMicrokernels

/// A convolution without padding over a small NHWC image: what products and depthwise products are tested with.
struct WindowShape: Sendable {
  var rows, columns, channels: Int
  var kernelRows, kernelColumns, stride: Int
  var outChannels: Int

  var outRows: Int { (rows - kernelRows) / stride + 1 }
  var outColumns: Int { (columns - kernelColumns) / stride + 1 }
  var pixels: Int { outRows * outColumns }
  var taps: Int { kernelRows * kernelColumns }
  var elements: Int { rows * columns * channels }
  /// Inputs of one output channel of a product.
  var depth: Int { taps * channels }

  static func random(_ random: inout SeededGenerator) -> WindowShape {
    if random.oneIn(6) {
      let depth = random.int(1...900)
      return WindowShape(
        rows: 1, columns: 1, channels: depth, kernelRows: 1, kernelColumns: 1, stride: 1,
        outChannels: random.int(1...150))
    }
    let kernelRows = random.int(1...4)
    let kernelColumns = random.int(1...5)
    return WindowShape(
      rows: kernelRows + random.int(0...6), columns: kernelColumns + random.int(0...7),
      channels: random.int(1...(random.oneIn(3) ? 70 : 12)), kernelRows: kernelRows, kernelColumns: kernelColumns,
      stride: random.int(1...2), outChannels: random.int(1...(random.oneIn(3) ? 150 : 40)))
  }

  /// The element index of tap (row, column), channel, in the window of an output pixel.
  func element(pixel: Int, tap: (row: Int, column: Int), channel: Int) -> Int {
    let row = pixel / outColumns * stride + tap.row
    let column = pixel % outColumns * stride + tap.column
    return (row * columns + column) * channels + channel
  }

  func windows(elementBytes: Int) -> [Int32] {
    (0..<pixels).map { Int32(element(pixel: $0, tap: (0, 0), channel: 0) * elementBytes) }
  }
  func runs(elementBytes: Int) -> [Int32] {
    (0..<kernelRows).map { Int32($0 * columns * channels * elementBytes) }
  }
  func tapOffsets(elementBytes: Int) -> [Int32] {
    (0..<taps).map { Int32(($0 / kernelColumns * columns + $0 % kernelColumns) * channels * elementBytes) }
  }
}

/// The integers of one case. Weights: [out channel][kernel row][kernel column][channel] for a product,
/// [tap][channel] for a depthwise product.
struct IntegerCase: Sendable {
  var shape: WindowShape
  var input: [UInt8]
  var inputIsSigned: Bool
  var zeroPoint: Int32
  var weights: [Int8]
  var bias: [Int32]
  var multipliers: [Float]
  var low, high: Float
  var outputZeroPoint: Int32
  /// Bytes between output pixels beyond the channels.
  var outputGap: Int
  /// The output pixels to compute, as when threads share a layer.
  var pixelRange: Range<Int>

  var outChannels: Int { bias.count }
  var outputStride: Int { outChannels + outputGap }
  var outputBytes: Int { (pixelRange.count - 1) * outputStride + outChannels }

  static func random(_ random: inout SeededGenerator, depthwise: Bool) -> IntegerCase {
    let shape = WindowShape.random(&random)
    let extreme = random.oneIn(3)
    let outChannels = depthwise ? shape.channels : shape.outChannels
    let weightCount = depthwise ? shape.depth : shape.depth * outChannels
    let inputIsSigned = random.oneIn(2)
    let outputIsSigned = random.oneIn(2)
    let outputZeroPoint = Int32(random.int(outputIsSigned ? -128...127 : 0...255))
    // A fused activation narrows the range on one side or both.
    let low = Float((outputIsSigned ? -128 : 0) - Int(outputZeroPoint) + (random.oneIn(3) ? random.int(0...100) : 0))
    let high = Float((outputIsSigned ? 127 : 255) - Int(outputZeroPoint) - (random.oneIn(3) ? random.int(0...100) : 0))
    let first = random.oneIn(2) ? 0 : random.int(0...shape.pixels - 1)
    return IntegerCase(
      shape: shape,
      input: (0..<shape.elements).map { _ in random.byte(extreme: extreme) },
      inputIsSigned: inputIsSigned,
      zeroPoint: Int32(random.int(inputIsSigned ? -128...127 : 0...255)),
      weights: (0..<weightCount).map { _ in
        extreme ? (random.oneIn(2) ? 127 : -128) : Int8(truncatingIfNeeded: random.next())
      },
      bias: (0..<outChannels).map { _ in
        random.oneIn(8) ? Int32(truncatingIfNeeded: random.next()) : Int32(random.int(-20000...20000))
      },
      multipliers: (0..<outChannels).map { _ in multiplier(&random) },
      low: low, high: high, outputZeroPoint: outputZeroPoint,
      outputGap: random.oneIn(2) ? 0 : random.int(1...9),
      pixelRange: first..<random.int(first + 1...shape.pixels))
  }

  /// Powers of two give halves, which must round to even; the others saturate at both ends or not at all.
  private static func multiplier(_ random: inout SeededGenerator) -> Float {
    if random.oneIn(4) { return 1 / Float(1 << random.int(1...14)) }
    if random.oneIn(40) { return [.infinity, .nan, 0, 1e30][random.int(0...3)] }
    return Float.random(in: 1e-5...2e-2, using: &random)
  }

  func inputValue(_ index: Int) -> Int32 {
    (inputIsSigned ? Int32(Int8(bitPattern: input[index])) : Int32(input[index])) - zeroPoint
  }

  func requantize(_ sum: Int32, channel: Int) -> UInt8 {
    requantized(sum, multiplier: multipliers[channel], low: low, high: high, zeroPoint: outputZeroPoint)
  }

  /// Stages the input in the form that a row wants; the rest of the buffer holds other bytes.
  func staged(_ form: pare_form, for row: Row, slack: Int) throws -> GuardedBuffer<UInt8> {
    let elementBytes = form == PARE_FORM_CENTERED16 ? 2 : 1
    let image = try GuardedBuffer<UInt8>(count: input.count * elementBytes, slack: slack)
    if form == PARE_FORM_CENTERED16 {
      image.bytes.withMemoryRebound(to: Int16.self, capacity: input.count) {
        row.kernels.stage_centered16($0, input, input.count, inputIsSigned ? 1 : 0, zeroPoint)
      }
    } else {
      row.kernels.stage_flip(image.bytes, input, input.count, flip(form))
    }
    return image
  }

  private func flip(_ form: pare_form) -> UInt8 { (form == PARE_FORM_U8) == inputIsSigned ? 0x80 : 0 }

  /// What the bytes of a form are too high by: the zero point as the form sees it.
  func zeroPointOfForm(_ form: pare_form) -> Int32 {
    if form == PARE_FORM_CENTERED16 { return 0 }
    return flip(form) == 0 ? zeroPoint : zeroPoint + (inputIsSigned ? 128 : -128)
  }
}

/// The same with floats. Weights are ordered as in `IntegerCase`.
struct FloatCase: Sendable {
  var shape: WindowShape
  var input, weights, bias: [Float]
  var low, high: Float
  var outputGap: Int
  var pixelRange: Range<Int>

  var outChannels: Int { bias.count }
  var outputStride: Int { outChannels + outputGap }
  var outputCount: Int { (pixelRange.count - 1) * outputStride + outChannels }

  static func random(_ random: inout SeededGenerator, depthwise: Bool) -> FloatCase {
    let shape = WindowShape.random(&random)
    let outChannels = depthwise ? shape.channels : shape.outChannels
    let weightCount = depthwise ? shape.depth : shape.depth * outChannels
    let wild = random.oneIn(4)
    let first = random.oneIn(2) ? 0 : random.int(0...shape.pixels - 1)
    return FloatCase(
      shape: shape,
      input: (0..<shape.elements).map { _ in wild ? random.wildFloat() : random.float() },
      weights: (0..<weightCount).map { _ in wild && random.oneIn(20) ? random.wildFloat() : random.float() },
      bias: (0..<outChannels).map { _ in wild ? random.wildFloat() : random.float() },
      low: random.oneIn(2) ? -.infinity : 0, high: random.oneIn(2) ? .infinity : 6,
      outputGap: random.oneIn(2) ? 0 : random.int(1...5),
      pixelRange: first..<random.int(first + 1...shape.pixels))
  }

  func clamped(_ x: Float) -> Float {
    let atLeast = x < low ? low : x
    return atLeast > high ? high : atLeast
  }
}
