import Graph
import HostTensors
import Operators
import Packing
import TensorTypes
import Testing

/// A transformer's encoder block, as PyTorch exports one, through packing and Runtime.
@Suite struct TransformerTests {
  private struct Sizes {
    let tokens = 7
    let vocabulary = 5
    let width = 12
    let heads = 3
    let hidden = 20
    var headWidth: Int { width / heads }
  }

  /// Attention over heads (Vaswani et al. 2017, section 3.2), then a feed-forward layer; normalized after each.
  private struct Block {
    var test = GraphUnderTest()
    var numbers = TestNumbers(seed: 5)
    let sizes = Sizes()

    mutating func weight(_ shape: [Int]) -> ValueID { test.constant(numbers.floats(shape)) }

    mutating func dense(_ x: ValueID, _ inputs: Int, _ outputs: Int) throws -> ValueID {
      try test.add(.add, [test.add(.matMul, [x, weight([inputs, outputs])]), weight([outputs])])
    }

    mutating func normalized(_ x: ValueID) throws -> ValueID {
      try test.add(.layerNormalization, [x, weight([sizes.width]), weight([sizes.width])])
    }

    /// [1, tokens, width] as [1, heads, tokens, head width], axes in the order `perm`.
    mutating func split(_ x: ValueID, _ perm: [Int]) throws -> ValueID {
      let parted = try test.add(.reshape, [x, test.integers([1, sizes.tokens, sizes.heads, sizes.headWidth])])
      return try test.add(.transpose, [parted], ["perm": .ints(perm)])
    }

    mutating func attention(_ x: ValueID) throws -> ValueID {
      let query = try split(dense(x, sizes.width, sizes.width), [0, 2, 1, 3])
      let key = try split(dense(x, sizes.width, sizes.width), [0, 2, 3, 1])
      let value = try split(dense(x, sizes.width, sizes.width), [0, 2, 1, 3])
      let factor = test.constant(Tensor(scalar: Float(sizes.headWidth).squareRoot()))
      let scores = try test.add(.div, [test.add(.matMul, [query, key]), factor])
      let mixed = try test.add(.matMul, [test.add(.softmax, [scores]), value])
      let merged = try test.add(.transpose, [mixed], ["perm": .ints([0, 2, 1, 3])])
      return try dense(
        test.add(.reshape, [merged, test.integers([1, sizes.tokens, sizes.width])]), sizes.width, sizes.width)
    }

    mutating func build(tokens dtype: DType) throws -> [ValueID] {
      let tokens = test.input([1, sizes.tokens], dtype)
      let mask = test.input([1, sizes.tokens], dtype)
      let table = weight([sizes.vocabulary, sizes.width])
      let floats = try test.add(.cast, [mask], ["to": .int(1)])
      let rows = try test.add(.unsqueeze, [floats, test.integers([2])])
      var x = try test.add(.add, [test.add(.gather, [table, tokens]), weight([1, sizes.tokens, sizes.width])])
      x = try test.add(.mul, [x, rows])
      x = try normalized(test.add(.add, [x, attention(x)]))
      let wide = try test.add(.gelu, [dense(x, sizes.width, sizes.hidden)])
      x = try normalized(test.add(.add, [x, dense(wide, sizes.hidden, sizes.width)]))
      let pooled = try test.add(.reduceMean, [test.add(.mul, [x, rows]), test.integers([1])], ["keepdims": .int(0)])
      return [try test.add(.softmax, [dense(pooled, sizes.width, 4)]), x]
    }
  }

  @Test(arguments: [DType.int64, .int32]) func encoderBlocksAgreeWithTheEvaluator(_ dtype: DType) throws {
    var block = Block()
    let outputs = try block.build(tokens: dtype)
    // Sums of 20 terms of products, normalized: the variance of a row divides what rounding left.
    try expectAgreement(block.test.withOutputs(outputs), seeds: 1...4, tolerance: 1e-4)
  }

  @Test func simplifiedEncoderBlocksAgreeToo() throws {
    var block = Block()
    let outputs = try block.build(tokens: .int64)
    let (simple, _) = try simplified(block.test.withOutputs(outputs))
    try expectAgreement(simple, tolerance: 1e-4)
  }
}
