import Graph
import Operators

/// A weight tensor seen as the matrix of its product: outputs by inputs, the axis that is summed over.
///
/// The inputs of a convolution come in the order of channels-last data: kernel positions, and within each one the
/// channels of the output's group. A row of a recurrence's gates, a vector of an embedding and an output unit of
/// a dense layer are each one output.
public struct WeightMatrix: Sendable, Equatable {
  public let outputs: Int
  public let inputs: Int
  private let outputsOfGroup: Int
  private let groupStride: Int
  private let outputStride: Int
  private let channels: Int
  private let channelStride: Int
  private let positionStride: Int

  /// Element of the row-major tensor that joins `output` with `input`.
  public func offset(output: Int, input: Int) -> Int {
    let (group, member) = output.quotientAndRemainder(dividingBy: outputsOfGroup)
    let (position, channel) = input.quotientAndRemainder(dividingBy: channels)
    return group * groupStride + member * outputStride + channel * channelStride + position * positionStride
  }

  /// `outputs` rows one after the other, each of `channels` x `positions` with the positions innermost.
  private init(outputs: Int, channels: Int, positions: Int) {
    self.init(
      groups: 1, groupStride: 0, outputs: outputs, outputStride: channels * positions, channels: channels,
      channelStride: positions, positions: positions)
  }

  private init(
    groups: Int, groupStride: Int, outputs: Int, outputStride: Int, channels: Int, channelStride: Int, positions: Int
  ) {
    self.outputs = groups * outputs
    inputs = channels * positions
    outputsOfGroup = outputs
    self.groupStride = groupStride
    self.outputStride = outputStride
    self.channels = channels
    self.channelStride = channelStride
    positionStride = 1
  }

  /// How `node` uses its input `slot`, a weight of `shape`; two axes or more, none of extent 0.
  init(_ node: Node, slot: Int, shape: [Int]) {
    let columns = shape[shape.count - 1]
    let rows = shape[shape.count - 2]
    let matrices = shape.dropLast(2).reduce(1, *)
    if node.op is Conv {
      self.init(outputs: shape[0], channels: shape[1], positions: shape.dropFirst(2).reduce(1, *))
    } else if let transposed = node.op as? ConvTranspose {
      // [C, M / group, kernel...]: the channels of a group stand one after the other.
      let positions = shape.dropFirst(2).reduce(1, *)
      let channels = shape[0] / transposed.group
      self.init(
        groups: transposed.group, groupStride: channels * shape[1] * positions, outputs: shape[1],
        outputStride: positions, channels: channels, channelStride: shape[1] * positions, positions: positions)
    } else if (node.op as? Gemm)?.transposesB == false || (node.kind == .matMul && slot == 1) {
      self.init(
        groups: matrices, groupStride: rows * columns, outputs: columns, outputStride: 1, channels: rows,
        channelStride: columns, positions: 1)
    } else {
      self.init(outputs: matrices * rows, channels: columns, positions: 1)
    }
  }
}

/// A weight tensor of a network.
public struct PrunableLayer: Sendable {
  /// The weight's name.
  public let name: String
  public let value: ValueID
  public let shape: [Int]
  public let matrix: WeightMatrix
  /// Weights that are zero already.
  public let zeros: Int

  public var count: Int { matrix.outputs * matrix.inputs }
}

extension Graph {
  /// The weights of convolutions, products, recurrences and embeddings, in the order of their first use.
  ///
  /// Never biases, and nothing of normalizations.
  public func prunableLayers() -> [PrunableLayer] {
    parameters().filter(\.isDecayed).compactMap { parameter in
      for node in nodes {
        guard let slot = node.inputs.firstIndex(of: parameter.value), let weights = self[parameter.value].constant
        else { continue }
        return PrunableLayer(
          name: self[parameter.value].name, value: parameter.value, shape: parameter.shape,
          matrix: WeightMatrix(node, slot: slot, shape: parameter.shape),
          zeros: weights.withElements(as: Float.self) { $0.reduce(0) { $0 + ($1 == 0 ? 1 : 0) } })
      }
      return nil
    }
  }
}
