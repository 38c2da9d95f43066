/// Extents of a decoded image, small enough to be held.
struct RasterExtents: Sendable, Equatable {
  /// 64 megapixels, 192 MB of colours: checked before anything is allocated.
  static let mostPixels = 1 << 26

  let height: Int
  let width: Int
  /// 1 for shades of grey, 3 for red, green and blue.
  let channels: Int

  /// The extents must be positive. Throws `imageTooLarge`.
  init(height: Int, width: Int, channels: Int, path: String) throws(DatasetError) {
    guard height <= Self.mostPixels, width <= Self.mostPixels, height * width <= Self.mostPixels else {
      throw .imageTooLarge(path: path, height: height, width: width, limitPixels: Self.mostPixels)
    }
    self.height = height
    self.width = width
    self.channels = channels
  }

  var byteCount: Int { height * width * channels }
}

/// An image of 8 bits a channel, rows from the top, the channels of a pixel together.
struct RasterImage: Sendable, Equatable {
  var extents: RasterExtents
  var pixels: [UInt8]

  /// Extents of the image in `bytes`, whose first bytes say which format they are.
  static func header(of bytes: UnsafeRawBufferPointer, path: String) throws(DatasetError) -> RasterExtents {
    switch try ImageFormat(bytes, path: path) {
    case .png: try PNG.header(of: bytes, path: path)
    case .jpeg: try JPEG.header(of: bytes, path: path)
    }
  }

  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws(DatasetError) -> RasterImage {
    switch try ImageFormat(bytes, path: path) {
    case .png: try PNG.decode(bytes, path: path)
    case .jpeg: try JPEG.decode(bytes, path: path)
    }
  }

  /// The image in shades of grey, (19595 R + 38470 G + 7471 B + 32768) >> 16 (ITU-R BT.601 in 16 bits), or with its
  /// shade as all three colours.
  func converted(toChannels channels: Int) -> RasterImage {
    guard channels != extents.channels else { return self }
    let count = extents.height * extents.width
    var result = [UInt8](repeating: 0, count: count * channels)
    for pixel in 0..<count {
      if channels == 3 {
        for channel in 0..<3 { result[3 * pixel + channel] = pixels[pixel] }
      } else {
        let (red, green, blue) = (Int(pixels[3 * pixel]), Int(pixels[3 * pixel + 1]), Int(pixels[3 * pixel + 2]))
        result[pixel] = UInt8((19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16)
      }
    }
    return RasterImage(extents: extents.with(channels: channels), pixels: result)
  }
}

extension RasterExtents {
  private init(_ other: RasterExtents, channels: Int) {
    height = other.height
    width = other.width
    self.channels = channels
  }

  func with(channels: Int) -> RasterExtents { RasterExtents(self, channels: channels) }
}

private enum ImageFormat {
  case png, jpeg

  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(DatasetError) {
    if bytes.starts(with: PNG.signature) {
      self = .png
    } else if bytes.starts(with: JPEG.signature) {
      self = .jpeg
    } else {
      throw .malformed(
        path: path, field: "first bytes", expected: "those of PNG or JPEG", found: bytes.isEmpty ? "none" : "others")
    }
  }
}
