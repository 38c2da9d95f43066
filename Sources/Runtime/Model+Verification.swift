import ModelFormat
import TensorTypes

/// What running a model's golden vectors showed.
public enum VerificationResult: Equatable, Sendable {
  /// Every step of every vector gave the bytes it gave when the model was packed.
  case identical(vectors: Int, steps: Int)
  /// The first step whose output differs.
  case different(vector: Int, step: Int, expected: UInt32, found: UInt32)
  /// The file carries no golden vectors.
  case noVectors
  /// The golden section does not fit the program.
  case malformed
}

extension Model {
  /// Fills the inputs from `seed` as golden vectors do.
  public func fillInputs(seed: UInt32, _ recipes: [GoldenInput]) {
    var generator = GoldenGenerator(seed: seed)
    for index in 0..<inputCount {
      let recipe = index < recipes.count ? recipes[index] : GoldenInput()
      fill(inputBytes(index), input(index).dtype, recipe, &generator)
    }
  }

  private func fill(
    _ bytes: UnsafeMutableRawBufferPointer, _ dtype: DType, _ recipe: GoldenInput, _ generator: inout GoldenGenerator
  ) {
    for element in 0..<bytes.count / dtype.byteCount {
      let byte = generator.nextByte()
      let integer = recipe.modulus == 0 ? Int64(byte) : Int64(UInt32(byte) % recipe.modulus)
      let offset = element * dtype.byteCount
      switch dtype {
      case .float32:
        bytes.storeBytes(of: Float(byte) * recipe.scale + recipe.offset, toByteOffset: offset, as: Float.self)
      case .int32: bytes.storeBytes(of: Int32(truncatingIfNeeded: integer), toByteOffset: offset, as: Int32.self)
      case .int64: bytes.storeBytes(of: integer, toByteOffset: offset, as: Int64.self)
      case .bool: bytes[offset] = byte & 1
      case .uint8, .int8, .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16:
        bytes[offset] = UInt8(truncatingIfNeeded: integer)
      }
    }
  }

  /// Runs the golden vectors step by step and compares checksums.
  public func verify() -> VerificationResult {
    if golden.count == 0 { return .noVectors }
    guard let result = try? compareGolden() else { return .malformed }
    return result
  }

  private func compareGolden() throws(FormatError) -> VerificationResult {
    var reader = WordReader(golden)
    var head = GoldenHeader()
    try head.code(&reader)
    guard head.inputCount == inputCount, head.stepCount == stepCount else { return .malformed }
    var recipes: [GoldenInput] = []
    for _ in 0..<head.inputCount {
      var recipe = GoldenInput()
      try recipe.code(&reader)
      recipes.append(recipe)
    }
    for vector in 0..<head.vectorCount {
      fillInputs(seed: try reader.next(), recipes)
      for step in 0..<stepCount {
        runStep(step)
        let expected = try reader.next()
        let found = stepChecksum(step)
        if found != expected { return .different(vector: vector, step: step, expected: expected, found: found) }
      }
    }
    return .identical(vectors: head.vectorCount, steps: stepCount)
  }
}
