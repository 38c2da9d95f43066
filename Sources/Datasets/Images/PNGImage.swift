/// A picture to be written as PNG.
public struct PNGImage: Sendable, Equatable {
  public let height: Int
  public let width: Int
  /// 1 for shades of grey, 3 for red, green and blue.
  public let channels: Int
  /// Rows from the top, the channels of a pixel together.
  public let bytes: [UInt8]

  /// The count of `bytes` must be that of the extents, which must be positive, with 1 or 3 channels.
  public init(height: Int, width: Int, channels: Int, bytes: [UInt8]) {
    precondition(height > 0 && width > 0 && (channels == 1 || channels == 3), "\(height) x \(width) x \(channels)")
    precondition(
      bytes.count == height * width * channels, "\(bytes.count) bytes for \(height) x \(width) x \(channels)")
    self.height = height
    self.width = width
    self.channels = channels
    self.bytes = bytes
  }

  /// Puts the picture at `path` in one step. Throws `unwritable` and, beyond 2^26 pixels, `imageTooLarge`.
  public func write(to path: String) throws(DatasetError) {
    let extents = try RasterExtents(height: height, width: width, channels: channels, path: path)
    try FileBytes.replace(path, with: PNG.encode(RasterImage(extents: extents, pixels: bytes), path: path))
  }
}
