/// The ONNX attribute `coordinate_transformation_mode`.
public enum CoordinateTransformation: String, Sendable, CaseIterable {
  case halfPixel = "half_pixel"
  case halfPixelSymmetric = "half_pixel_symmetric"
  case pytorchHalfPixel = "pytorch_half_pixel"
  case alignCorners = "align_corners"
  case asymmetric
  case tfCropAndResize = "tf_crop_and_resize"
  /// Opsets 11 and 12 only.
  case tfHalfPixelForNearest = "tf_half_pixel_for_nn"
}

/// The ONNX attribute `nearest_mode`.
public enum NearestMode: String, Sendable, CaseIterable {
  case roundPreferFloor = "round_prefer_floor"
  case roundPreferCeil = "round_prefer_ceil"
  case floor, ceil
}

/// How one axis of a tensor is resized.
public struct ResizeAxis: Sendable, Equatable {
  public let input: Int
  public let output: Int
  /// Output elements per input element; finite and positive.
  public let scale: Float
  /// The output's length before it was cut to whole elements.
  public let outputLength: Float
  /// The part of the input that is resized, as fractions of its length (`tfCropAndResize`).
  public let regionStart: Float
  public let regionEnd: Float

  public init(
    input: Int, output: Int, scale: Float, outputLength: Float, regionStart: Float = 0, regionEnd: Float = 1
  ) {
    self.input = input
    self.output = output
    self.scale = scale
    self.outputLength = outputLength
    self.regionStart = regionStart
    self.regionEnd = regionEnd
  }

  /// An axis that keeps its length.
  public init(unchanged extent: Int) {
    self.init(input: extent, output: extent, scale: 1, outputLength: Float(extent))
  }

  /// Whether every output element is the input element of the same index.
  func isIdentity(_ transformation: CoordinateTransformation) -> Bool {
    guard input == output, scale == 1 else { return false }
    return switch transformation {
    case .tfCropAndResize: regionStart == 0 && regionEnd == 1
    // Its coordinates lie half an element to the right.
    case .tfHalfPixelForNearest: false
    case .halfPixel, .halfPixelSymmetric, .pytorchHalfPixel, .alignCorners, .asymmetric: true
    }
  }

  /// The position in the input, in elements, of output element `index`, in Float as onnxruntime computes it.
  ///
  /// `alignCorners` counts the uncut output length, as the ONNX test vectors do and onnxruntime does not.
  public func inputCoordinate(of index: Int, _ transformation: CoordinateTransformation) -> Float {
    let x = Float(index)
    let last = Float(input - 1)
    switch transformation {
    case .halfPixel: return (x + 0.5) / scale - 0.5
    case .halfPixelSymmetric:
      let center = Float(input) / 2
      return center * (1 - Float(output) / outputLength) + (x + 0.5) / scale - 0.5
    case .pytorchHalfPixel: return output > 1 ? (x + 0.5) / scale - 0.5 : 0
    case .alignCorners: return outputLength == 1 ? 0 : x * last / (outputLength - 1)
    case .asymmetric: return x / scale
    case .tfHalfPixelForNearest: return (x + 0.5) / scale
    case .tfCropAndResize:
      guard output > 1 else { return 0.5 * (regionStart + regionEnd) * last }
      return regionStart * last + x * (regionEnd - regionStart) * last / Float(output - 1)
    }
  }

  /// Whether a coordinate lies outside the input, where `tfCropAndResize` gives the extrapolation value.
  func isOutside(_ coordinate: Float, _ transformation: CoordinateTransformation) -> Bool {
    transformation == .tfCropAndResize && !(coordinate >= 0 && coordinate <= Float(input - 1))
  }

  /// For each output element the input element nearest to it; nil where the extrapolation value stands.
  public func nearestIndices(_ transformation: CoordinateTransformation, _ mode: NearestMode) -> [Int?] {
    if isIdentity(transformation) { return (0..<output).map(\.self) }
    return (0..<output).map { index in
      let coordinate = inputCoordinate(of: index, transformation)
      if isOutside(coordinate, transformation) { return nil }
      let rounded: Float =
        switch mode {
        case .roundPreferFloor: (coordinate - 0.5).rounded(.up)
        case .roundPreferCeil: (coordinate + 0.5).rounded(.down)
        case .floor: coordinate.rounded(.down)
        case .ceil: coordinate.rounded(.up)
        }
      return clampedIndex(rounded)
    }
  }

  /// A coordinate without a fraction as an index inside the input; NaN, which only a hostile region gives, is 0.
  func clampedIndex(_ coordinate: Float) -> Int {
    guard coordinate > 0 else { return 0 }
    return coordinate >= Float(input - 1) ? input - 1 : Int(coordinate)
  }
}
