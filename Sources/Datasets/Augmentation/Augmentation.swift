import Yams

/// Random changes to training samples that a network should not mind.
///
/// Geometric changes are composed and resampled once: flip, then scale, shear and rotate about the centre of the
/// image, then shift and crop. Cutout and noise follow, then mixup. What is drawn for a sample depends on the seed,
/// the epoch and the sample's index alone, and what one change draws does not depend on the others.
public struct Augmentation: Sendable, Equatable {
  public enum Flip: String, Sendable, CaseIterable {
    case horizontal, vertical, both
  }

  /// Greatest shift as a fraction of the height.
  public var verticalShift: Float = 0
  /// Greatest shift as a fraction of the width.
  public var horizontalShift: Float = 0
  /// Greatest angle in degrees, either way.
  public var rotation: Float = 0
  /// Magnifications, drawn evenly.
  public var scale: ClosedRange<Float> = 1...1
  /// Greatest angle in degrees by which vertical lines lean, either way.
  public var shear: Float = 0
  /// Mirroring along each axis named, with probability one half.
  public var flip: Flip?
  /// Pixels of border added on every side, of which as many are then cut away at random places.
  public var cropPadding = 0
  /// Side in pixels of a square that is filled; its centre is any pixel of the image.
  public var cutout = 0
  /// Deviation of normal noise added to every element, in units of the preprocessed sample.
  public var noise: Float = 0
  /// The value of a pixel from outside of the image, as stored: it is preprocessed as pixels are.
  public var fill: Float = 0
  /// Parameter of the Beta distribution of the shares in which two samples are mixed; 0 for none
  /// (Zhang et al., "mixup", 2018).
  public var mixup: Float = 0
  /// The share of each label that is spread evenly over all classes (Szegedy et al. 2016).
  public var labelSmoothing: Float = 0

  public init() {}

  /// Whether pixels move or are filled, which only images have.
  public var isForImages: Bool { isGeometric || cutout > 0 }

  var isGeometric: Bool {
    verticalShift != 0 || horizontalShift != 0 || rotation != 0 || scale != 1...1 || shear != 0 || flip != nil
      || cropPadding != 0
  }
}

extension Augmentation {
  private static let keys = [
    "shift", "rotate", "scale", "shear", "flip", "crop", "cutout", "noise", "fill", "mixup", "label_smoothing",
  ]

  /// Reads the mapping `node` that stands under `key` in the file at `path`.
  ///
  /// Throws `unknownKey` and `wrongValue`.
  public init(_ node: Node, path: String, key: String = "augment") throws(DatasetError) {
    try self.init(StrictMapping(node, path: path, key: key))
  }

  init(_ mapping: StrictMapping) throws(DatasetError) {
    try mapping.allowOnly(Self.keys)
    let shifts = try mapping.bounded("shift", 0...1, counts: 1...2) ?? [0]
    verticalShift = shifts[0]
    horizontalShift = shifts[shifts.count - 1]
    rotation = try mapping.bounded("rotate", 0...180)
    shear = try mapping.bounded("shear", 0...80)
    if let bounds = try mapping.bounded("scale", 0.01...100, counts: 2...2) {
      guard bounds[0] <= bounds[1] else {
        throw mapping.wrong("scale", expected: "[low, high] with low <= high", found: "\(bounds)")
      }
      scale = bounds[0]...bounds[1]
    }
    if let name = try mapping.text("flip") {
      flip = Flip(rawValue: name)
      if flip == nil { throw mapping.wrong("flip", expected: "horizontal, vertical or both", found: name) }
    }
    if let crop = try mapping.mapping("crop") {
      try crop.allowOnly(["pad"])
      cropPadding = try crop.integer("pad", 0...65_536) ?? 0
    }
    cutout = try mapping.integer("cutout", 0...65_536) ?? 0
    noise = try mapping.bounded("noise", 0...Float.greatestFiniteMagnitude)
    fill = try mapping.number("fill") ?? 0
    mixup = try mapping.bounded("mixup", 0...1_000)
    labelSmoothing = try mapping.bounded("label_smoothing", 0...0.99)
  }
}

extension StrictMapping {
  /// The number under `key`, which must lie in `bounds`, or 0.
  fileprivate func bounded(_ key: String, _ bounds: ClosedRange<Float>) throws(DatasetError) -> Float {
    try bounded(key, bounds, counts: 1...1)?[0] ?? 0
  }

  /// As many numbers under `key` as `counts` allows, all in `bounds`.
  fileprivate func bounded(
    _ key: String, _ bounds: ClosedRange<Float>, counts: ClosedRange<Int>
  ) throws(DatasetError) -> [Float]? {
    guard let numbers = try oneOrMoreNumbers(key) else { return nil }
    guard counts.contains(numbers.count), numbers.allSatisfy(bounds.contains) else {
      let count = counts.lowerBound == counts.upperBound ? "\(counts.lowerBound)" : "1 or 2"
      throw wrong(
        key, expected: "\(count) of \(bounds.lowerBound) to \(bounds.upperBound)", found: "\(numbers)")
    }
    return numbers
  }
}
