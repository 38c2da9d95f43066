/// The blocks a loaded model owns; freed together.
final class LoadMemory {
  private var blocks: [UnsafeMutableRawBufferPointer] = []

  /// Zeroed bytes at a 64-byte boundary, which live as long as the model.
  func allocate(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let block = temporary(byteCount)
    blocks.append(block)
    return block
  }

  func allocate<T: BitwiseCopyable>(_ count: Int, of type: T.Type) -> UnsafeMutablePointer<T> {
    allocate(count * MemoryLayout<T>.stride).baseAddress!.assumingMemoryBound(to: T.self)
  }

  /// Bytes for a section's contents, which the caller frees.
  @inline(never)
  func section(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: temporary(byteCount).baseAddress, count: byteCount)
  }

  /// Zeroed bytes that the caller frees.
  func temporary(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 64), alignment: 64)
    block.initializeMemory(as: UInt8.self, repeating: 0)
    return block
  }

  deinit { for block in blocks { block.deallocate() } }
}
