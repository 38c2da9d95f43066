import CZlib
import Datasets
import Foundation
import HostTensors
import Testing

extension Scratch {
  /// Writes under a path with folders, which are made.
  @discardableResult
  func write(_ bytes: [UInt8], under name: String) throws -> String {
    let folder = URL(fileURLWithPath: path(name)).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return try write(bytes, as: name)
  }

  /// Writes a grey picture of height x width with pixels start, start + 1...
  @discardableResult
  func writePicture(_ name: String, height: Int = 2, width: Int = 3, channels: Int = 1, start: Int = 0) throws -> String
  {
    try write([], under: name)
    let bytes = (0..<height * width * channels).map { UInt8(truncatingIfNeeded: start + $0) }
    try PNGImage(height: height, width: width, channels: channels, bytes: bytes).write(to: path(name))
    return path(name)
  }
}

struct ImageFolderTests {
  @Test func subfoldersAreClassesInTheOrderOfTheirNames() throws {
    let scratch = try Scratch()
    for (name, start) in [("x/dog/b.png", 30), ("x/dog/a.png", 20), ("x/cat/z.PNG", 10), ("x/Ant/y.png", 0)] {
      try scratch.writePicture(name, start: start)
    }
    try scratch.write([1], under: "x/cat/.hidden")
    let dataset = try scratch.open("inputs: x")
    #expect(dataset.classes == ["Ant", "cat", "dog"])
    #expect((0..<4).map { dataset.label($0) } == [0, 1, 2, 2])
    #expect(dataset.sampleShape == [2, 3, 1])
    #expect(try (0..<4).map { try dataset.sample($0).floats[0] } == [0, 10, 20, 30])
    #expect(dataset.skipped.isEmpty)
    let ordered = try scratch.open("inputs: x\nclasses: [dog, bird, cat, Ant]")
    #expect((0..<4).map { ordered.label($0) } == [0, 0, 2, 3])
    #expect(ordered.classCount == 4)
    let yaml = scratch.path("data.yaml")
    #expect(
      throws: DatasetError.wrongValue(
        path: yaml, key: "classes", expected: "the names of all sub-folders", found: "no Ant")
    ) { try scratch.open("inputs: x\nclasses: [dog, cat]") }
  }

  @Test func aFolderOfFilesTakesItsLabelsFromAFile() throws {
    let scratch = try Scratch()
    for (index, name) in ["x/10.png", "x/2.png", "x/1.png"].enumerated() {
      try scratch.writePicture(name, start: 10 * index)
    }
    #expect(try !scratch.open("inputs: x").hasLabels)
    try scratch.write("b\na\nb\n", as: "y.txt")
    let dataset = try scratch.open("inputs: x\nlabels: y.txt\nclasses: [a, b]")
    // By the bytes of the names: 1.png, 10.png, 2.png.
    #expect(try (0..<3).map { try dataset.sample($0).floats[0] } == [20, 0, 10])
    #expect((0..<3).map { dataset.label($0) } == [1, 0, 1])
  }

  @Test func theLayoutAndTheChannelsAreThoseAskedFor() throws {
    let scratch = try Scratch()
    try scratch.writePicture("x/a.png", channels: 3, start: 100)
    let first = try scratch.open("inputs: x\npreprocess: { layout: NCHW }")
    #expect(first.sampleShape == [3, 2, 3])
    #expect(try first.sample(0).floats[0..<6] == [100, 103, 106, 109, 112, 115])
    let grey = try scratch.open("inputs: x\npreprocess: { channels: 1 }")
    #expect(grey.sampleShape == [2, 3, 1])
    let expected = (0..<6).map { (pixel: Int) -> Float in
      let red = 100 + 3 * pixel
      return Float((19_595 * red + 38_470 * (red + 1) + 7_471 * (red + 2) + 32_768) >> 16)
    }
    #expect(try grey.sample(0).floats == expected)
    try scratch.writePicture("y/a.png", start: 7)
    let coloured = try scratch.open("inputs: y\npreprocess: { channels: 3 }")
    #expect(try coloured.sample(0).floats[0..<6] == [7, 7, 7, 8, 8, 8])
    #expect(throws: DatasetError.self) { try scratch.open("inputs: y\npreprocess: { channels: 2 }") }
  }

  @Test func interlacedAndPalettePNGAreReadAsTheyWereMade() throws {
    let scratch = try Scratch()
    try scratch.write(base64(ImageVectors.interlaced16Bit), under: "x/a.png")
    let deep = try scratch.open("inputs: x")
    #expect(deep.sampleShape == [4, 5, 3])
    #expect(try deep.sample(0).floats == ImageVectors.interlaced16BitPixels)
    try scratch.write(base64(ImageVectors.palette), under: "y/a.png")
    let palette = try scratch.open("inputs: y")
    #expect(palette.sampleShape == [3, 5, 3])
    #expect(try palette.sample(0).floats == ImageVectors.palettePixels)
  }

  /// The integer transform is within 1 of the exact one, and a chroma error of 1 moves a colour by up to 1.772.
  @Test func aJPEGIsDecodedWithinTheErrorOfItsIntegerTransform() throws {
    let scratch = try Scratch()
    try scratch.write(base64(ImageVectors.jpeg), under: "x/a.jpg")
    let dataset = try scratch.open("inputs: x")
    #expect(dataset.sampleShape == [9, 10, 3])
    let found = try dataset.sample(0).floats
    for (found, expected) in zip(found, ImageVectors.jpegPixels) { #expect(abs(found - expected) <= 3) }
    let meanError = zip(found, ImageVectors.jpegPixels).reduce(0) { $0 + abs($1.0 - $1.1) } / 270
    #expect(meanError < 0.5)
  }

  /// Recorded from numpy.interp along rows and columns, rounded to 5 digits.
  static let source: [UInt8] = [0, 16, 54, 13, 37, 53, 91, 50, 74, 90, 27, 87]
  static let resized: [Float] = [
    2.66667, 35.0, 19.83333, 17.46667, 49.8, 34.63333, 39.66667, 72.0, 56.83333, 61.86667, 63.9, 68.93333, 76.66667,
    58.5, 77.0,
  ]

  @Test func resizingIsLinearBetweenPixelCentres() throws {
    let scratch = try Scratch()
    try scratch.write([], under: "x/a.png")
    try PNGImage(height: 3, width: 4, channels: 1, bytes: Self.source).write(to: scratch.path("x/a.png"))
    try scratch.write(idx(type: 8, shape: [1, 3, 4], elements: Self.source), as: "y-idx")
    for inputs in ["x", "y-idx"] {
      let dataset = try scratch.open("inputs: \(inputs)\npreprocess: { size: [5, 3] }")
      #expect(dataset.sampleShape.filter { $0 > 1 } == [5, 3])
      for (found, expected) in zip(try dataset.sample(0).floats, Self.resized) {
        #expect(abs(found - expected) < 0.5e-5 + 3 * 0x1p-18)
      }
      let same = try scratch.open("inputs: \(inputs)\npreprocess: { size: [3, 4] }")
      #expect(try same.sample(0).floats == Self.source.map { Float($0) })
    }
  }

  @Test func resizingKeepsChannelsApartInBothLayouts() throws {
    let scratch = try Scratch()
    try scratch.write(idx(type: 8, shape: [1, 2, 2, 3], elements: (0..<12).map { $0 }), as: "x-idx")
    let last = try scratch.open("inputs: x-idx\npreprocess: { layout: NHWC, size: [1, 1] }")
    #expect(last.sampleShape == [1, 1, 3])
    #expect(try last.sample(0).floats == [4.5, 5.5, 6.5])
    let first = try scratch.open("inputs: x-idx\npreprocess: { layout: NCHW, size: [1, 3] }")
    #expect(first.sampleShape == [2, 1, 3])
    // Planes of 2 x 3 pixels: the mean of the two rows, and as many columns as before.
    #expect(try first.sample(0).floats == [1.5, 2.5, 3.5, 7.5, 8.5, 9.5])
    #expect(
      throws: DatasetError.notImages(path: scratch.path("data.yaml"), key: "preprocess.size", sampleShape: [2, 2, 3])
    ) {
      try scratch.open("inputs: x-idx\npreprocess: { size: [1, 1] }")
    }
  }

  @Test func imagesOfSeveralSizesNeedASize() throws {
    let scratch = try Scratch()
    try scratch.writePicture("x/a.png", height: 2, width: 3)
    let odd = try scratch.writePicture("x/b.png", height: 3, width: 3)
    #expect(throws: DatasetError.sampleShapeDiffers(path: odd, expected: [2, 3, 1], found: [3, 3, 1])) {
      try scratch.open("inputs: x")
    }
    #expect(try scratch.open("inputs: x\npreprocess: { size: [4, 4] }").count == 2)
  }

  @Test func foldersThatAreNoneAreRefused() throws {
    let scratch = try Scratch()
    try scratch.writePicture("mixed/a/a.png")
    try scratch.writePicture("mixed/b.png")
    #expect(throws: DatasetError.self) { try scratch.open("inputs: mixed") }
    try scratch.writePicture("deep/a/b/c.png")
    #expect(throws: DatasetError.self) { try scratch.open("inputs: deep") }
    try FileManager.default.createDirectory(atPath: scratch.path("empty"), withIntermediateDirectories: false)
    #expect(
      throws: DatasetError.malformed(
        path: scratch.path("empty"), field: "files", expected: "at least one of .png, .jpg, .jpeg", found: "none")
    ) { try scratch.open("inputs: empty") }
    let text = try scratch.write([1], under: "other/notes.txt")
    #expect {
      try scratch.open("inputs: other")
    } throws: { error in
      if case DatasetError.unsupportedFormat(text, "text", _) = error { true } else { false }
    }
    try scratch.writePicture("x/a.png")
    for yaml in ["inputs: x/a.png", "inputs: data.yaml\non_error: skip", "inputs: x\non_error: no"] {
      #expect(throws: DatasetError.self) { try scratch.open(yaml) }
    }
  }

  @Test func aPictureThatCannotBeWrittenLeavesNothingBehind() throws {
    let scratch = try Scratch()
    let picture = PNGImage(height: 1, width: 1, channels: 1, bytes: [5])
    #expect(throws: DatasetError.self) { try picture.write(to: scratch.path("nowhere/a.png")) }
    // A folder is in the way of the last step, the renaming.
    try scratch.write([1], under: "a.png/file")
    #expect(throws: DatasetError.self) { try picture.write(to: scratch.path("a.png")) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path) == ["a.png"])
  }
}

