import Synchronization

/// Keeps the memory of released tensors for the next ones of the same size.
///
/// A training step asks for the same tensors as the step before it. Handing the memory back to the system
/// would cost a page fault for every 4 KiB of every step; kept, the first step's memory serves them all.
public enum StorageRecycler {
  /// Runs `body` while released memory is kept; it is freed when the outermost call returns.
  public static func whileActive<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    shelf.withLock { $0.activations += 1 }
    defer { shelf.withLock { $0.deactivate() } }
    return try body()
  }

  /// Bytes that tensors hold at this moment, of those made while recycling was active.
  public static var liveByteCount: Int { shelf.withLock { $0.liveBytes } }

  /// The most that `liveByteCount` has been since recycling became active.
  public static var peakByteCount: Int { shelf.withLock { $0.peakBytes } }

  private struct Shelf: @unchecked Sendable {
    var activations = 0
    var liveBytes = 0
    var peakBytes = 0
    /// Free blocks by their size.
    var free: [Int: [UnsafeMutableRawPointer]] = [:]

    mutating func deactivate() {
      activations -= 1
      guard activations == 0 else { return }
      for block in free.values.joined() { block.deallocate() }
      free = [:]
      liveBytes = 0
      peakBytes = 0
    }
  }

  private static let shelf = Mutex(Shelf())

  /// Sizes are rounded up, so that tensors of nearly one size share their blocks.
  static func blockByteCount(_ byteCount: Int) -> Int { (max(byteCount, 1) + 63) & ~63 }

  /// Uninitialized memory of `blockByteCount(byteCount)` bytes, aligned to 64.
  static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let size = blockByteCount(byteCount)
    let kept: UnsafeMutableRawPointer? = shelf.withLock { shelf in
      guard shelf.activations > 0 else { return nil }
      shelf.liveBytes += size
      shelf.peakBytes = max(shelf.peakBytes, shelf.liveBytes)
      return shelf.free[size]?.popLast()
    }
    return kept ?? .allocate(byteCount: size, alignment: 64)
  }

  static func release(_ block: UnsafeMutableRawPointer, byteCount: Int) {
    let size = blockByteCount(byteCount)
    let isKept = shelf.withLock { shelf in
      guard shelf.activations > 0 else { return false }
      shelf.liveBytes = max(0, shelf.liveBytes - size)
      shelf.free[size, default: []].append(block)
      return true
    }
    if !isKept { block.deallocate() }
  }
}
