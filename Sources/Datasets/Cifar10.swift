import TensorTypes

/// The CIFAR-10 binary format: records of one label byte and 3,072 bytes, the red, green and blue
/// planes of 32 x 32 (cs.toronto.edu/~kriz/cifar.html).
enum Cifar10 {
  static let sampleShape = [3, 32, 32]
  static let recordBytes = 1 + 3 * 32 * 32
  static let classCount = 10

  static func read(_ region: ByteRegion, path: String) throws(DatasetError) -> (samples: RawArray, labels: RawArray) {
    let contents = try ByteCursor.wholeContents(of: region, path: path)
    guard contents.count > 0, contents.count % recordBytes == 0 else {
      throw .malformed(
        path: path, field: "length in bytes", expected: "a multiple of \(recordBytes)", found: String(contents.count))
    }
    let count = contents.count / recordBytes
    let samples = RawArray(
      path: path, region: contents, dtype: .uint8, shape: [count] + sampleShape, recordBytes: recordBytes,
      offsetBytes: 1, storedLayout: .channelsFirst)
    let labels = RawArray(path: path, region: contents, dtype: .uint8, shape: [count], recordBytes: recordBytes)
    return (samples, labels)
  }
}
