/// Samples as their files store them, decoded one at a time before any preprocessing.
protocol RawSamples: Sendable {
  /// The file or folder, for errors.
  var path: String { get }
  var sampleCount: Int { get }
  /// Extents of one sample.
  var sampleShape: [Int] { get }
  /// Nil where the format does not say how it stores channels.
  var storedLayout: ChannelLayout? { get }
  /// Whether decoding only converts bytes that are in memory, so that keeping its results would gain nothing.
  var isInMemory: Bool { get }

  /// The elements of sample `index`; `target` has room for exactly those of `sampleShape`.
  func decode(sample index: Int, into target: UnsafeMutableBufferPointer<Float>) throws(DatasetError)
}

extension RawArray: RawSamples {
  var isInMemory: Bool { true }
}
