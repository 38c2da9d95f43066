import CJPEG

/// The JPEG format, through the TurboJPEG interface: the exact integer transform, smooth chroma.
///
/// A warning of the library, which truncated data gives, is taken for damage. The orientation that a camera notes
/// is not applied.
enum JPEG {
  static let signature: [UInt8] = [0xFF, 0xD8, 0xFF]

  /// Extents from the header: rows, columns, 1 for shades of grey or 3 for colours.
  static func header(of bytes: UnsafeRawBufferPointer, path: String) throws(DatasetError) -> RasterExtents {
    try withDecoder(path: path) { (decoder) throws(DatasetError) in try header(of: bytes, decoder, path: path) }
  }

  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws(DatasetError) -> RasterImage {
    try withDecoder(path: path) { (decoder) throws(DatasetError) in
      let extents = try header(of: bytes, decoder, path: path)
      var pixels = [UInt8](repeating: 0, count: extents.byteCount)
      let format = extents.channels == 3 ? TJPF_RGB : TJPF_GRAY
      // Files of endlessly many scans would cost hours.
      let flags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS | TJFLAG_STOPONWARNING
      let status = tjDecompress2(
        decoder, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(bytes.count), &pixels,
        Int32(extents.width), 0, Int32(extents.height), Int32(format.rawValue), Int32(flags))
      guard status == 0 else { throw damaged(decoder, path: path) }
      return RasterImage(extents: extents, pixels: pixels)
    }
  }

  private static func header(
    of bytes: UnsafeRawBufferPointer, _ decoder: tjhandle, path: String
  ) throws(DatasetError) -> RasterExtents {
    var (width, height, subsampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    let status = tjDecompressHeader3(
      decoder, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(bytes.count), &width, &height,
      &subsampling, &colours)
    guard status == 0 else { throw damaged(decoder, path: path) }
    // A file of tables alone has no frame, and the library finds nothing wrong with that.
    guard width > 0, height > 0 else {
      throw .undecodable(path: path, format: "JPEG", reason: "there is no image in it")
    }
    if colours == Int32(TJCS_CMYK.rawValue) || colours == Int32(TJCS_YCCK.rawValue) {
      throw .unsupportedVariant(path: path, found: "a JPEG in CMYK")
    }
    return try RasterExtents(
      height: Int(height), width: Int(width), channels: colours == Int32(TJCS_GRAY.rawValue) ? 1 : 3, path: path)
  }

  private static func withDecoder<R>(
    path: String, _ body: (tjhandle) throws(DatasetError) -> R
  ) throws(DatasetError) -> R {
    guard let decoder = tjInitDecompress() else {
      throw .undecodable(path: path, format: "JPEG", reason: "the decoder cannot be started")
    }
    defer { tjDestroy(decoder) }
    return try body(decoder)
  }

  private static func damaged(_ decoder: tjhandle, path: String) -> DatasetError {
    let reason = tjGetErrorStr2(decoder).map { String(cString: $0) } ?? "unknown"
    return .undecodable(path: path, format: "JPEG", reason: reason)
  }
}
