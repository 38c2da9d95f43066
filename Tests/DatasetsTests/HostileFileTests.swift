import Datasets
import HostTensors
import Testing

struct HostileFileTests {
  @Test(arguments: [false, true])
  func hugeIdxExtentsAreRefusedBeforeAnythingIsAllocated(isCompressed: Bool) throws {
    let scratch = try Scratch()
    for shape in [
      [0xFFFF_FFFF, 0xFFFF_FFFF], [0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], [0x7FFF_FFFF, 0x8000_0000], [1 << 28, 8],
      [0, 0xFFFF_FFFF, 0xFFFF_FFFF],
    ] {
      let bytes = idx(type: 0x0E, shape: shape, elements: [1, 2, 3])
      try scratch.write(isCompressed ? gzip(bytes) : bytes, as: "a-idx")
      #expect(throws: DatasetError.self) { try scratch.open("inputs: a-idx") }
    }
  }

  @Test func anIdxFileWithoutSamplesIsRefused() throws {
    let scratch = try Scratch()
    for shape in [[0, 28, 28], [3, 0]] {
      let path = try scratch.write(idx(type: 8, shape: shape, elements: []), as: "a-idx")
      let expected = DatasetError.malformed(
        path: path, field: "shape", expected: "at least one sample with elements", found: "\(shape)")
      #expect(throws: expected) { try scratch.open("inputs: a-idx") }
    }
  }

  @Test func gzipIsCheckedToItsEnd() throws {
    let scratch = try Scratch()
    let whole = gzip(idx(type: 8, shape: [2, 50], elements: [UInt8](repeating: 7, count: 100)))
    var changedChecksum = whole
    changedChecksum[whole.count - 8] ^= 1
    for bytes in [[UInt8](whole.dropLast(9)), [UInt8](whole.dropLast(4)), changedChecksum] {
      try scratch.write(bytes, as: "a-idx.gz")
      #expect {
        try scratch.open("inputs: a-idx.gz")
      } throws: { error in
        if case DatasetError.corrupt = error { true } else { false }
      }
    }
    let path = try scratch.write(gzip(idx(type: 8, shape: [2, 50], elements: [1])), as: "a-idx.gz")
    #expect(throws: DatasetError.truncated(path: path, expectedBytes: 112, foundBytes: 13)) {
      try scratch.open("inputs: a-idx.gz")
    }
    let surplus = idx(type: 8, shape: [1, 2], elements: [1, 2, 3])
    try scratch.write(gzip(surplus), as: "a-idx.gz")
    #expect(throws: DatasetError.surplus(path: path, expectedBytes: 14)) { try scratch.open("inputs: a-idx.gz") }
  }

  @Test func gzipMembersOneAfterAnotherAreOneFile() throws {
    let scratch = try Scratch()
    try scratch.write(gzip([UInt8]("1,2\n3,".utf8)) + gzip([UInt8]("4\n".utf8)), as: "a.csv.gz")
    let dataset = try scratch.open("inputs: a.csv.gz")
    #expect(try dataset.sample(1).floats == [3, 4])
  }

  /// Seeds 1 to 6, one for each kind of file; 400 changed copies each.
  @Test(arguments: Array(["a-idx", "a-idx.gz", "a.npy", "a.npz", "a.bin.gz", "a.csv"].enumerated()))
  func changedBytesGiveATypedErrorOrReadableSamples(seed: Int, name: String) throws {
    let scratch = try Scratch()
    let original = try Self.example(name)
    var random = SplitMix64(state: UInt64(seed + 1))
    var refused = 0
    for _ in 0..<400 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
      try scratch.write(bytes, as: name)
      do {
        let dataset = try scratch.open("inputs: \(name)")
        for index in [0, dataset.count - 1] {
          #expect(try dataset.sample(index).count == dataset.elementCount)
        }
      } catch is DatasetError {
        refused += 1
      }
    }
    // Half of the copies are cut, almost all of them short of what they declare.
    #expect(refused > 100)
  }

  private static func example(_ name: String) throws -> [UInt8] {
    let images = idx(type: 8, shape: [4, 5, 5], elements: (0..<100).map { UInt8($0) })
    switch name {
    case "a-idx": return images
    case "a-idx.gz": return gzip(images)
    case "a.bin.gz": return gzip((0..<3_073 * 2).map { UInt8(truncatingIfNeeded: $0 % 7) })
    case "a.csv": return [UInt8]("1,2,3\n4,5,6\n7,8,9\n10,11,12\n".utf8)
    case "a.npz": return try base64(NumPyArchive.deflated)
    default: return try base64(NumPyFile.float32)
    }
  }
}
