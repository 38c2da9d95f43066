import TensorTypes

/// A row-major matrix of integers, read as it lies or transposed.
struct IntegerMatrix {
  let elements: ArraySlice<Int>
  let rowLength: Int
  let isTransposed: Bool

  init(_ elements: [Int], rowLength: Int, isTransposed: Bool = false) {
    self.init(elements[...], rowLength: rowLength, isTransposed: isTransposed)
  }

  init(_ elements: ArraySlice<Int>, rowLength: Int, isTransposed: Bool = false) {
    self.elements = elements
    self.rowLength = rowLength
    self.isTransposed = isTransposed
  }

  subscript(row: Int, column: Int) -> Int {
    elements[elements.startIndex + (isTransposed ? column * rowLength + row : row * rowLength + column)]
  }
}

/// The element types that ONNX MatMul and Gemm multiply.
func isProductElement(_ dtype: DType) -> Bool {
  switch dtype {
  case .float16, .bfloat16, .float32, .float64, .int32, .uint32, .int64, .uint64: true
  case .int8, .uint8, .int16, .uint16, .bool: false
  }
}
