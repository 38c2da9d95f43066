/// Enlarges or reduces images by the mean of four pixels, weighted linearly.
///
/// The output pixel i of n lies at s = (i + 0.5) * m / n - 0.5 among the m input pixels, kept within 0...m - 1; it is
/// a + (b - a) * f, where a and b are the pixels at and after the whole part of s and f is its fraction, first along
/// rows, then across. Reducing skips pixels rather than averaging over them (ONNX Resize, linear, half_pixel).
struct BilinearResizing: Sendable {
  private struct Tap {
    let first: Int
    let second: Int
    let fraction: Float
  }

  let size: ImageSize
  var height: Int { size.height }
  var width: Int { size.width }

  /// Writes the resized image; `source` gives the element at an offset, and both lie as their extents say.
  @inline(__always)
  func apply(
    from extents: ImageExtents, to targetExtents: ImageExtents, target: UnsafeMutableBufferPointer<Float>,
    _ source: (Int) -> Float
  ) {
    let rows = Self.taps(from: extents.height, to: height)
    let columns = Self.taps(from: extents.width, to: width)
    for (y, row) in rows.enumerated() {
      let upper = row.first * extents.width
      let lower = row.second * extents.width
      for (x, column) in columns.enumerated() {
        let offset = (y * width + x) * targetExtents.pixelStride
        for channel in 0..<extents.channels {
          let plane = channel * extents.channelStride
          func pixel(_ index: Int) -> Float { source(index * extents.pixelStride + plane) }
          let above = Self.mean(pixel(upper + column.first), pixel(upper + column.second), column.fraction)
          let below = Self.mean(pixel(lower + column.first), pixel(lower + column.second), column.fraction)
          target[offset + channel * targetExtents.channelStride] = Self.mean(above, below, row.fraction)
        }
      }
    }
  }

  private static func mean(_ a: Float, _ b: Float, _ fraction: Float) -> Float { a + (b - a) * fraction }

  private static func taps(from count: Int, to targetCount: Int) -> [Tap] {
    (0..<targetCount).map { index in
      let place = (Double(index) + 0.5) * Double(count) / Double(targetCount) - 0.5
      let kept = min(max(place, 0), Double(count - 1))
      let first = Int(kept)
      return Tap(first: first, second: min(first + 1, count - 1), fraction: Float(kept - Double(first)))
    }
  }
}

/// Samples of another format, resized.
struct ResizedSamples: RawSamples {
  let source: any RawSamples
  let sampleShape: [Int]
  let storedLayout: ChannelLayout?
  private let resizing: BilinearResizing
  private let from: ImageExtents
  private let to: ImageExtents

  /// Throws `notImages` where `layout`, that of the samples as stored, does not make images of them.
  init(
    _ source: any RawSamples, size: BilinearResizing, layout: ChannelLayout?, specification: String
  ) throws(DatasetError) {
    let shape = source.sampleShape
    guard let from = ImageExtents(shape: shape, layout: layout) else {
      throw .notImages(path: specification, key: "preprocess.size", sampleShape: shape)
    }
    self.source = source
    self.from = from
    resizing = size
    storedLayout = layout
    to = ImageExtents(
      height: size.height, width: size.width, channels: from.channels, layout: layout ?? .channelsFirst)
    switch (shape.count, layout) {
    case (3, .channelsLast): sampleShape = [size.height, size.width, from.channels]
    case (3, _): sampleShape = [from.channels, size.height, size.width]
    case (_, _): sampleShape = [size.height, size.width]
    }
  }

  var path: String { source.path }
  var sampleCount: Int { source.sampleCount }
  var isInMemory: Bool { source.isInMemory }

  func decode(sample index: Int, into target: UnsafeMutableBufferPointer<Float>) throws(DatasetError) {
    let raw = UnsafeMutableBufferPointer<Float>.allocate(capacity: from.height * from.width * from.channels)
    defer { raw.deallocate() }
    try source.decode(sample: index, into: raw)
    resizing.apply(from: from, to: to, target: target) { raw[$0] }
  }
}
