import HostTensors

extension Loss {
  /// `Loss.cosine`: the slope of a row is (x cos / |x| - t / |t|) / |x|, 0 where either is zero.
  func cosine<T: TensorElement>(_ outputs: Tensor, _ targets: Tensor, _ rows: LossRows, as type: T.Type) -> LossValue {
    var total = 0.0
    let gradient = outputs.withElements(as: type) { outputs in
      targets.withElements(as: type) { targets in
        Tensor(uninitialized: [outputs.count], of: type) { (gradient: UnsafeMutableBufferPointer<T>) in
          for row in 0..<rows.count {
            let elements = row * rows.length..<(row + 1) * rows.length
            var (product, outputSquares, targetSquares) = (0.0, 0.0, 0.0)
            for index in elements {
              let (x, t) = (outputs[index].asDouble, targets[index].asDouble)
              product += x * t
              outputSquares += x * x
              targetSquares += t * t
            }
            let (length, targetLength) = (outputSquares.squareRoot(), targetSquares.squareRoot())
            let isZero = length == 0 || targetLength == 0
            let cosine = isZero ? 0 : product / length / targetLength
            total += 1 - cosine
            for index in elements {
              let toward = outputs[index].asDouble / length * cosine - targets[index].asDouble / targetLength
              gradient[index] = T(converting: isZero ? 0 : toward / length / Double(rows.count))
            }
          }
        }
      }
    }
    return LossValue(mean: total / Double(rows.count), gradient: gradient.reshaped(outputs.shape))
  }
}
