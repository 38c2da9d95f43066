import CMicrokernels

private func roundedUp(_ count: Int, to multiple: Int) -> Int { (count + multiple - 1) / multiple * multiple }

extension IntegerCase {
  /// Prepacks with the row's own function and runs its integer depthwise product between guards.
  func depthwise(by row: Row) throws -> (bytes: [UInt8], guardsAreIntact: Bool) {
    let kernels = row.kernels
    let form = kernels.depthwise_form
    let elementBytes = form == PARE_FORM_CENTERED16 ? 2 : 1
    let padded = roundedUp(outChannels, to: kernels.depthwise_nr)
    let image = try staged(form, for: row, slack: 64)
    let paddedBias = try GuardedBuffer<Int32>(count: padded, fill: 0)
    let paddedMultipliers = try GuardedBuffer<Float>(count: padded, fill: 0)
    for channel in 0..<outChannels {
      let weightSum = (0..<shape.taps).reduce(Int32(0)) { $0 + Int32(weights[$1 * outChannels + channel]) }
      paddedBias.pointer[channel] = bias[channel] &- weightSum &* zeroPointOfForm(form)
      paddedMultipliers.pointer[channel] = multipliers[channel]
    }
    let packed = try GuardedBuffer<UInt8>(count: kernels.depthwise_i8_bytes(shape.taps, outChannels))
    kernels.prepack_depthwise_i8(
      weights, shape.taps, outChannels, packed.bytes, paddedBias.pointer, paddedMultipliers.pointer)
    let output = try GuardedBuffer<UInt8>(count: outputBytes)
    let windows = Array(shape.windows(elementBytes: elementBytes)[pixelRange])
    let taps = shape.tapOffsets(elementBytes: elementBytes)
    windows.withUnsafeBufferPointer { windows in
      taps.withUnsafeBufferPointer { taps in
        var depthwise = pare_depthwise(
          image: image.bytes, windows: windows.baseAddress, pixels: windows.count, taps: taps.baseAddress,
          tap_count: taps.count, weights: packed.bytes, bias: paddedBias.pointer,
          multipliers: paddedMultipliers.pointer, channels: outChannels, output: output.bytes,
          output_stride: outputStride, low: low, high: high, zero_point: outputZeroPoint)
        kernels.depthwise_i8(&depthwise)
      }
    }
    return (output.elements, output.frontIsIntact)
  }

  /// The same from the definition, in 64-bit integers.
  func depthwiseByDefinition() -> [UInt8] {
    var output = [UInt8](repeating: 0xA5, count: outputBytes)
    for (index, pixel) in pixelRange.enumerated() {
      for channel in 0..<outChannels {
        var sum = Int64(bias[channel])
        for tap in 0..<shape.taps {
          let position = (row: tap / shape.kernelColumns, column: tap % shape.kernelColumns)
          let x = inputValue(shape.element(pixel: pixel, tap: position, channel: channel))
          sum += Int64(x) * Int64(weights[tap * outChannels + channel])
        }
        output[index * outputStride + channel] = requantize(Int32(truncatingIfNeeded: sum), channel: channel)
      }
    }
    return output
  }
}

extension FloatCase {
  /// Runs the row's float depthwise product between guards.
  func depthwise(by row: Row) throws -> (values: [Float], guardsAreIntact: Bool) {
    let kernels = row.kernels
    let padded = roundedUp(outChannels, to: kernels.depthwise_f32_nr)
    let image = try GuardedBuffer<Float>(count: input.count, slack: 64, fill: 0xFF)
    for (index, value) in input.enumerated() { image.pointer[index] = value }
    let paddedBias = try GuardedBuffer<Float>(count: padded, fill: 0)
    let packed = try GuardedBuffer<Float>(count: padded * shape.taps, fill: 0)
    for channel in 0..<outChannels {
      paddedBias.pointer[channel] = bias[channel]
      for tap in 0..<shape.taps { packed.pointer[tap * padded + channel] = weights[tap * outChannels + channel] }
    }
    let output = try GuardedBuffer<Float>(count: outputCount)
    let windows = Array(shape.windows(elementBytes: 4)[pixelRange])
    let taps = shape.tapOffsets(elementBytes: 4)
    windows.withUnsafeBufferPointer { windows in
      taps.withUnsafeBufferPointer { taps in
        var depthwise = pare_depthwise(
          image: image.bytes, windows: windows.baseAddress, pixels: windows.count, taps: taps.baseAddress,
          tap_count: taps.count, weights: packed.bytes, bias: paddedBias.pointer, multipliers: nil,
          channels: outChannels, output: output.bytes, output_stride: outputStride * 4, low: low, high: high,
          zero_point: 0)
        kernels.depthwise_f32(&depthwise)
      }
    }
    return (output.elements, output.frontIsIntact)
  }

  func depthwiseByDefinition() -> [Float] {
    var output = [Float](repeating: Float(bitPattern: 0xA5A5_A5A5), count: outputCount)
    for (index, pixel) in pixelRange.enumerated() {
      for channel in 0..<outChannels {
        var sum = bias[channel]
        for tap in 0..<shape.taps {
          let position = (row: tap / shape.kernelColumns, column: tap % shape.kernelColumns)
          let x = input[shape.element(pixel: pixel, tap: position, channel: channel)]
          sum = sum.addingProduct(x, weights[tap * outChannels + channel])
        }
        output[index * outputStride + channel] = clamped(sum)
      }
    }
    return output
  }
}
