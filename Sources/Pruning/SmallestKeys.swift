/// Finds the least of many numbers together with where they stand.
///
/// A key is an importance and a place in one integer: equal importances are told apart by place, so what is found
/// does not depend on the order of looking.
package enum SmallestKeys {
  /// Above every key with a lower importance; `place` is below 2^32.
  package static func key(_ importance: Float, place: Int) -> UInt64 {
    let bits = (importance + 0).bitPattern
    // Negative floats descend as their bits ascend.
    let ordered = bits >> 31 == 0 ? bits | 1 << 31 : ~bits
    return UInt64(ordered) << 32 | UInt64(UInt32(truncatingIfNeeded: place))
  }

  package static func place(_ key: UInt64) -> Int { Int(key & 0xFFFF_FFFF) }

  package static func importance(_ key: UInt64) -> Float {
    let ordered = UInt32(truncatingIfNeeded: key >> 32)
    return Float(bitPattern: ordered >> 31 == 1 ? ordered ^ 1 << 31 : ~ordered)
  }

  /// Brings the `count` least keys to the front, in any order (Hoare's selection): some three passes.
  package static func select(_ count: Int, of keys: inout [UInt64]) {
    guard count > 0, count < keys.count else { return }
    keys.withUnsafeMutableBufferPointer { keys in
      var (low, high) = (0, keys.count - 1)
      while low < high {
        let pivot = median(keys[low], keys[low + (high - low) / 2], keys[high])
        var (left, right) = (low, high)
        while left <= right {
          while keys[left] < pivot { left += 1 }
          while keys[right] > pivot { right -= 1 }
          if left <= right {
            keys.swapAt(left, right)
            left += 1
            right -= 1
          }
        }
        // [low...right] are at most the pivot, [left...high] at least.
        if count - 1 <= right {
          high = right
        } else if count - 1 >= left {
          low = left
        } else {
          return
        }
      }
    }
  }

  private static func median(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 { max(min(a, b), min(max(a, b), c)) }
}
