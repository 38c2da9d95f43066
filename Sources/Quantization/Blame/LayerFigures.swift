import Graph
import HostTensors
import Operators
import TensorTypes

/// What is summed over samples of one layer's error, split by where it comes from.
struct LayerFigures {
  /// Channels that reach, or weights that are, so many times as large as the others are outliers: three bits.
  private static let outlierRatio = 8.0

  let layer: StoredLayer
  private let node: Node
  /// The float network's values: what the layer reads and writes.
  private let input: ValueID
  private let output: ValueID
  /// What the compressed network's layer writes.
  private let compressedOutput: ValueID
  private let saturation: Saturation?
  var alone = SignalToNoise()
  var changedDecisions = 0
  private var own = SignalToNoise()
  private var accumulated = SignalToNoise()
  /// Squared error of the sums by output channel, from the weights and the bias.
  private var weightNoise: [Double]
  /// Squared error of the outputs from values beyond the levels, and by channel from rounding within them.
  private var clippingNoise = 0.0
  private var roundingNoise: [Double]
  private var clipped = 0
  private var outputs = 0
  /// The greatest magnitude of each output channel.
  private var reach: [Float]

  init(_ layer: StoredLayer, in graph: Graph, _ compressed: Graph) {
    self.layer = layer
    node = graph.nodes[layer.floatIndex]
    input = node.inputs[0]!
    output = node.outputs[0]!
    compressedOutput = compressed.nodes[layer.compressedIndex].outputs[0]!
    let isFused = layer.roundedValue != output
    saturation =
      isFused
      ? graph.nodes.first { $0.outputs.contains(layer.roundedValue) }.flatMap { $0.saturation(in: graph) } : nil
    let channels = layer.channelCount
    weightNoise = [Double](repeating: 0, count: channels)
    roundingNoise = weightNoise
    reach = [Float](repeating: 0, count: channels)
  }

  /// Adds one sample: float values, and those of the compressed network.
  mutating func addOwnError(_ reference: Trace, _ whole: Trace) throws(QuantizationError) {
    guard let read = reference.values[input], let sums = reference.values[output] else { return }
    let stored: Tensor
    do throws(OperatorError) {
      stored = try node.op.evaluate([read, layer.weight, layer.bias ?? layer.floatBias])[0]
    } catch { throw .graph(.operatorFailed(node: node.name, kind: node.kind, error)) }
    addByChannel(sums, stored)
    let exact = saturation.map { sums.saturated($0) } ?? sums
    var found = saturation.map { stored.saturated($0) } ?? stored
    if let rounding = layer.rounding {
      addRounding(of: exact, rounding)
      found = found.rounded(to: rounding)
    }
    own.add(exact, found)
    if let there = whole.values[compressedOutput], there.shape == sums.shape, there.dtype == .float32 {
      accumulated.add(sums, there)
    }
  }

  private mutating func addByChannel(_ sums: Tensor, _ stored: Tensor) {
    let inner = sums.elementsPerChannel(node)
    sums.withElements(as: Float.self) { sums in
      stored.withElements(as: Float.self) { stored in
        for index in sums.indices {
          let channel = index / inner % weightNoise.count
          let difference = Double(stored[index] - sums[index])
          weightNoise[channel] += difference * difference
          let value = saturation == nil ? sums[index].magnitude : max(sums[index], 0)
          reach[channel] = max(reach[channel], value)
        }
      }
    }
  }

  private mutating func addRounding(of exact: Tensor, _ parameters: QuantizationParameters) {
    let low = parameters.dequantize(parameters.range.lowerBound) - parameters.scale / 2
    let high = parameters.dequantize(parameters.range.upperBound) + parameters.scale / 2
    let rounded = exact.rounded(to: parameters)
    let inner = exact.elementsPerChannel(node)
    exact.withElements(as: Float.self) { exact in
      rounded.withElements(as: Float.self) { rounded in
        outputs += exact.count
        for index in exact.indices {
          let error = Double(rounded[index] - exact[index])
          if exact[index] < low || exact[index] > high {
            clipped += 1
            clippingNoise += error * error
          } else {
            roundingNoise[index / inner % roundingNoise.count] += error * error
          }
        }
      }
    }
  }

