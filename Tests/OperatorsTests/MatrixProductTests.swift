import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct MatrixProductTests {
  private func naive(
    _ a: [Float], _ b: [Float], rows: Int, columns: Int, depth: Int, transA: Bool, transB: Bool
  ) -> [Float] {
    var result: [Float] = []
    for row in 0..<rows {
      for column in 0..<columns {
        var sum: Float = 0
        for k in 0..<depth {
          sum += a[transA ? k * rows + row : row * depth + k] * b[transB ? column * depth + k : k * columns + column]
        }
        result.append(sum)
      }
    }
    return result
  }

  /// Large enough to be cut into parts, by rows and by columns; the last part is a smaller one.
  @Test(arguments: [(310, 90), (90, 310)], [0, 1, 2, 3])
  func productsInPartsEqualNestedSums(_ extents: (Int, Int), _ transposes: Int) throws {
    let (rows, columns, depth) = (extents.0, extents.1, 250)
    let (transA, transB) = (transposes & 1 != 0, transposes & 2 != 0)
    let a = smallWholes(transA ? [depth, rows] : [rows, depth], seed: 1)
    let b = smallWholes(transB ? [columns, depth] : [depth, columns], seed: 2)
    let expected = naive(
      a.floats, b.floats, rows: rows, columns: columns, depth: depth, transA: transA, transB: transB)
    let attributes: [String: AttributeValue] = ["transA": .int(transA ? 1 : 0), "transB": .int(transB ? 1 : 0)]
    #expect(try OperatorCase("Gemm", [a, b], attributes).output().floats == expected)
    let doubles = [a.converted(to: Double.self), b.converted(to: Double.self)]
    #expect(try OperatorCase("Gemm", doubles, attributes).output().floats == expected)
  }

  /// 1 + 2^-40 is a double but no float.
  @Test func doublesAreMultipliedAsDoubles() throws {
    let one = Tensor(shape: [1, 1], elements: [1 + 0x1p-40])
    for opType in ["Gemm", "MatMul"] {
      #expect(
        try OperatorCase(opType, [one, one]).output().elements(as: Double.self) == [(1 + 0x1p-40) * (1 + 0x1p-40)])
    }
    let image = one.reshaped([1, 1, 1, 1])
    for opType in ["Conv", "ConvTranspose"] {
      #expect(
        try OperatorCase(opType, [image, image]).output().elements(as: Double.self) == [(1 + 0x1p-40) * (1 + 0x1p-40)])
    }
  }

  @Test(arguments: [false, true], [false, true])
  func gemmEqualsNestedSums(_ transA: Bool, _ transB: Bool) throws {
    let (rows, columns, depth) = (3, 5, 7)
    let a = smallWholes(transA ? [depth, rows] : [rows, depth], seed: 1)
    let b = smallWholes(transB ? [columns, depth] : [depth, columns], seed: 2)
    let product = naive(
      a.floats, b.floats, rows: rows, columns: columns, depth: depth, transA: transA, transB: transB)
    let trans: [String: AttributeValue] = ["transA": .int(transA ? 1 : 0), "transB": .int(transB ? 1 : 0)]
    #expect(try OperatorCase("Gemm", [a, b], trans).output().floats == product)
    for shape in [[], [1], [columns], [1, columns], [rows, 1], [rows, columns]] {
      let c = smallWholes(shape, seed: 3)
      let scaled = trans.merging(["alpha": .float(0.5), "beta": .float(-2)]) { $1 }
      let output = try OperatorCase("Gemm", [a, b, c], scaled).output()
      let addends = c.floats
      for row in 0..<rows {
        for column in 0..<columns {
          let index =
            c.count == 1 ? 0 : (shape == [rows, 1] ? row : (shape.first == rows ? row * columns : 0) + column)
          #expect(output.floats[row * columns + column] == 0.5 * product[row * columns + column] - 2 * addends[index])
        }
      }
    }
  }

  @Test(arguments: [
    ([2, 3], [3, 4], [2, 4]), ([3], [3, 4], [4]), ([2, 3], [3], [2]), ([3], [3], []), ([5, 2, 3], [3, 4], [5, 2, 4]),
    ([5, 1, 2, 3], [6, 3, 4], [5, 6, 2, 4]), ([2, 3], [5, 3, 4], [5, 2, 4]), ([3], [5, 3, 4], [5, 4]),
    ([5, 2, 3], [3], [5, 2]), ([2, 0], [0, 3], [2, 3]), ([0, 2, 3], [3, 4], [0, 2, 4]),
  ])
  func matMulBroadcastsAsNumPy(_ left: [Int], _ right: [Int], _ expected: [Int]) throws {
    let (a, b) = (smallWholes(left, seed: 4), smallWholes(right, seed: 5))
    let output = try OperatorCase("MatMul", [a, b]).output()
    #expect(output.shape == expected)
    let depth = left[left.count - 1]
    let rows = left.count > 1 ? left[left.count - 2] : 1
    let columns = right.count > 1 ? right[right.count - 1] : 1
    let (leftBatch, rightBatch) = (Array(left.dropLast(2)), Array(right.dropLast(2)))
    let batch = Array(expected.prefix(max(leftBatch.count, rightBatch.count)))
    var result: [Float] = []
    for index in 0..<batch.elementCount {
      // The matrix of either operand under this index of the batch: axes of extent 1 stay at 0.
      func matrix(_ own: [Int]) -> Int {
        var flat = 0
        for (axis, extent) in own.enumerated() {
          let outer = axis + batch.count - own.count
          flat = flat * extent + (extent == 1 ? 0 : index / batch.rowMajorStrides[outer] % batch[outer])
        }
        return flat
      }
      result += naive(
        Array(a.floats.dropFirst(matrix(leftBatch) * rows * depth).prefix(rows * depth)),
        Array(b.floats.dropFirst(matrix(rightBatch) * depth * columns).prefix(depth * columns)), rows: rows,
        columns: columns, depth: depth, transA: false, transB: false)
    }
    #expect(output.floats == result)
  }

  @Test func integersMultiplyExactlyAndWrap() throws {
    let a = Tensor(shape: [1, 2], elements: [Int32.max, 3])
    let b = Tensor(shape: [2, 1], elements: [Int32(2), 5])
    #expect(try OperatorCase("MatMul", [a, b]).output().elements(as: Int32.self) == [Int32.max &* 2 &+ 15])
    let c = Tensor(shape: [1], elements: [Int32(-1)])
    #expect(try OperatorCase("Gemm", [a, b, c]).output().elements(as: Int32.self) == [Int32.max &* 2 &+ 14])
    let large = Tensor(shape: [1, 1], elements: [Int64(1) << 53 + 1])
    #expect(
      try OperatorCase("MatMul", [large, large]).output().elements(as: Int64.self) == [
        ((1 << 53) + 1) &* ((1 << 53) + 1)
      ])
  }

  @Test func integerFormNeedsAConstantRightOperand() throws {
    let activation: ValueInfo? = ValueInfo(dtype: .float32, shape: [3, 4])
    let weight: ValueInfo? = ValueInfo(counting([4, 5]))
    func form(_ name: String, _ inputs: [ValueInfo?], _ attributes: [String: AttributeValue] = [:]) throws
      -> IntegerForm
    {
      try makeOperator(NodeDefinition(opType: name, attributes: attributes, inputCount: 2)).integerForm(inputs)
    }
    #expect(try form("MatMul", [activation, weight]) == .accumulate(weightInput: 1, channelAxis: 1))
    #expect(try form("MatMul", [activation, activation]) == .floatOnly(reason: "both operands are activations"))
    #expect(try form("Gemm", [activation, weight]) == .accumulate(weightInput: 1, channelAxis: 1))
    #expect(try form("Gemm", [activation, weight], ["transB": .int(1)]) == .accumulate(weightInput: 1, channelAxis: 0))
    for attributes: [String: AttributeValue] in [["alpha": .float(2)], ["beta": .float(0.5)], ["transA": .int(1)]] {
      guard case .floatOnly = try form("Gemm", [activation, weight], attributes) else {
        Issue.record("\(attributes) has no integer form")
        continue
      }
    }
  }

  @Test func wrongShapesAreErrors() {
    let cases = [
      OperatorCase("Gemm", [counting([2, 3]), counting([2, 3])]),
      OperatorCase("Gemm", [counting([3]), counting([3, 2])]),
      OperatorCase("Gemm", [counting([2, 3]), counting([3, 4]), counting([3])]),
      OperatorCase("Gemm", [counting([2, 3]), counting([3, 4]), counting([1, 2, 4])]),
      OperatorCase("Gemm", [counting([2, 3]), int64s([1])]), OperatorCase("Gemm", [truths([true]), truths([true])]),
      OperatorCase("MatMul", [counting([2, 3]), counting([2, 3])]),
      OperatorCase("MatMul", [counting([]), counting([2])]),
      OperatorCase("MatMul", [counting([2, 2, 3]), counting([3, 3, 2])]),
      OperatorCase("MatMul", [counting([2, 3]), nil]),
    ]
    for operatorCase in cases {
      #expect(operatorCase.error() != nil)
      #expect(operatorCase.evaluationError() != nil)
    }
  }

  /// BLAS is handed transposes and strides as they are, and leaves what lies between rows alone.
  @Test func productKeepsToTheStridesOfItsTarget() {
    let left: [Float] = [1, 2, 9, 3, 4, 9]
    let right: [Float] = [5, 7, 6, 8]
    var target: [Float] = [0, 0, -1, 0, 0, -1]
    left.withUnsafeBufferPointer { left in
      right.withUnsafeBufferPointer { right in
        target.withUnsafeMutableBufferPointer { target in
          guard let left = left.baseAddress, let right = right.baseAddress, let target = target.baseAddress else {
            return
          }
          MatrixProduct.multiply(
            rows: 2, columns: 2, depth: 2, left: .init(left, rowStride: 3),
            right: .init(right, rowStride: 2, isTransposed: true), target: target, targetRowStride: 3)
        }
      }
    }
    #expect(target == [19, 22, -1, 43, 50, -1])
  }
}
