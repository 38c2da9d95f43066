import CPNG

/// The PNG format, through libpng.
///
/// Samples come in 8 bits: those of 16 are rounded to v / 257, fewer bits are spread to the whole range, palettes are
/// looked up, and what is transparent lies over black. Notes about gamma and colour spaces are not applied.
enum PNG {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Extents from the header: rows, columns, 1 for shades of grey or 3 for colours.
  static func header(of bytes: UnsafeRawBufferPointer, path: String) throws(DatasetError) -> RasterExtents {
    try read(bytes, into: nil, path: path)
  }

  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws(DatasetError) -> RasterImage {
    let extents = try header(of: bytes, path: path)
    var pixels = [UInt8](repeating: 0, count: extents.byteCount)
    _ = try pixels.withUnsafeMutableBufferPointer { (pixels) throws(DatasetError) in
      try read(bytes, into: pixels, path: path)
    }
    return RasterImage(extents: extents, pixels: pixels)
  }

  private static func read(
    _ bytes: UnsafeRawBufferPointer, into pixels: UnsafeMutableBufferPointer<UInt8>?, path: String
  ) throws(DatasetError) -> RasterExtents {
    var (height, width, channels): (UInt32, UInt32, Int32) = (0, 0, 0)
    var message = [CChar](repeating: 0, count: PARE_PNG_MESSAGE_BYTES)
    let status = pare_png_read(
      bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, &height, &width, &channels,
      pixels?.baseAddress, pixels?.count ?? 0, &message)
    guard status == 0 else {
      let reason = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw .undecodable(path: path, format: "PNG", reason: reason)
    }
    return try RasterExtents(height: Int(height), width: Int(width), channels: Int(channels), path: path)
  }

  /// The bytes of a file with the image, at zlib's default level.
  static func encode(_ raster: RasterImage, path: String) throws(DatasetError) -> [UInt8] {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(raster.extents.width)
    image.height = UInt32(raster.extents.height)
    image.format = raster.extents.channels == 3 ? UInt32(PNG_FORMAT_FLAG_COLOR) : 0
    defer { png_image_free(&image) }
    // The first call only counts.
    var size = 0
    var isEncoded = png_image_write_to_memory(&image, nil, &size, 0, raster.pixels, 0, nil) != 0
    var file = [UInt8](repeating: 0, count: size)
    isEncoded = isEncoded && png_image_write_to_memory(&image, &file, &size, 0, raster.pixels, 0, nil) != 0
    guard isEncoded else {
      let reason = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw .unwritable(path: path, reason: reason)
    }
    return [UInt8](file.prefix(size))
  }
}