struct DamagedImageTests {
  private func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = [UInt8](type.utf8) + data
    return bigEndian(UInt32(data.count)) + body + bigEndian(UInt32(crc32(0, body, UInt32(body.count))))
  }

  @Test func hugeImagesAreRefusedBeforeAnythingIsAllocated() throws {
    let scratch = try Scratch()
    let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    let header = bigEndian(UInt32(900_000)) + bigEndian(UInt32(800_000)) + [8, 2, 0, 0, 0]
    let png = try scratch.write(
      signature + chunk("IHDR", header) + chunk("IDAT", []) + chunk("IEND", []), under: "x/a.png")
    let expected = DatasetError.imageTooLarge(path: png, height: 800_000, width: 900_000, limitPixels: 1 << 26)
    #expect(throws: expected) { try scratch.open("inputs: x") }

    var bytes = try base64(ImageVectors.jpeg)
    let frame = try #require(bytes.indices.dropLast(8).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    bytes.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
    let jpeg = try scratch.write(bytes, under: "y/a.jpg")
    #expect(throws: DatasetError.imageTooLarge(path: jpeg, height: 65_500, width: 65_500, limitPixels: 1 << 26)) {
      try scratch.open("inputs: y\non_error: stop")
    }
  }

  /// Cut anywhere after their headers, both formats say so and name the file.
  @Test(arguments: ["a.png", "a.jpg"])
  func cutFilesAreDamagedOnes(name: String) throws {
    let scratch = try Scratch()
    let whole = try base64(name == "a.png" ? ImageVectors.interlaced16Bit : ImageVectors.jpeg)
    for kept in [0, 5, 20, whole.count - 60, whole.count - 14] {
      let path = try scratch.write([UInt8](whole.prefix(kept)), under: "x/" + name)
      #expect {
        try scratch.open("inputs: x").sample(0)
      } throws: { error in
        switch error {
        case DatasetError.undecodable(path, _, let reason): !reason.isEmpty
        case DatasetError.malformed(path, "first bytes", _, _): kept < 8
        default: false
        }
      }
    }
  }

  @Test func damagedFilesAreSkippedAndListedOnRequest() throws {
    let scratch = try Scratch()
    let jpeg = try base64(ImageVectors.jpeg)
    for name in ["x/a/1.jpg", "x/a/4.jpg", "x/b/2.jpg"] { try scratch.write(jpeg, under: name) }
    let cut = try scratch.write([UInt8](jpeg.dropLast(40)), under: "x/a/2.jpg")
    let small = try scratch.writePicture("x/b/1.png")
    let other = try scratch.write([1, 2, 3], under: "x/a/3.bmp")
    let dataset = try scratch.open("inputs: x\non_error: skip")
    #expect(dataset.count == 3)
    #expect((0..<3).map { dataset.label($0) } == [0, 0, 1])
    #expect(dataset.skipped.map(\.path) == [cut, other, small])
    #expect(dataset.skipped[2].error == .sampleShapeDiffers(path: small, expected: [9, 10, 3], found: [2, 3, 1]))
    // A cut file has a good header, so without skipping it is found where its sample is asked for.
    try FileManager.default.removeItem(atPath: small)
    try FileManager.default.removeItem(atPath: other)
    let strict = try scratch.open("inputs: x")
    #expect(strict.count == 4)
    #expect(try strict.sample(0).count == 270)
    #expect(throws: DatasetError.self) { try strict.sample(1) }
    #expect(throws: DatasetError.self) {
      try BatchSource(strict, batching: Batching(batchSize: 4)).reader(epoch: 0).next()
    }
  }

  @Test func labelsOfSkippedFilesAreSkippedToo() throws {
    let scratch = try Scratch()
    for name in ["x/1.png", "x/3.png"] { try scratch.writePicture(name) }
    try scratch.write([1, 2, 3], under: "x/2.png")
    try scratch.write("5\n6\n7\n", as: "y.txt")
    let dataset = try scratch.open("inputs: x\nlabels: y.txt\non_error: skip")
    #expect([dataset.label(0), dataset.label(1)] == [5, 7])
    try scratch.write("5.5\n6\n7\n", as: "y.txt")
    #expect(try scratch.open("inputs: x\nlabels: y.txt\non_error: skip").target(1) == [7])
    try scratch.write("5\n6\n", as: "y.txt")
    #expect(throws: DatasetError.labelCountDiffers(path: scratch.path("y.txt"), labels: 2, samples: 3)) {
      try scratch.open("inputs: x\nlabels: y.txt\non_error: skip")
    }
    try scratch.write([1], under: "z/1.png")
    #expect(throws: DatasetError.self) { try scratch.open("inputs: z\non_error: skip") }
  }

  @Test func keptSamplesAreThoseThatWereDecoded() throws {
    let scratch = try Scratch()
    try scratch.write(base64(ImageVectors.jpeg), under: "x/a.jpg")
    try scratch.write(base64(ImageVectors.jpeg), under: "x/b.jpg")
    for (size, limit) in [("", 1 << 20), (", size: [5, 7]", 1 << 20), ("", 300)] {
      let plain = try scratch.open("inputs: x\npreprocess: { scale: 0.5\(size) }")
      let kept = plain.keepingDecodedSamples(limitBytes: limit)
      for _ in 0..<2 { #expect(try kept.stacked([0, 1]).floats == plain.stacked([0, 1]).floats) }
    }
    let kept = try scratch.open("inputs: x").keepingDecodedSamples(limitBytes: 300)
    _ = try kept.sample(0)
    _ = try kept.sample(1)
    try scratch.write([0], under: "x/a.jpg")
    try scratch.write([0], under: "x/b.jpg")
    // One sample of 270 bytes fits into 300: the first comes from memory, the second from its file.
    #expect(try kept.sample(0).count == 270)
    #expect(throws: DatasetError.self) { try kept.sample(1) }
  }

  /// Seeds 21 to 24, one for each file; 1,000 changed copies each.
  @Test(arguments: ["deep.png", "palette.png", "colour.jpg", "grey.png"].enumerated().map { $0 })
  func changedBytesGiveATypedErrorOrReadableSamples(seed: Int, name: String) throws {
    let scratch = try Scratch()
    let original = try example(name, scratch)
    var random = SplitMix64(state: UInt64(21 + seed))
    var refused = 0
    for _ in 0..<1_000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
      try scratch.write(bytes, under: "x/" + name)
      do {
        let dataset = try scratch.open("inputs: x\npreprocess: { size: [6, 5], channels: 3 }")
        #expect(try dataset.sample(0).count == 90)
      } catch is DatasetError {
        refused += 1
      }
    }
    #expect(refused > 400)
  }

  private func example(_ name: String, _ scratch: Scratch) throws -> [UInt8] {
    switch name {
    case "deep.png": return try base64(ImageVectors.interlaced16Bit)
    case "palette.png": return try base64(ImageVectors.palette)
    case "colour.jpg": return try base64(ImageVectors.jpeg)
    default:
      return try [UInt8](Data(contentsOf: URL(fileURLWithPath: scratch.writePicture("y.png", height: 9, width: 9))))
    }
  }
}
