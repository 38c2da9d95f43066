import HostTensors

/// How outputs divide into rows that are normalized together: `length` elements, `stride` apart.
struct LossRows {
  let count: Int
  let length: Int
  let stride: Int

  init(count: Int, length: Int, stride: Int) {
    self.count = count
    self.length = length
    self.stride = stride
  }

  /// Errors: outputs without a class axis.
  init(_ shape: [Int], _ classAxis: Loss.ClassAxis) throws(LossError) {
    guard shape.count >= 2 else { throw .outputShape(shape, expected: "[B, C] or more axes") }
    switch classAxis {
    case .last: self.init(count: shape.dropLast().reduce(1, *), length: shape[shape.count - 1], stride: 1)
    case .second:
      let inner = shape.dropFirst(2).reduce(1, *)
      self.init(count: shape[0] * inner, length: shape[1], stride: inner)
    }
  }

  /// The index of the first element of `row`.
  @inline(__always)
  func start(_ row: Int) -> Int { row / stride * stride * length + row % stride }
}

extension Targets {
  /// The values as `T`, one for each element of `outputs`. Errors: class indices, or another shape.
  func values<T: TensorElement>(like outputs: Tensor, of type: T.Type) throws(LossError) -> Tensor {
    guard case .values(let values) = self else { throw .classesNotTaken }
    guard values.shape.filter({ $0 != 1 }) == outputs.shape.filter({ $0 != 1 }) else {
      throw .targetShape(expected: outputs.shape, found: values.shape)
    }
    return values.converted(to: type)
  }
}

extension Tensor {
  /// Throws unless every element, a `T`, is within 0...1.
  func checkProbabilities<T: TensorElement>(as type: T.Type) throws(LossError) {
    try withElements(as: type) { (elements) throws(LossError) in
      for index in elements.indices {
        let value = elements[index].asDouble
        guard value >= 0 && value <= 1 else { throw .notAProbability(index: index, found: value) }
      }
    }
  }
}
