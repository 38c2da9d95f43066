import Graph
import HostTensors
import Operators
import TensorTypes

/// A random network of the blocks that channels flow through in practice, decided by its seed.
struct RandomNetwork {
  var graph: Graph
  var input: Tensor

  init(seed: UInt64) throws {
    var sketch = ChannelSketch(seed: seed)
    let side = sketch.pick(3...5)
    let image = sketch.input([ChannelSketch.batch, sketch.pick(1...4), side, side])
    var x = try sketch.conv(image, to: 2 * sketch.pick(2...6), kernel: 3)
    for _ in 0..<sketch.pick(2...5) { x = try sketch.block(x, depth: 0) }
    sketch.graph.outputs = [try sketch.head(x)]
    input = sketch.random.tensor(sketch.shape(image))
    graph = sketch.graph
  }
}

extension ChannelSketch {
  /// One block, made of blocks itself where it is not too deep.
  mutating func block(_ x: ValueID, depth: Int) throws -> ValueID {
    let channels = shape(x)[1]
    switch pick(0...(depth < 2 ? 13 : 7)) {
    case 0: return try activated(normalized(conv(x, to: 2 * pick(2...6), kernel: 3)))
    case 1: return try activated(conv(x, to: 2 * pick(2...6)))
    case 2: return try activated(conv(x, to: channels * pick(1...2), kernel: 3, groups: channels))
    case 3: return try activated(conv(x, to: 2 * pick(2...4), kernel: 3, groups: groups(x)))
    case 4: return try attended(x)
    case 5: return try overLastAxis(x)
    case 6: return try shuffled(x)
    case 7: return try node(.maxPool, [x], ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1])])
    case 8: return try residual(x, depth: depth)
    case 9: return try concatenated(x, depth: depth)
    case 10: return try splitAndJoined(x, depth: depth)
    case 11: return try widenedByPadding(x)
    case 12: return try transposedConvolution(x)
    default: return try sliced(x)
    }
  }

  /// Two where the channels divide so.
  private func groups(_ x: ValueID) -> Int { shape(x)[1] % 2 == 0 ? 2 : 1 }

  private mutating func activated(_ x: ValueID) throws -> ValueID {
    try node([OperatorKind.relu, .sigmoid, .leakyRelu, .hardSwish][pick(0...3)], [x])
  }

  /// Squeeze and excitation: a factor per channel, from the means of all channels.
  private mutating func attended(_ x: ValueID) throws -> ValueID {
    let means = try node(.globalAveragePool, [x])
    let hidden = try node(.relu, [conv(means, to: pick(2...4))])
    let factors = try node(.sigmoid, [conv(hidden, to: shape(x)[1])])
    return try node(.mul, [x, factors])
  }

  /// Channels last, a dense layer over them, and back.
  private mutating func overLastAxis(_ x: ValueID) throws -> ValueID {
    let last = try transposed(x, [0, 2, 3, 1])
    return try transposed(node(.relu, [dense(last, to: 2 * pick(2...5))]), [0, 3, 1, 2])
  }

  /// A grouped convolution and a shuffle of its groups, as in ShuffleNet.
  private mutating func shuffled(_ x: ValueID) throws -> ValueID {
    let grouped = try conv(x, to: 2 * pick(2...4), groups: groups(x))
    let (channels, side) = (shape(grouped)[1], shape(grouped)[2])
    let split = try reshaped(grouped, [0, 2, channels / 2, side, side])
    return try reshaped(transposed(split, [0, 2, 1, 3, 4]), [0, channels, side, -1])
  }

  private mutating func residual(_ x: ValueID, depth: Int) throws -> ValueID {
    let inner = try block(x, depth: depth + 1)
    let projected = try conv(inner, to: shape(x)[1], kernel: 3)
    if pick(0...1) == 0 { return try node(.relu, [node(.add, [projected, x])]) }
    return try node(.add, [x, normalized(projected)])
  }

  private mutating func concatenated(_ x: ValueID, depth: Int) throws -> ValueID {
    let first = try block(x, depth: depth + 1)
    let second = try conv(x, to: 2 * pick(1...4))
    return try node(.concat, [first, second, first], ["axis": .int(1)])
  }

  private mutating func splitAndJoined(_ x: ValueID, depth: Int) throws -> ValueID {
    let channels = shape(x)[1]
    let hasExtents = pick(0...1) == 0
    let first = hasExtents ? max(1, channels / 3) : channels / 2
    let parts =
      hasExtents
      ? try nodes(.split, [x, integers([first, channels - first])], ["axis": .int(1)], outputs: 2)
      : try nodes(.split, [x], ["axis": .int(1), "num_outputs": .int(2)], outputs: 2)
    let worked = try block(conv(parts[0], to: 2 * pick(2...4)), depth: depth + 1)
    return try node(.concat, [worked, parts[1]], ["axis": .int(-3)])
  }

  /// The shortcut of option A of ResNet: zeros for channels that the input does not have.
  private mutating func widenedByPadding(_ x: ValueID) throws -> ValueID {
    let (begin, end) = (pick(0...2), pick(1...2))
    let padded = try node(.pad, [x, integers([0, begin, 0, 0, 0, end, 0, 0])])
    return try node(.add, [padded, conv(x, to: shape(padded)[1], kernel: 3)])
  }

  private mutating func transposedConvolution(_ x: ValueID) throws -> ValueID {
    let channels = shape(x)[1]
    let groups = pick(0...1) == 0 ? 1 : groups(x)
    let out = pick(1...3) * 2 / groups
    let kernel = weight([channels, out, 3, 3], fanIn: channels / groups * 9)
    return try node(
      .convTranspose, [x, kernel, vector(out * groups)], ["group": .int(groups), "pads": .ints([1, 1, 1, 1])])
  }

  private mutating func sliced(_ x: ValueID) throws -> ValueID {
    let channels = shape(x)[1]
    let start = pick(0...channels / 4)
    let count = (channels - start) / 2 * 2
    return try node(.slice, [x, integers([start]), integers([start + count]), integers([1])])
  }

  /// What turns the last image into four numbers per sample.
  mutating func head(_ x: ValueID) throws -> ValueID {
    let (batch, channels, side) = (shape(x)[0], shape(x)[1], shape(x)[2])
    switch pick(0...4) {
    case 0:
      let flat = try node(.flatten, [x])
      return try dense(node(.relu, [dense(flat, to: pick(4...9))]), to: 4)
    case 1:
      let flat = try reshaped(transposed(x, [0, 2, 3, 1]), [batch, -1])
      let from = shape(flat)[1]
      return try node(.gemm, [flat, weight([4, from], fanIn: from), vector(4)], ["transB": .int(1)])
    case 2:
      let means = try node(.reduceMean, [x, integers([2, 3])], ["keepdims": .int(0)])
      return try dense(node(.softmax, [dense(means, to: 5)]), to: 4)
    case 3:
      let sequence = try transposed(reshaped(x, [batch, channels, side * side]), [2, 0, 1])
      return try recurrent(sequence)
    default:
      let sequence = try transposed(reshaped(x, [0, 0, -1]), [0, 2, 1])
      return try dense(node(.reduceMean, [attention(sequence), integers([1])], ["keepdims": .int(0)]), to: 4)
    }
  }

  private mutating func recurrent(_ sequence: ValueID) throws -> ValueID {
    let (steps, batch, features) = (shape(sequence)[0], shape(sequence)[1], shape(sequence)[2])
    let kind = [OperatorKind.lstm, .gru, .rnn][pick(0...2)]
    let gates = kind == .lstm ? 4 : kind == .gru ? 3 : 1
    let (hidden, passes) = (pick(3...7), pick(1...2))
    let inputs = [
      sequence, weight([passes, gates * hidden, features], fanIn: features),
      weight([passes, gates * hidden, hidden], fanIn: hidden),
      graph.addConstant(name: "b", random.tensor([passes, 2 * gates * hidden], scale: 0.3)),
    ]
    let direction = passes == 2 ? "bidirectional" : "forward"
    let states = try node(kind, inputs, ["hidden_size": .int(hidden), "direction": .string(direction)])
    let rows = try reshaped(transposed(states, [0, 2, 1, 3]), [steps, batch, -1])
    return try dense(node(.reduceMax, [rows, integers([0])], ["keepdims": .int(0)]), to: 4)
  }

  /// Attention of several heads over [batch, steps, features], added to its input.
  private mutating func attention(_ x: ValueID) throws -> ValueID {
    let (heads, width) = (pick(2...3), pick(2...4))
    let steps = shape(x)[1]
    var parts: [ValueID] = []
    for order in [[0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]] {
      let projected = try dense(x, to: heads * width)
      parts.append(try transposed(reshaped(projected, [0, steps, heads, width]), order))
    }
    let weights = try node(.softmax, [node(.matMul, [parts[0], parts[1]])])
    let mixed = try transposed(node(.matMul, [weights, parts[2]]), [0, 2, 1, 3])
    return try node(.add, [dense(reshaped(mixed, [0, 0, heads * width]), to: shape(x)[2]), x])
  }
}
