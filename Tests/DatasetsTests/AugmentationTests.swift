import Datasets
import HostTensors
import Testing

struct AffineMapTests {
  static let image: [Float] = [
    0, 4, 10, 18, 5, 17, 7, 14, 0, 11, 1, 16, 5, 15, 4, 18, 11, 6, 17, 7, 22, 16, 12, 10, 20, 13, 8, 5, 4, 5,
  ]

  private func resampled(_ map: AffineMap, _ image: [Float], _ extents: ImageExtents, fill: [Float]) -> [Float] {
    var target = [Float](repeating: .nan, count: image.count)
    image.withUnsafeBufferPointer { source in
      target.withUnsafeMutableBufferPointer { target in
        map.resample(source.baseAddress!, to: target.baseAddress!, extents: extents, fill: fill)
      }
    }
    return target
  }

  /// Recorded from scipy.ndimage.map_coordinates (order 1, grid-constant); rounded to 5 digits, and the elements,
  /// below 24, are each off by at most 4 roundings of Float32.
  @Test func rotationScaleShearFlipAndShiftAreOneBilinearResampling() {
    var map = AffineMap(flipsX: true, flipsY: false, scale: 1.2, shearDegrees: 10, rotationDegrees: 30)
    map.shiftX = 0.7
    map.shiftY = -1.3
    let expected: [Float] = [
      9.23536, 9.7097, 13.35607, 13.28488, 1.40924, 9.03454, 7.26563, 10.6745, 14.78509, 13.97661, 6.06328, 14.31441,
      5.84445, 5.34326, 10.97053, 20.02012, 12.46587, 11.57671, 8.96865, 7.05903, 6.17249, 11.59409, 10.63805, 12.6144,
      9.0, 9.0, 8.70424, 9.25694, 13.4146, 17.97353,
    ]
    let found = resampled(
      map, Self.image, ImageExtents(height: 5, width: 6, channels: 1, layout: .channelsLast), fill: [9])
    for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 0.5e-5 + 4 * 0x1p-19) }
  }

  /// Every whole shift of a 5 x 6 image of two channels in both layouts, with and without flips, bit for bit.
  @Test(arguments: ChannelLayout.allCases, [false, true])
  func wholePixelsMoveExactly(layout: ChannelLayout, flips: Bool) {
    let extents = ImageExtents(height: 5, width: 6, channels: 2, layout: layout)
    let image = (0..<60).map { Float($0) * 0.1 }
    func offset(_ y: Int, _ x: Int, _ channel: Int) -> Int {
      (y * 6 + x) * extents.pixelStride + channel * extents.channelStride
    }
    for shiftY in -6...6 {
      for shiftX in -7...7 {
        var map = AffineMap(flipsX: flips, flipsY: flips, scale: 1, shearDegrees: 0, rotationDegrees: 0)
        map.shiftX = Double(shiftX)
        map.shiftY = Double(shiftY)
        let found = resampled(map, image, extents, fill: [-1, -2])
        for y in 0..<5 {
          for x in 0..<6 {
            let fromY = flips ? 4 - (y - shiftY) : y - shiftY
            let fromX = flips ? 5 - (x - shiftX) : x - shiftX
            let isInside = (0..<5).contains(fromY) && (0..<6).contains(fromX)
            for channel in 0..<2 {
              let expected = isInside ? image[offset(fromY, fromX, channel)] : Float(-1 - channel)
              #expect(found[offset(y, x, channel)] == expected)
            }
          }
        }
      }
    }
  }
}

struct AugmentationTests {
  /// 40 images of 6 x 6 with values 10 to 60, and labels index mod 4.
  private static func images(_ scratch: Scratch, preprocess: String = "") throws -> Dataset {
    let pixels = (0..<1_440).map { (number: Int) -> UInt8 in UInt8(10 + (number * number * number + 7 * number) % 51) }
    try scratch.write(idx(type: 8, shape: [40, 6, 6], elements: pixels), as: "x-idx")
    try scratch.write(idx(type: 8, shape: [40], elements: (0..<40).map { UInt8($0 % 4) }), as: "y-idx")
    return try scratch.open("inputs: x-idx\nlabels: y-idx\n\(preprocess)")
  }

