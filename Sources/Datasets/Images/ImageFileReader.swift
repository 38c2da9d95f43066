/// Reads PNG and JPEG files as samples [height, width, channels].
struct ImageFileReader: SampleFileReader {
  let suffixes = [".png", ".jpg", ".jpeg"]
  let storedLayout: ChannelLayout? = .channelsLast
  /// Nil leaves images as large as they are.
  let size: BilinearResizing?
  /// Nil leaves images grey or coloured as they are.
  let channels: Int?

  func sampleShape(of file: FileBytes, path: String) throws(DatasetError) -> [Int] {
    shape(of: try RasterImage.header(of: file.bytes, path: path))
  }

  private func shape(of extents: RasterExtents) -> [Int] {
    [size?.height ?? extents.height, size?.width ?? extents.width, channels ?? extents.channels]
  }

  func decode(
    _ file: FileBytes, path: String, shape: [Int], into target: UnsafeMutableBufferPointer<Float>
  ) throws(DatasetError) {
    let decoded = try RasterImage.decode(file.bytes, path: path)
    let found = self.shape(of: decoded.extents)
    guard found == shape else { throw .sampleShapeDiffers(path: path, expected: shape, found: found) }
    let image = decoded.converted(toChannels: shape[2])
    image.pixels.withUnsafeBufferPointer { pixels in
      guard let size else {
        for (position, value) in pixels.enumerated() { target[position] = Float(value) }
        return
      }
      let from = ImageExtents(
        height: image.extents.height, width: image.extents.width, channels: shape[2], layout: .channelsLast)
      let to = ImageExtents(height: shape[0], width: shape[1], channels: shape[2], layout: .channelsLast)
      size.apply(from: from, to: to, target: target) { Float(pixels[$0]) }
    }
  }
}