  var entry: BlameReport.Layer {
    BlameReport.Layer(
      name: layer.name, bits: layer.bits, alone: alone.decibels, own: own.decibels,
      accumulated: accumulated.decibels, changedDecisions: changedDecisions, cause: cause,
      repairs: cause.repairs(layer.name))
  }

  /// What most of the error comes from.
  private var cause: BlameCause {
    let weights = weightNoise.reduce(0, +)
    let rounding = roundingNoise.reduce(0, +)
    if weights == 0 && clippingNoise == 0 && rounding == 0 { return .nothing }
    if let outlier = outlierChannel { return outlier }
    if clippingNoise > max(weights, rounding) {
      return .clippedRange(share: Double(clipped) / Double(max(outputs, 1)))
    }
    return rounding > weights ? .coarseOutputs : weightCause(total: weights)
  }

  /// The channel that reaches far beyond the others, where these suffer more from the common step than from their
  /// weights; what it suffers itself says nothing, since its values are so much larger.
  private var outlierChannel: BlameCause? {
    guard layer.rounding != nil, let far = reach.indices.max(by: { reach[$0] < reach[$1] }) else { return nil }
    let median = reach.sorted()[reach.count / 2]
    let ratio = median > 0 ? Double(reach[far] / median) : 0
    let others = reach.indices.filter { $0 != far }
    let rounding = others.reduce(0) { $0 + roundingNoise[$1] }
    guard ratio >= Self.outlierRatio, rounding > others.reduce(0, { $0 + weightNoise[$1] }) else { return nil }
    return .outlierChannel(index: far, ratio: ratio)
  }

  private func weightCause(total: Double) -> BlameCause {
    let floats = layer.floatWeight.elementsByChannel(axis: layer.channelAxis)
    let stored = layer.weight.elementsByChannel(axis: layer.channelAxis)
    // A grouped transposed convolution has several output channels for an index of the weight.
    func noise(_ channels: [Int]) -> Double {
      weightNoise.indices.reduce(0) { channels.contains($1 % floats.count) ? $0 + weightNoise[$1] : $0 }
    }
    let dead = floats.indices.filter { channel in
      stored[channel].allSatisfy { $0 == 0 } && floats[channel].contains { $0 != 0 }
    }
    if noise(dead) > total / 2 { return .deadChannels(dead) }
    let worst = (weightNoise.enumerated().max { $0.element < $1.element }?.offset ?? 0) % floats.count
    let mean = floats[worst].reduce(0) { $0 + Double($1.magnitude) } / Double(max(floats[worst].count, 1))
    let ratio = mean > 0 ? Double(floats[worst].reduce(0) { max($0, $1.magnitude) }) / mean : 0
    if layer.bits != nil && ratio >= Self.outlierRatio { return .outlierWeight(channel: worst, ratio: ratio) }
    if let bits = layer.bits { return .coarseWeights(bits: bits) }
    return structureCause(floats.joined(), stored.joined())
  }

  /// Of float weights: what pruning or sharing made of them.
  private func structureCause(_ floats: some Sequence<Float>, _ stored: some Sequence<Float>) -> BlameCause {
    let count = Double(max(layer.weight.count, 1))
    let lost = Double(zip(floats, stored).count { $0 != 0 && $1 == 0 }) / count
    if lost >= 0.05 { return .pruned(share: lost) }
    let distinct = Set(stored).count
    return distinct <= 256 && Double(distinct) * 8 <= count ? .sharedValues(count: distinct) : .changedWeights
  }
}

extension StoredLayer {
  /// Output channels: a bias has one element for each.
  fileprivate var channelCount: Int { floatBias?.count ?? floatWeight.shape[channelAxis] }
}

extension Tensor {
  /// Neighbouring elements of one channel in the output of `node`: channels are the last axis of dense layers and the
  /// second of convolutions.
  fileprivate func elementsPerChannel(_ node: Node) -> Int {
    node.kind == .gemm || node.kind == .matMul ? 1 : shape[2...].reduce(1, *)
  }
}
