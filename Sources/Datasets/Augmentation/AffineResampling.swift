import Glibc

/// How the elements of an image lie in memory.
package struct ImageExtents: Sendable, Equatable {
  package var height: Int
  package var width: Int
  package var channels: Int
  /// Elements from one pixel of a row to the next.
  package var pixelStride: Int
  /// Elements from one channel of a pixel to the next.
  package var channelStride: Int

  package init(height: Int, width: Int, channels: Int, layout: ChannelLayout) {
    self.height = height
    self.width = width
    self.channels = channels
    pixelStride = layout == .channelsLast ? channels : 1
    channelStride = layout == .channelsLast ? 1 : height * width
  }

  /// Nil where `shape` is no image: [height, width], or three axes with their channels where `layout` says.
  package init?(shape: [Int], layout: ChannelLayout?) {
    switch (shape.count, layout) {
    case (2, _): self.init(height: shape[0], width: shape[1], channels: 1, layout: .channelsFirst)
    case (3, .channelsFirst): self.init(height: shape[1], width: shape[2], channels: shape[0], layout: .channelsFirst)
    case (3, .channelsLast): self.init(height: shape[0], width: shape[1], channels: shape[2], layout: .channelsLast)
    default: return nil
    }
  }
}

/// A linear map of the plane about an image's centre and a shift, in pixels: out = matrix * in + shift.
package struct AffineMap: Sendable, Equatable {
  package var xx = 1.0
  package var xy = 0.0
  package var yx = 0.0
  package var yy = 1.0
  package var shiftX = 0.0
  package var shiftY = 0.0

  package init() {}

  /// Flip, scale, shear (x gains tan(shear) * y), rotate (from x towards y), in this order.
  package init(flipsX: Bool, flipsY: Bool, scale: Double, shearDegrees: Double, rotationDegrees: Double) {
    let scaleX = flipsX ? -scale : scale
    let scaleY = flipsY ? -scale : scale
    let lean = tan(shearDegrees * .pi / 180)
    // The sine of 0 is 0 and its cosine 1 exactly, so without rotation the entries are the scales themselves.
    let cosine = cos(rotationDegrees * .pi / 180)
    let sine = sin(rotationDegrees * .pi / 180)
    xx = cosine * scaleX
    xy = (cosine * lean - sine) * scaleY
    yx = sine * scaleX
    yy = (sine * lean + cosine) * scaleY
  }

  /// Writes to `target` the image in `source` as the map moves it.
  ///
  /// The output pixel (x, y), whose centre is at (x + 0.5, y + 0.5), takes the bilinear mean of the four pixels whose
  /// centres surround the place that the map takes there; pixels outside of the image have the value `fill` of their
  /// channel. A map that moves pixels onto pixels copies them.
  package func resample(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, extents: ImageExtents, fill: [Float]
  ) {
    let determinant = xx * yy - xy * yx
    let inverse = (xx: yy / determinant, xy: -xy / determinant, yx: -yx / determinant, yy: xx / determinant)
    let centreX = Double(extents.width) / 2
    let centreY = Double(extents.height) / 2
    let copies =
      abs(xx) == 1 && abs(yy) == 1 && xy == 0 && yx == 0 && shiftX == shiftX.rounded() && shiftY == shiftY.rounded()
    for y in 0..<extents.height {
      let outY = Double(y) + 0.5 - centreY - shiftY
      for x in 0..<extents.width {
        let outX = Double(x) + 0.5 - centreX - shiftX
        let place = Place(
          x: inverse.xx * outX + inverse.xy * outY + centreX - 0.5,
          y: inverse.yx * outX + inverse.yy * outY + centreY - 0.5,
          extents: extents)
        let offset = (y * extents.width + x) * extents.pixelStride
        for channel in 0..<extents.channels {
          let channelOffset = channel * extents.channelStride
          target[offset + channelOffset] = place.value(
            of: source + channelOffset, fill: fill[channel], copies: copies)
        }
      }
    }
  }
}

/// A place between pixels: the four around it, those outside of the image marked by a negative offset.
private struct Place {
  private var topLeft = -1
  private var topRight = -1
  private var bottomLeft = -1
  private var bottomRight = -1
  private var weightX: Float = 0
  private var weightY: Float = 0

  /// `x` and `y` count from the centre of the first pixel.
  @inline(__always)
  init(x: Double, y: Double, extents: ImageExtents) {
    guard x > -1, y > -1, x < Double(extents.width), y < Double(extents.height) else { return }
    // Truncation is rounding down here, since both are at least 0 after adding one.
    let left = Int(x + 1) - 1
    let top = Int(y + 1) - 1
    weightX = Float(x - Double(left))
    weightY = Float(y - Double(top))
    let hasLeft = left >= 0
    let hasRight = left + 1 < extents.width
    let start = (top * extents.width + left) * extents.pixelStride
    if top >= 0 {
      if hasLeft { topLeft = start }
      if hasRight { topRight = start + extents.pixelStride }
    }
    if top + 1 < extents.height {
      let below = start + extents.width * extents.pixelStride
      if hasLeft { bottomLeft = below }
      if hasRight { bottomRight = below + extents.pixelStride }
    }
  }

  @inline(__always)
  func value(of source: UnsafePointer<Float>, fill: Float, copies: Bool) -> Float {
    let first = topLeft < 0 ? fill : source[topLeft]
    if copies { return first }
    let second = topRight < 0 ? fill : source[topRight]
    let third = bottomLeft < 0 ? fill : source[bottomLeft]
    let fourth = bottomRight < 0 ? fill : source[bottomRight]
    let upper = first + (second - first) * weightX
    let lower = third + (fourth - third) * weightX
    return upper + (lower - upper) * weightY
  }
}