  private static func augmentation(_ mapping: String) throws -> Augmentation {
    let specification = try DatasetSpecification(yaml: "inputs: x\naugment: { \(mapping) }", path: "d")
    return try #require(specification.augmentation)
  }

  private static func batch(
    _ dataset: Dataset, _ mapping: String, seed: UInt64 = 1, epoch: Int = 0, size: Int = 40
  ) throws -> Batch {
    let batching = Batching(batchSize: size, seed: seed, augmentation: try augmentation(mapping))
    return try BatchSource(dataset, batching: batching).batch(0, epoch: epoch)
  }

  @Test func everyKeyIsRead() throws {
    var expected = Augmentation()
    (expected.verticalShift, expected.horizontalShift) = (0.1, 0.1)
    (expected.rotation, expected.scale, expected.shear) = (15, 0.9...1.1, 10)
    (expected.flip, expected.cropPadding, expected.cutout) = (.horizontal, 4, 8)
    (expected.noise, expected.fill, expected.mixup, expected.labelSmoothing) = (0.05, 255, 0.2, 0.1)
    let found = try Self.augmentation(
      """
      shift: 0.1, rotate: 15, scale: [0.9, 1.1], shear: 10, flip: horizontal, crop: { pad: 4 }, cutout: 8, noise: 0.05,
      fill: 255, mixup: 0.2, label_smoothing: 0.1
      """)
    #expect(found == expected)
    let shift = try Self.augmentation("shift: [0, 0.25]")
    #expect([shift.verticalShift, shift.horizontalShift] == [0, 0.25])
  }

  @Test(arguments: [
    "shift: 2", "shift: [0.1, 0.1, 0.1]", "rotate: -1", "scale: 1.1", "scale: [1.1, 0.9]", "scale: [0, 1]",
    "shear: 90", "flip: left", "crop: 4", "crop: { pad: -1 }", "crop: { size: 3 }", "cutout: 1.5", "noise: -1",
    "mixup: -0.1", "label_smoothing: 1", "blur: 3", "noise: nan",
  ])
  func whatCannotBeIsRefused(mapping: String) {
    #expect(throws: DatasetError.self) { try Self.augmentation(mapping) }
  }

  /// Every key is given, each with the value that stands for no change.
  @Test func identityParametersChangeNothing() throws {
    let scratch = try Scratch()
    let dataset = try Self.images(scratch, preprocess: "preprocess: { scale: 0.1, mean: [0.3], std: [0.7] }")
    let identity = "shift: 0, rotate: 0, scale: [1, 1], shear: 0, crop: { pad: 0 }, cutout: 0, noise: 0, mixup: 0"
    let batch = try Self.batch(dataset, identity)
    #expect(try batch.inputs.floats == dataset.stacked(batch.indices).floats)
    #expect(batch.probabilities == nil)
  }

  @Test func whatIsDrawnDependsOnSeedEpochAndSampleAlone() throws {
    let scratch = try Scratch()
    let dataset = try Self.images(scratch)
    let mapping =
      "shift: 0.2, rotate: 20, scale: [0.8, 1.2], shear: 5, flip: both, crop: { pad: 1 }, cutout: 2, noise: 1"
    let whole = try Self.batch(dataset, mapping, seed: 5, epoch: 3)
    #expect(try Self.batch(dataset, mapping, seed: 5, epoch: 3).inputs.floats == whole.inputs.floats)
    let part = try Self.batch(dataset, mapping, seed: 5, epoch: 3, size: 7)
    #expect(part.inputs.floats == [Float](whole.inputs.floats.prefix(7 * 36)))
    let otherEpoch = try Self.batch(dataset, mapping, seed: 5, epoch: 4)
    #expect(try otherEpoch.inputs.floats != dataset.stacked(otherEpoch.indices).floats)
    let row = try #require(otherEpoch.indices.firstIndex(of: whole.indices[0]))
    #expect(Array(otherEpoch.inputs.floats[row * 36..<(row + 1) * 36]) != Array(whole.inputs.floats[0..<36]))
  }

