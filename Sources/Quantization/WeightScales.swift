import HostTensors
import TensorTypes
import Training

/// The scale of every output channel of one weight tensor, chosen to suit the scales around it.
package struct WeightScales {
  package var scales: [Float]
  /// Whether all channels have one scale, whatever becomes of it.
  private var isUnited = false
  /// Channels whose scale grew so that their bias fits next to the products.
  package var enlargedForBias: [Int] = []
  /// Channels that are zero, or as good as zero beside the others.
  package var deadChannels: [Int] = []

  /// Greatest magnitude in each channel along `axis`.
  package static func magnitudes(_ weight: Tensor, axis: Int) -> [Float] {
    let channels = weight.shape[axis]
    let inner = weight.shape[(axis + 1)...].reduce(1, *)
    return weight.withElements(as: Float.self) { elements in
      var magnitudes = [Float](repeating: 0, count: channels)
      for start in stride(from: 0, to: elements.count, by: max(inner, 1)) {
        let channel = start / inner % channels
        for element in elements[start..<start + inner] {
          magnitudes[channel] = max(magnitudes[channel], element.magnitude)
        }
      }
      return magnitudes
    }
  }

  /// Scales at which the largest magnitude of each channel is the greatest level, for an input of scale `inputScale`.
  ///
  /// A channel that is less than 2^-24 of the largest contributes nothing that a float sum would keep:
  /// it takes the scale of the largest, so that its bias stays as fine as that of the others.
  package init(
    magnitudes: [Float], bits: WeightBits = .eight, inputScale: Float, bias: [Float]?,
    storage: QuantizationOptions.WeightScales
  ) {
    let levels = Float(bits.greatestLevel)
    let largest = magnitudes.max() ?? 0
    let largestBias = bias.map { $0.reduce(0) { max($0, $1.magnitude) } } ?? 0
    let fallback: Float
    if largest > 0 {
      fallback = largest / levels
    } else {
      // Nothing but bias: fine enough for sixteen bits of it.
      fallback = largestBias > 0 ? largestBias / inputScale / 65_536 : 1 / levels
    }
    scales = magnitudes.map { Self.stored(($0 > 0 ? $0 : 1) / levels, storage) }
    let negligible = largest * 0x1p-24
    for (channel, magnitude) in magnitudes.enumerated() where magnitude <= negligible {
      scales[channel] = Self.stored(fallback, storage)
      deadChannels.append(channel)
    }
  }

  /// Gives all channels the greatest scale, so that weights of one value become one integer in all of them.
  package mutating func unite() {
    isUnited = true
    let greatest = scales.max() ?? 1
    for channel in scales.indices { scales[channel] = greatest }
  }

  /// Enlarges the scales of channels whose bias would exceed `limit` steps of input scale x weight scale.
  ///
  /// Channel c of the bias belongs to scale c modulo their count, as in a grouped ConvTranspose.
  package mutating func fit(bias: [Float], inputScale: Float, limit: Int, storage: QuantizationOptions.WeightScales) {
    for (channel, value) in bias.enumerated() {
      let slot = channel % scales.count
      let steps = (Double(value) / Double(inputScale * scales[slot])).magnitude
      guard steps.rounded() > Double(limit) else { continue }
      // One 2^-20 more than needed, beyond the rounding of the Float32 products.
      let needed = Double(value.magnitude) / Double(inputScale) / Double(limit) * (1 + 0x1p-20)
      scales[slot] = Self.stored(Float(needed).nextUp, storage)
      if !enlargedForBias.contains(slot) { enlargedForBias.append(slot) }
    }
    if isUnited { unite() }
  }

  /// Replaces each scale by the one of least squared error: 71 are tried, down to 0.3 of the given one, at which
  /// the outermost weights clip.
  package mutating func minimizeError(
    of weight: Tensor, axis: Int, bits: WeightBits, storage: QuantizationOptions.WeightScales
  ) {
    if isUnited {
      let scale = scales.first.map { Self.leastError(of: weight.floats, below: $0, bits, storage) }
      for channel in scales.indices { scales[channel] = scale ?? scales[channel] }
      return
    }
    let dead = Set(deadChannels)
    let channels = weight.elementsByChannel(axis: axis)
    scales.withUnsafeMutableBufferPointer { scales in
      nonisolated(unsafe) let scales = scales
      Parallel.forEach(channels.count) { channel in
        guard !dead.contains(channel) else { return }
        scales[channel] = Self.leastError(of: channels[channel], below: scales[channel], bits, storage)
      }
    }
  }

  private static func leastError(
    of weights: [Float], below widest: Float, _ bits: WeightBits, _ storage: QuantizationOptions.WeightScales
  ) -> Float {
    var best = (error: Double.infinity, scale: widest)
    for hundredths in stride(from: 100, through: 30, by: -1) {
      let scale = stored(widest * Float(hundredths) / 100, storage)
      let error = squaredError(weights, scale: scale, levels: Float(bits.greatestLevel))
      if error < best.error { best = (error, scale) }
    }
    return best.scale
  }

  /// The sum over `weights` of the square of what rounding and clipping to -levels...levels change.
  private static func squaredError(_ weights: [Float], scale: Float, levels: Float) -> Double {
    var sum = 0.0
    for weight in weights {
      let level = min(max(weight / scale, -levels), levels).rounded(.toNearestOrEven)
      let error = Double(weight - level * scale)
      sum += error * error
    }
    return sum
  }

  /// `scale` as it will be stored: never smaller, so that nothing clips for it.
  static func stored(_ scale: Float, _ storage: QuantizationOptions.WeightScales) -> Float {
    switch storage {
    case .exact: scale
    case .bfloat16: roundedUpToBFloat16(scale)
    }
  }

  /// The least bfloat16 value that is not below `value`, which is positive and finite.
  package static func roundedUpToBFloat16(_ value: Float) -> Float {
    Float(bitPattern: (value.bitPattern &+ 0xFFFF) & 0xFFFF_0000)
  }
}

