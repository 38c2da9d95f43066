import Graph
import HostTensors
import Operators
import Packing
import Testing

/// Random compositions: what one operator leaves in memory, the next must read right.
@Suite struct RandomGraphTests {
  @Test(arguments: 1...150)
  func floatGraphsComputeWhatTheEvaluatorComputes(seed: Int) throws {
    var composer = GraphComposer(seed: UInt32(seed), isQuantized: false)
    // Up to eight steps, each of them a sum of fewer than 200 terms.
    try expectAgreement(composer.graph(), tolerance: 8 * 2e-5)
  }

  /// Scales are powers of two, so that every product and sum is exact in Float and the results are equal.
  @Test(arguments: 1...150)
  func quantizedGraphsComputeTheSameBytes(seed: Int) throws {
    var composer = GraphComposer(seed: UInt32(seed), isQuantized: true)
    try expectAgreement(composer.graph(), tolerance: 0)
  }
}

/// Adds operators to an image one by one, at random.
private struct GraphComposer {
  private var numbers: TestNumbers
  private var test = GraphUnderTest()
  private let isQuantized: Bool

  init(seed: UInt32, isQuantized: Bool) {
    numbers = TestNumbers(seed: seed)
    self.isQuantized = isQuantized
  }

  mutating func graph() throws -> Graph {
    let shape = [1 + numbers.integer(below: 2)] + (0..<3).map { _ in 2 + numbers.integer(below: 5) }
    var values = [try held(test.input(shape))]
    for _ in 0..<3 + numbers.integer(below: 6) {
      let source = values[values.count - 1 - numbers.integer(below: min(2, values.count))]
      values.append(try next(source))
    }
    let side = values.count > 3 ? [values[2]] : []
    return test.withOutputs(side + [values[values.count - 1]])
  }

  /// The value behind a quantization, in quantized graphs.
  private mutating func held(_ value: ValueID) throws -> ValueID {
    isQuantized ? try test.quantized(value, scale: 0x1p-6, zeroPoint: 120) : value
  }

  private func shape(_ id: ValueID) -> [Int] { test.graph[id].info?.shape ?? [] }

  private mutating func next(_ x: ValueID) throws -> ValueID {
    let extents = shape(x)
    switch numbers.integer(below: 12) {
    case 0 where extents.count == 4: return try held(convolution(x, extents))
    case 1 where extents.count == 4: return try depthwise(x, extents)
    case 2 where extents.count == 4:
      return try test.add(.maxPool, [x], ["kernel_shape": .ints([2, 2]), "pads": .ints([1, 1, 0, 0])])
    case 3: return try transposed(x, extents)
    case 4: return try test.add(.flatten, [x], ["axis": .int(numbers.integer(below: extents.count + 1))])
    case 5: return try held(test.add(.relu, [x]))
    case 6:
      let sum = try test.add(.add, [x, other(extents)])
      return try held(numbers.integer(below: 2) == 0 ? sum : test.add(.relu, [sum]))
    case 7: return try test.add(.concat, [x, x], ["axis": .int(numbers.integer(below: extents.count))])
    case 8:
      let axis = numbers.integer(below: extents.count)
      guard extents[axis] > 1 else { return try held(test.add(.abs, [x])) }
      return try test.add(.slice, [x, test.integers([1]), test.integers([1 << 20]), test.integers([axis])])
    case 9 where extents.count >= 2:
      let depth = extents[extents.count - 1]
      return try held(test.add(.matMul, [x, weight([depth, 3], axis: 1)]))
    case 10:
      let axis = numbers.integer(below: extents.count)
      return try held(test.add(.reduceMax, [x, test.integers([axis])]))
    default: return try reshaped(x, extents)
    }
  }

  private mutating func weight(_ shape: [Int], axis: Int) throws -> ValueID {
    guard isQuantized else { return test.constant(numbers.floats(shape)) }
    let scales = (0..<shape[axis]).map { _ in [0x1p-7, 0x1p-8, 0x1p-9][numbers.integer(below: 3)] as Float }
    return try test.weight(numbers.int8s(shape), scales: scales, axis: axis)
  }

  private mutating func convolution(_ x: ValueID, _ extents: [Int]) throws -> ValueID {
    let kernel = min(3, extents[2], extents[3])
    let y = try test.add(
      .conv, [x, weight([3, extents[1], kernel, kernel], axis: 0)],
      ["pads": .ints([1, 0, 0, 1]), "strides": .ints([1 + numbers.integer(below: 2), 1])])
    return numbers.integer(below: 2) == 0 ? y : try test.add(.relu, [y])
  }

  private mutating func depthwise(_ x: ValueID, _ extents: [Int]) throws -> ValueID {
    try held(
      test.add(
        .conv, [x, weight([extents[1], 1, 2, 2], axis: 0)],
        ["group": .int(extents[1]), "auto_pad": .string("SAME_UPPER")]))
  }

  private mutating func transposed(_ x: ValueID, _ extents: [Int]) throws -> ValueID {
    var order = Array(extents.indices)
    for index in order.indices { order.swapAt(index, numbers.integer(below: order.count)) }
    return try test.add(.transpose, [x], ["perm": .ints(order)])
  }

  /// A second operand: another input of the shape, or one that is broadcast.
  private mutating func other(_ extents: [Int]) throws -> ValueID {
    let axis = numbers.integer(below: extents.count)
    var own = extents
    if numbers.integer(below: 2) == 0 { own[axis] = 1 }
    return try held(test.input(own))
  }

  private mutating func reshaped(_ x: ValueID, _ extents: [Int]) throws -> ValueID {
    let count = extents.elementCount
    let divisor = (2...7).first { count % $0 == 0 } ?? 1
    return try test.add(.reshape, [x, test.integers([1, divisor, count / divisor])])
  }
}