  @Test func flippedImagesAreTheImageOrItsMirrorAboutEquallyOften() throws {
    let scratch = try Scratch()
    let dataset = try Self.images(scratch)
    let batch = try Self.batch(dataset, "flip: horizontal")
    let plain = try dataset.stacked(batch.indices).floats
    let mirrored = plain.indices.map { (place: Int) -> Float in plain[place / 6 * 6 + 5 - place % 6] }
    let found = batch.inputs.floats
    var mirrors = 0
    for row in 0..<40 {
      let range = row * 36..<(row + 1) * 36
      let isMirror = found[range] == mirrored[range]
      #expect(isMirror || found[range] == plain[range])
      mirrors += isMirror ? 1 : 0
    }
    // Of 40 fair throws, more than 3.8 deviations from the mean have a chance below 1 in 5,000; the seed is fixed.
    #expect((8...32).contains(mirrors))
  }

  /// With padding 2 every offset of -2...2 occurs; what enters has the value that `fill` gives after preprocessing.
  @Test func croppingMovesWholePixelsAndFillsWithThePreprocessedValue() throws {
    let scratch = try Scratch()
    let dataset = try Self.images(scratch, preprocess: "preprocess: { scale: 0.5, offset: 1 }")
    var offsets: Set<[Int]> = []
    for epoch in 0..<5 {
      let batch = try Self.batch(dataset, "crop: { pad: 2 }, fill: 200", epoch: epoch)
      let plain = try dataset.stacked(batch.indices).floats
      let found = batch.inputs.floats
      for row in 0..<40 {
        let matches = (-2...2).flatMap { dy in (-2...2).map { [dy, $0] } }.filter { offset in
          (0..<36).allSatisfy { position in
            let (y, x) = (position / 6 - offset[0], position % 6 - offset[1])
            let isInside = (0..<6).contains(y) && (0..<6).contains(x)
            return found[row * 36 + position] == (isInside ? plain[row * 36 + y * 6 + x] : 101)
          }
        }
        #expect(matches.count == 1)
        offsets.formUnion(matches)
      }
    }
    #expect(offsets.count == 25)
  }

  @Test func cutoutFillsASquareAndLeavesTheRest() throws {
    let scratch = try Scratch()
    let dataset = try Self.images(scratch)
    let batch = try Self.batch(dataset, "cutout: 3")
    let plain = try dataset.stacked(batch.indices).floats
    let found = batch.inputs.floats
    for row in 0..<40 {
      let changed = (0..<36).filter { found[row * 36 + $0] != plain[row * 36 + $0] }
      #expect(changed.allSatisfy { found[row * 36 + $0] == 0 })
      let rows = Set(changed.map { $0 / 6 })
      let columns = Set(changed.map { $0 % 6 })
      #expect((2...3).contains(rows.count) && (2...3).contains(columns.count))
      #expect(changed.count == rows.count * columns.count)
      #expect(rows.max()! - rows.min()! == rows.count - 1 && columns.max()! - columns.min()! == columns.count - 1)
    }
  }

  /// 1,440 draws: the mean lies within 5 * 2 / sqrt(1440), the deviation within 5 * 2 / sqrt(2 * 1440) of theirs.
  @Test func noiseHasTheDeviationAskedFor() throws {
    let scratch = try Scratch()
    let dataset = try Self.images(scratch)
    let batch = try Self.batch(dataset, "noise: 2")
    let noise = zip(batch.inputs.floats, try dataset.stacked(batch.indices).floats).map { Double($0 - $1) }
    let mean = noise.reduce(0, +) / 1_440
    let deviation = (noise.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 1_440).squareRoot()
    #expect(abs(mean) < 0.264 && abs(deviation - 2) < 0.187)
  }

