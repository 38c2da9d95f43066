/// `Augmentation` bound to the samples of one data set.
struct SampleAugmenter: Sendable {
  let augmentation: Augmentation
  private let seed: UInt64
  /// Nil where the samples are no images, and then nothing moves pixels.
  private let extents: ImageExtents?
  /// For each channel, preprocessed.
  private let fill: [Float]

  /// Throws `notImages` where pixels should move and there are none.
  init(_ augmentation: Augmentation, dataset: Dataset, seed: UInt64) throws(DatasetError) {
    self.augmentation = augmentation
    self.seed = seed
    extents = dataset.imageExtents
    guard extents != nil || !augmentation.isForImages else {
      throw .notImages(path: dataset.specification.path, key: "augment", sampleShape: dataset.sampleShape)
    }
    fill = dataset.preprocessed(augmentation.fill)
  }

  /// Changes one sample in place; `scratch` has its size.
  func apply(
    to sample: UnsafeMutableBufferPointer<Float>, index: Int, epoch: Int, scratch: UnsafeMutableBufferPointer<Float>
  ) {
    var random = SeededRandom(
      seed, RandomPurpose.augmentation.rawValue, UInt64(bitPattern: Int64(epoch)), UInt64(index))
    if let extents, let base = sample.baseAddress, let copy = scratch.baseAddress {
      let map = drawMap(extents, &random)
      if augmentation.isGeometric {
        copy.update(from: base, count: sample.count)
        map.resample(copy, to: base, extents: extents, fill: fill)
      }
      cutOut(base, extents, &random)
    }
    guard augmentation.noise > 0 else { return }
    for position in sample.indices { sample[position] += augmentation.noise * Float(random.normal()) }
  }

  /// Everything is drawn whether it is used or not, so that switching one change on leaves the others alone.
  private func drawMap(_ extents: ImageExtents, _ random: inout SeededRandom) -> AffineMap {
    func either(_ greatest: Float) -> Double { random.number(from: -Double(greatest), to: Double(greatest)) }
    let flipsX = random.unit() < 0.5 && (augmentation.flip == .horizontal || augmentation.flip == .both)
    let flipsY = random.unit() < 0.5 && (augmentation.flip == .vertical || augmentation.flip == .both)
    let scale = random.number(from: Double(augmentation.scale.lowerBound), to: Double(augmentation.scale.upperBound))
    let shear = either(augmentation.shear)
    let rotation = either(augmentation.rotation)
    var map = AffineMap(
      flipsX: flipsX, flipsY: flipsY, scale: scale, shearDegrees: shear, rotationDegrees: rotation)
    map.shiftY = either(augmentation.verticalShift) * Double(extents.height)
    map.shiftX = either(augmentation.horizontalShift) * Double(extents.width)
    let padding = augmentation.cropPadding
    map.shiftY += Double(random.integer(below: 2 * padding + 1) - padding)
    map.shiftX += Double(random.integer(below: 2 * padding + 1) - padding)
    return map
  }

  private func cutOut(_ image: UnsafeMutablePointer<Float>, _ extents: ImageExtents, _ random: inout SeededRandom) {
    let side = augmentation.cutout
    let top = random.integer(below: extents.height) - side / 2
    let left = random.integer(below: extents.width) - side / 2
    guard side > 0 else { return }
    for y in max(top, 0)..<min(top + side, extents.height) {
      for x in max(left, 0)..<min(left + side, extents.width) {
        let offset = (y * extents.width + x) * extents.pixelStride
        for channel in 0..<extents.channels { image[offset + channel * extents.channelStride] = fill[channel] }
      }
    }
  }
}
