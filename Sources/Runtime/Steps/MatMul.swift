import CMicrokernels
import ModelFormat
import TensorTypes

/// x * y + z in one rounding on every CPU.
@inline(__always)
func fusedMultiplyAdd(_ x: Float, _ y: Float, _ z: Float) -> Float { pare_fmaf(x, y, z) }

/// `matMul`: the product of two activations, row by row: out[m] accumulates a[m, k] * b[k] over k.
final class MatMulStep: Step {
  private let a: UnsafePointer<Float>
  private let b: UnsafePointer<Float>
  private let output: UnsafeMutablePointer<Float>
  private let record: MatMulRecord
  private let batches: Int
  private let kernels: UnsafePointer<pare_kernels>

  @inline(never)
  init(_ record: MatMulRecord, _ loader: borrowing Loader) throws(StepProblem) {
    guard record.rows > 0, record.depth > 0, record.columns > 0 else { throw .value(.extents, found: record.depth) }
    batches = try record.batch.checkedCount()
    let aMatrix = try product(record.rows, record.depth, .firstOperand)
    let bMatrix = try product(record.depth, record.columns, .secondOperand)
    let aTensor = try loader.checked(record.a, .firstOperand, .float32, count: nil)
    let bTensor = try loader.checked(record.b, .secondOperand, .float32, count: nil)
    guard aTensor.count >= aMatrix else { throw .tooSmall(.firstOperand, expected: aMatrix, found: aTensor.count) }
    guard bTensor.count >= bMatrix else { throw .tooSmall(.secondOperand, expected: bMatrix, found: bTensor.count) }
    try record.batch.check(record.aStrides, offset: 0, count: aTensor.count - aMatrix + 1, .firstOperand)
    try record.batch.check(record.bStrides, offset: 0, count: bTensor.count - bMatrix + 1, .secondOperand)
    a = try loader.input(record.a, .firstOperand).assumingMemoryBound(to: Float.self)
    b = try loader.input(record.b, .secondOperand).assumingMemoryBound(to: Float.self)
    let outMatrix = try product(record.rows, record.columns, .output)
    output = try loader.output(record.output, .output, .float32, count: product(batches, outMatrix, .output))
      .assumingMemoryBound(to: Float.self)
    self.record = record
    kernels = loader.kernels
    super.init(
      outputBytes: try loader.outputSpan(record.output),
      multiplyAccumulates: try product(product(batches, outMatrix, .products), record.depth, .products))
  }

  override func run(_ workers: Workers) {
    let last = StridedExtents.rank - 1
    var position = StridedPosition()
    var out = output
    var done = 0
    while done < batches {
      for index in 0..<record.batch[last] {
        multiply(
          a + position.offset(record.aStrides) + index * record.aStrides[last],
          b + position.offset(record.bStrides) + index * record.bStrides[last], out)
        out += record.rows * record.columns
      }
      done += record.batch[last]
      position.advance(record.batch)
    }
  }

  @inline(__always)
  private func multiply(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>) {
    for row in 0..<record.rows {
      let target = out + row * record.columns
      target.update(repeating: 0, count: record.columns)
      for depth in 0..<record.depth {
        kernels.pointee.axpy_f32(target, b + depth * record.columns, record.columns, a[row * record.depth + depth])
      }
    }
  }
}