/// Weights and biases as stored integers.
package enum IntegerParameters {
  /// saturate(roundTiesToEven(w / scale)) within the levels of `bits`, per channel along `axis`.
  package static func quantize(_ weight: Tensor, scales: [Float], axis: Int, bits: WeightBits = .eight) -> Tensor {
    let greatest = Float(bits.greatestLevel)
    let inner = weight.shape[(axis + 1)...].reduce(1, *)
    return weight.withElements(as: Float.self) { elements in
      Tensor(shape: weight.shape, of: Int8.self) { (target: UnsafeMutableBufferPointer<Int8>) in
        for index in elements.indices {
          let scaled = elements[index] / scales[index / inner % scales.count]
          target[index] = Int8(min(max(scaled, -greatest), greatest).rounded(.toNearestOrEven))
        }
      }
    }
  }

  /// roundTiesToEven(bias / scale), where `scales` holds input scale x weight scale for every channel.
  package static func quantize(bias: [Float], scales: [Float]) -> [Int32] {
    zip(bias, scales).map { value, scale in
      let steps = (Double(value) / Double(scale)).rounded(.toNearestOrEven)
      return Int32(min(max(steps, Double(Int32.min + 1)), Double(Int32.max)))
    }
  }

  /// `constant` in the levels of `parameters`, an operand of an addition and the like.
  package static func quantize(_ constant: Tensor, _ parameters: QuantizationParameters) -> Tensor {
    let levels = constant.floats.map { parameters.quantize($0) }
    return parameters.dtype == .uint8
      ? Tensor(shape: constant.shape, elements: levels.map { UInt8($0) })
      : Tensor(shape: constant.shape, elements: levels.map { Int8($0) })
  }
}

extension Tensor {
  /// How many values the weights share, where channels with scales of their own would make more integers of them.
  ///
  /// nil where nothing is shared, and where the levels of `bits` are no more than the values.
  func valuesToKeep(_ bits: WeightBits) -> Int? {
    guard let count = Codebook(of: floats)?.values.count, count <= 2 * bits.greatestLevel else { return nil }
    return count
  }

  /// The float32 elements of each index of `axis`, in order.
  package func elementsByChannel(axis: Int) -> [[Float]] {
    let channels = shape[axis]
    let inner = shape[(axis + 1)...].reduce(1, *)
    return withElements(as: Float.self) { elements in
      (0..<channels).map { channel in
        stride(from: channel * inner, to: elements.count, by: max(channels * inner, 1)).flatMap {
          elements[$0..<$0 + inner]
        }
      }
    }
  }
}