  @Test func mixedLabelsSayHowSamplesWereMixed() throws {
    let scratch = try Scratch()
    let dataset = try Self.images(scratch)
    let batch = try Self.batch(dataset, "mixup: 0.4", size: 9)
    let probabilities = try #require(batch.probabilities)
    #expect(probabilities.shape == [9, 4])
    let plain = try dataset.stacked(batch.indices).floats
    var mixed = 0
    for row in 0..<9 {
      let next = (row + 1) % 9
      let chances = Array(probabilities.floats[row * 4..<row * 4 + 4])
      // Shares s and 1 - s with s >= 1/2 are exact, so their sum is.
      #expect(chances.reduce(0, +) == 1)
      #expect(chances[batch.labels[row]] >= 0.5)
      guard batch.labels[row] != batch.labels[next] else { continue }
      let share = chances[batch.labels[row]]
      mixed += share < 1 ? 1 : 0
      for position in 0..<36 {
        let expected = share * plain[row * 36 + position] + (1 - share) * plain[next * 36 + position]
        #expect(batch.inputs.floats[row * 36 + position] == expected)
      }
    }
    #expect(mixed > 0)
  }

  @Test func smoothedLabelsSpreadTheirShareEvenly() throws {
    let scratch = try Scratch()
    let batch = try Self.batch(Self.images(scratch), "label_smoothing: 0.2", size: 5)
    let chances = try #require(batch.probabilities).floats
    for row in 0..<5 {
      for label in 0..<4 {
        let expected: Float = label == batch.labels[row] ? 0.85 : 0.05
        #expect(abs(chances[row * 4 + label] - expected) <= 0x1p-24)
      }
    }
  }

  @Test func targetsAreMixedAsTheirSamplesAre() throws {
    let scratch = try Scratch()
    try scratch.write(idx(type: 8, shape: [6, 1], elements: [0, 10, 20, 30, 40, 50]), as: "x-idx")
    try scratch.write("0\n20.5\n40\n60\n80\n100\n", as: "y.txt")
    let dataset = try scratch.open("inputs: x-idx\nlabels: y.txt\nrange: [2, 6]")
    let batch = try Self.batch(dataset, "mixup: 1", size: 4)
    for (input, target) in zip(batch.inputs.floats, batch.targets) { #expect(abs(target - 2 * input) < 100 * 0x1p-22) }
    #expect(batch.inputs.floats.contains { $0.truncatingRemainder(dividingBy: 10) != 0 })
  }

  @Test func onlyImagesCanBeMoved() throws {
    let scratch = try Scratch()
    try scratch.write(idx(type: 8, shape: [4, 3, 3, 2], elements: [UInt8](repeating: 1, count: 72)), as: "x-idx")
    let dataset = try scratch.open("inputs: x-idx")
    #expect(throws: DatasetError.notImages(path: scratch.path("data.yaml"), key: "augment", sampleShape: [3, 3, 2])) {
      try Self.batch(dataset, "rotate: 3")
    }
    #expect(throws: DatasetError.missingLabels(path: scratch.path("x-idx"))) {
      try Self.batch(dataset, "label_smoothing: 0.1")
    }
    let noisy = try Self.batch(dataset, "noise: 1", size: 2)
    #expect(noisy.inputs.floats.allSatisfy { $0 != 1 })
    for layout in ["NHWC", "NCHW"] {
      let known = try scratch.open("inputs: x-idx\npreprocess: { layout: \(layout) }")
      #expect(try Self.batch(known, "rotate: 3").inputs.count == 72)
    }
  }
}
