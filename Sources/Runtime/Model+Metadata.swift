import ModelFormat

extension Model {
  /// The `index`-th metadata entry of a kind (UTF-8), empty where there is none.
  public func name(_ tag: MetadataTag, _ index: Int) -> UnsafeRawBufferPointer {
    var reader = MetadataReader(metadata)
    var remaining = index
    while let entry = try? reader.next() {
      guard entry.tag == tag else { continue }
      if remaining == 0 { return entry.bytes }
      remaining -= 1
    }
    return UnsafeRawBufferPointer(start: nil, count: 0)
  }

  /// How many metadata entries of a kind there are.
  public func nameCount(_ tag: MetadataTag) -> Int {
    var reader = MetadataReader(metadata)
    var count = 0
    while let entry = try? reader.next() { if entry.tag == tag { count += 1 } }
    return count
  }
}
