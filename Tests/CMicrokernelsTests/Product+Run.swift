import CMicrokernels

private func roundedUp(_ count: Int, to multiple: Int) -> Int { (count + multiple - 1) / multiple * multiple }

extension IntegerCase {
  /// Prepacks as the runtime does, runs the row's integer product between guards, and returns the whole
  /// output buffer, gaps included.
  func product(by row: Row) throws -> (bytes: [UInt8], guardsAreIntact: Bool) {
    let kernels = row.kernels
    let form = kernels.product_form
    let nr = kernels.product_nr
    let groupElements = kernels.product_k
    let elementBytes = form == PARE_FORM_CENTERED16 ? 2 : 1
    let runElements = shape.kernelColumns * shape.channels
    let groups = roundedUp(runElements, to: groupElements) / groupElements
    let padded = roundedUp(outChannels, to: nr)

    let image = try staged(form, for: row, slack: 16)
    let packed = try GuardedBuffer<UInt8>(count: padded * shape.kernelRows * groups * 4, fill: 0)
    let paddedBias = try GuardedBuffer<Int32>(count: padded, fill: 0)
    let paddedMultipliers = try GuardedBuffer<Float>(count: padded, fill: 0)
    for channel in 0..<outChannels {
      var weightSum: Int32 = 0
      for run in 0..<shape.kernelRows {
        for element in 0..<runElements {
          let weight = weights[(channel * shape.kernelRows + run) * runElements + element]
          weightSum &+= Int32(weight)
          let group = (channel / nr * shape.kernelRows + run) * groups + element / groupElements
          let slot = (group * nr + channel % nr) * groupElements + element % groupElements
          if elementBytes == 2 {
            packed.bytes.withMemoryRebound(to: Int16.self, capacity: packed.count / 2) { $0[slot] = Int16(weight) }
          } else {
            packed.bytes[slot] = UInt8(bitPattern: weight)
          }
        }
      }
      paddedBias.pointer[channel] = bias[channel] &- weightSum &* zeroPointOfForm(form)
      paddedMultipliers.pointer[channel] = multipliers[channel]
    }
    let output = try GuardedBuffer<UInt8>(count: outputBytes)
    let windows = Array(shape.windows(elementBytes: elementBytes)[pixelRange])
    let runs = shape.runs(elementBytes: elementBytes)
    windows.withUnsafeBufferPointer { windows in
      runs.withUnsafeBufferPointer { runs in
        var product = pare_product(
          image: image.bytes, windows: windows.baseAddress, pixels: windows.count, runs: runs.baseAddress,
          run_count: runs.count, groups_per_run: groups, weights: packed.bytes, bias: paddedBias.pointer,
          multipliers: paddedMultipliers.pointer, channels: outChannels, output: output.bytes,
          output_stride: outputStride, low: low, high: high, zero_point: outputZeroPoint)
        kernels.product_i8(&product)
      }
    }
    return (output.elements, output.frontIsIntact)
  }

  /// The same from the definition, in 64-bit integers; gaps hold the fill byte.
  func productByDefinition() -> [UInt8] {
    var output = [UInt8](repeating: 0xA5, count: outputBytes)
    for (index, pixel) in pixelRange.enumerated() {
      for channel in 0..<outChannels {
        var sum = Int64(bias[channel])
        for tap in 0..<shape.taps {
          let position = (row: tap / shape.kernelColumns, column: tap % shape.kernelColumns)
          for c in 0..<shape.channels {
            let x = inputValue(shape.element(pixel: pixel, tap: position, channel: c))
            sum += Int64(x) * Int64(weights[(channel * shape.taps + tap) * shape.channels + c])
          }
        }
        output[index * outputStride + channel] = requantize(Int32(truncatingIfNeeded: sum), channel: channel)
      }
    }
    return output
  }
}

extension FloatCase {
  /// Prepacks as the runtime does and runs the row's float product between guards.
  func product(by row: Row) throws -> (values: [Float], guardsAreIntact: Bool) {
    let kernels = row.kernels
    let nr = kernels.product_f32_nr
    let padded = roundedUp(outChannels, to: nr)
    let groups = shape.kernelColumns * shape.channels
    // The slack is NaN: a kernel that used it would show it.
    let image = try GuardedBuffer<Float>(count: input.count, slack: 16, fill: 0xFF)
    for (index, value) in input.enumerated() { image.pointer[index] = value }
    let packed = try GuardedBuffer<Float>(count: padded * shape.kernelRows * groups, fill: 0)
    let paddedBias = try GuardedBuffer<Float>(count: padded, fill: 0)
    for channel in 0..<outChannels {
      paddedBias.pointer[channel] = bias[channel]
      for element in 0..<shape.depth {
        packed.pointer[(channel / nr * shape.depth + element) * nr + channel % nr] =
          weights[channel * shape.depth + element]
      }
    }
    let output = try GuardedBuffer<Float>(count: outputCount)
    let windows = Array(shape.windows(elementBytes: 4)[pixelRange])
    let runs = shape.runs(elementBytes: 4)
    windows.withUnsafeBufferPointer { windows in
      runs.withUnsafeBufferPointer { runs in
        var product = pare_product(
          image: image.bytes, windows: windows.baseAddress, pixels: windows.count, runs: runs.baseAddress,
          run_count: runs.count, groups_per_run: groups, weights: packed.bytes, bias: paddedBias.pointer,
          multipliers: nil, channels: outChannels, output: output.bytes, output_stride: outputStride * 4,
          low: low, high: high, zero_point: 0)
        kernels.product_f32(&product)
      }
    }
    return (output.elements, output.frontIsIntact)
  }

  /// One chain of fused multiply-adds in ascending order, with the standard library's.
  func productByDefinition() -> [Float] {
    var output = [Float](repeating: Float(bitPattern: 0xA5A5_A5A5), count: outputCount)
    for (index, pixel) in pixelRange.enumerated() {
      for channel in 0..<outChannels {
        var sum = bias[channel]
        for tap in 0..<shape.taps {
          let position = (row: tap / shape.kernelColumns, column: tap % shape.kernelColumns)
          for c in 0..<shape.channels {
            let x = input[shape.element(pixel: pixel, tap: position, channel: c)]
            sum = sum.addingProduct(x, weights[(channel * shape.taps + tap) * shape.channels + c])
          }
        }
        output[index * outputStride + channel] = clamped(sum)
      }
    }
    return output
  }
}
