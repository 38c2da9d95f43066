import ModelFormat

/// A step made ready to run: operands as addresses, weights prepacked.
///
/// A class, so that an executable built for one model links only the steps it constructs.
class Step {
  /// Where the step's result lies.
  final let outputBytes: UnsafeRawBufferPointer

  /// Products of weights and activations that are summed; 0 for steps that have none.
  final let multiplyAccumulates: Int

  init(outputBytes: UnsafeRawBufferPointer, multiplyAccumulates: Int = 0) {
    self.outputBytes = outputBytes
    self.multiplyAccumulates = multiplyAccumulates
  }

  /// Computes the step. Allocates nothing and cannot fail.
  func run(_ workers: Workers) {}

  /// CRC-32 of what the step has written. A step that writes a part of its result overrides this: the rest holds
  /// what earlier steps left there, which differs between instruction sets.
  func checksum() -> UInt32 { CRC32.of(outputBytes) }
}

extension Loader {
  /// The bytes of an output operand.
  @inline(never)
  func outputSpan(_ index: TensorIndex) throws(StepProblem) -> UnsafeRawBufferPointer {
    let tensor = try record(index, .output)
    guard tensor.placement == .arena, let bytes = tensor.byteCount else { throw .placement(.output) }
    return UnsafeRawBufferPointer(start: arena.baseAddress! + tensor.offset, count: bytes)
  }
}
