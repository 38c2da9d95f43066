import Graph
import HostTensors
import ModelFormat
import Operators
import Packing
import Runtime
import TensorTypes
import Testing

/// How constants are stored: what becomes smaller, and that it stays what it was.
@Suite struct StoredWeightsTests {
  /// x W + b.
  private func dense(_ rows: Int, _ columns: Int, _ weights: Tensor) throws -> Graph {
    var numbers = TestNumbers(seed: 5)
    var test = GraphUnderTest()
    let x = test.input([1, rows])
    let y = try test.add(.gemm, [x, test.constant(weights), test.constant(numbers.floats([columns]))])
    return test.withOutputs([y])
  }

  private func sparse(_ shape: [Int], permille: Int, values: Int) -> Tensor {
    var numbers = TestNumbers(seed: 77)
    return Tensor(
      shape: shape,
      elements: (0..<shape.elementCount).map { _ in
        numbers.integer(below: 1000) < permille ? Float(numbers.integer(below: values) + 1) / 64 : 0
      })
  }

  @Test func filesShrinkWithEveryStepOfSparsity() throws {
    let sizes = try [1000, 500, 200, 100, 50].map { permille in
      try pack(dense(64, 128, sparse([64, 128], permille: permille, values: 16))).bytes.count
    }
    #expect(sizes == sizes.sorted(by: >))
    #expect(Set(sizes).count == sizes.count)
  }

  @Test func fewerValuesMakeSmallerFiles() throws {
    let sizes = try [200, 64, 16, 4, 2].map { values in
      try pack(dense(64, 128, sparse([64, 128], permille: 1000, values: values))).bytes.count
    }
    #expect(sizes == sizes.sorted(by: >))
  }

  /// Sparse, shared and dense weights give what the graph evaluates to, bit for bit as the step specifies: one chain
  /// of fused multiply-adds from the bias.
  @Test(arguments: [1, 3, 250], [50, 1000])
  func outputsAreThoseOfTheWeightsAsTheyWere(values: Int, permille: Int) throws {
    let (rows, columns) = (37, 53)
    let weights = sparse([rows, columns], permille: permille, values: values)
    let packed = try pack(dense(rows, columns, weights))
    // Of 250 values there is little to foresee.
    #expect((packed.ledger.entries[0].coding != "deflate") == (values < 250))
    let model = try packed.bytes.withUnsafeBytes { try Model($0) }
    var numbers = TestNumbers(seed: 5)
    let bias = numbers.floats([columns]).floats
    let input = (0..<rows).map { _ in numbers.float() }
    input.withUnsafeBytes { model.inputBytes(0).copyMemory(from: $0) }
    model.run()
    let output = Array(model.outputBytes(0).bindMemory(to: Float.self))
    let w = weights.floats
    for column in 0..<columns {
      let expected = (0..<rows).reduce(bias[column]) { $0.addingProduct(input[$1], w[$1 * columns + column]) }
      #expect(output[column] == expected)
    }
  }

  /// Signed zeros and the payloads of numbers that are not any.
  @Test func bitsOfFloatsAreKept() throws {
    let values: [Float] = [0, -0.0, Float(bitPattern: 0x7FC0_1234), 1, .infinity]
    let elements = (0..<600).map { values[$0 % values.count] }
    var test = GraphUnderTest()
    let x = test.input([1, 600])
    let sum = try test.add(
      .where, [test.add(.less, [x, x]), x, test.constant(Tensor(shape: [1, 600], elements: elements))])
    let packed = try test.packed(outputs: sum)
    let model = try packed.bytes.withUnsafeBytes { try Model($0) }
    model.run()
    let output = model.outputBytes(0).bindMemory(to: UInt32.self)
    #expect(Array(output) == elements.map(\.bitPattern))
  }

  /// Floats of noise: coding them would cost more at loading than it saves.
  @Test func whatCodingDoesNotPayForIsStoredAsItIs() throws {
    var numbers = TestNumbers(seed: 9)
    let noise = (0..<64 * 256).map { _ in Float(numbers.integer(below: 1 << 23)) / 8191 }
    let packed = try pack(dense(64, 256, Tensor(shape: [64, 256], elements: noise)))
    #expect(packed.ledger.entries[0].coding == "deflate")
    let model = try packed.bytes.withUnsafeBytes { try Model($0) }
    #expect(model.verify() == .identical(vectors: 1, steps: 1))
    #expect(try pack(dense(64, 256, Tensor(shape: [64, 256], elements: noise))).bytes == packed.bytes)
  }

  @Test func versionOneIsRefusedByName() throws {
    var bytes = try pack(dense(4, 4, sparse([4, 4], permille: 500, values: 3))).bytes
    bytes[4] = 1
    #expect(throws: LoadError.format(.unsupportedVersion(found: 1))) { try bytes.withUnsafeBytes { _ = try Model($0) } }
  }
}
