import ModelFormat
import TensorTypes

/// `layerNormalization`: sums run in eight lanes; each row is read whole before it is written.
final class LayerNormalizationStep: Step {
  private let input: UnsafePointer<Float>
  private let scale: UnsafePointer<Float>
  private let bias: UnsafePointer<Float>?
  private let output: UnsafeMutablePointer<Float>
  private let mean: UnsafeMutablePointer<Float>?
  private let inverse: UnsafeMutablePointer<Float>?
  private let epsilon: Float
  private let rows: Int
  private let length: Int

  init(_ record: LayerNormalizationRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let extents = try AxisExtents(record.rows, record.length, 1)
    (rows, length, epsilon) = (extents.outer, extents.axis, record.epsilon)
    guard epsilon.isFinite else { throw .notFinite(.epsilon) }
    input = try loader.input(record.input, .input, .float32, count: extents.count).assumingMemoryBound(to: Float.self)
    scale = try loader.input(record.scale, .scales, .float32, count: length).assumingMemoryBound(to: Float.self)
    bias =
      record.bias.isNone
      ? nil : try loader.input(record.bias, .bias, .float32, count: length).assumingMemoryBound(to: Float.self)
    output = try loader.output(record.output, .output, .float32, count: extents.count)
      .assumingMemoryBound(to: Float.self)
    mean = try loader.optionalFloats(record.mean, .output, count: rows)
    inverse = try loader.optionalFloats(record.inverse, .output, count: rows)
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    for row in 0..<rows { normalize(row) }
  }

  private func normalize(_ row: Int) {
    let (x, y) = (input + row &* length, output + row &* length)
    let average = sumInEightLanes(count: length) { x[$0] } / Float(length)
    let variance = sumInEightLanes(count: length) { (x[$0] - average) * (x[$0] - average) } / Float(length)
    let factor = 1 / (variance + epsilon).squareRoot()
    mean?[row] = average
    inverse?[row] = factor
    for index in 0..<length { y[index] = (x[index] - average) * factor * scale[index] }
    if let bias {
      for index in 0..<length { y[index] += bias[index] }
    }
  }

  /// Of the output, then of the means and of the inverses where they are written.
  override func checksum() -> UInt32 {
    var crc = CRC32()
    crc.update(outputBytes)
    if let mean { crc.update(UnsafeRawBufferPointer(start: mean, count: rows &* 4)) }
    if let inverse { crc.update(UnsafeRawBufferPointer(start: inverse, count: rows &* 4)) }
    return crc.value
  }
}

extension Loader {
  /// An output of floats that may be left out.
  func optionalFloats(
    _ index: TensorIndex, _ name: FieldName, count: Int?
  ) throws(StepProblem) -> UnsafeMutablePointer<Float>? {
    if index.isNone { return nil }
    return try output(index, name, .float32, count: count).assumingMemoryBound(to: Float.self)
  }
}
