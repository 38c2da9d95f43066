import Datasets
import Foundation
import HostTensors
import Testing

private func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] { bigEndian(value).reversed() }

/// A WAV file of the bytes `data`, with a chunk of odd length before them.
private func wave(
  tag: Int = 1, bits: Int, channels: Int = 1, rate: Int = 8_000, isExtensible: Bool = false, data: [UInt8]
) -> [UInt8] {
  let block = channels * bits / 8
  var format = littleEndian(UInt16(isExtensible ? 0xFFFE : tag)) + littleEndian(UInt16(channels))
  format += littleEndian(UInt32(rate)) + littleEndian(UInt32(rate * block)) + littleEndian(UInt16(block))
  format += littleEndian(UInt16(bits))
  if isExtensible {
    format +=
      [22, 0] + littleEndian(UInt16(bits)) + [0, 0, 0, 0] + littleEndian(UInt16(tag)) + [UInt8](repeating: 9, count: 14)
  }
  func chunk(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
    [UInt8](name.utf8) + littleEndian(UInt32(bytes.count)) + bytes + (bytes.count % 2 == 1 ? [0] : [])
  }
  let body = [UInt8]("WAVE".utf8) + chunk("fmt ", format) + chunk("note", [1, 2, 3]) + chunk("data", data)
  return chunk("RIFF", body)
}

/// Sound that looks like nothing in particular, in 16 bits.
private func sound(_ count: Int) -> [UInt8] {
  (0..<count).flatMap { (k: Int) -> [UInt8] in
    let value = ((k * k * 7 + 13 * k) % 20_011 - 10_005 + (k * k * k) % 4_001) >> 1
    return littleEndian(Int16(value))
  }
}

struct SoundFolderTests {
  private static let waveform = "preprocess: { audio: { sample_rate: 8000, seconds: 0.0005 } }"

  static let encodings: [(bytes: [UInt8], expected: [Float])] = [
    (wave(bits: 8, data: [0, 64, 128, 255]), [-1, -0.5, 0, 0.9921875]),
    (wave(bits: 16, data: [0, 0x80, 0, 0xC0, 1, 0, 0xFF, 0x7F]), [-1, -0.5, 0x1p-15, 1 - 0x1p-15]),
    (wave(bits: 24, data: [0, 0, 0x80, 0, 0, 0xC0, 1, 0, 0, 0xFF, 0xFF, 0x7F]), [-1, -0.5, 0x1p-23, 1 - 0x1p-23]),
    (
      wave(bits: 32, data: [0, 0, 0, 0x80, 0, 0, 0, 0xC0, 0, 1, 0, 0, 0, 0xFF, 0xFF, 0x7F]),
      [-1, -0.5, 0x1p-23, 1 - 0x1p-23]
    ),
    (
      wave(tag: 3, bits: 32, data: ([-1.5, 0.25, 3e-9, 1] as [Float]).flatMap { littleEndian($0.bitPattern) }),
      [-1.5, 0.25, 3e-9, 1]
    ),
    (
      wave(bits: 16, isExtensible: true, data: [0, 0x80, 0, 0xC0, 1, 0, 0xFF, 0x7F]), [-1, -0.5, 0x1p-15, 1 - 0x1p-15]
    ),
    // Two channels, their mean; and shorter than asked for.
    (wave(bits: 16, channels: 2, data: [0, 0x40, 0, 0x20, 0, 0xC0, 0, 0]), [0.375, -0.25, 0, 0]),
    // Longer than asked for.
    (wave(bits: 8, data: [0, 64, 128, 255, 7, 7]), [-1, -0.5, 0, 0.9921875]),
  ]

  @Test(arguments: encodings)
  func samplesOfEachEncodingAreScaledToOne(bytes: [UInt8], expected: [Float]) throws {
    let scratch = try Scratch()
    try scratch.write(bytes, under: "x/a.wav")
    let dataset = try scratch.open("inputs: x\n" + Self.waveform)
    #expect(dataset.sampleShape == [4])
    #expect(try dataset.sample(0).floats == expected)
  }

  /// Recorded from numpy and scipy (rfft, get_window, interp, dct), rounded to 6 digits; values are below 32, so one
  /// rounding to Float32 is at most 2^-20.
  static let features: [(samples: Int, audio: String, shape: [Int], expected: [Float])] = [
    (
      800,
      "features: log-mel, sample_rate: 8000, seconds: 0.1, window_ms: 32, stride_ms: 16, mels: 8, low_hz: 100, high_hz: 4000",
      [5, 8],
      [
        1.283646, 2.689059, 3.313738, 2.733296, 1.970671, 2.123202, 1.874981, 1.902341, 0.316355, 0.64198, 1.162439,
        2.729725, 3.617295, 2.593178, 2.38668, 2.685753, -0.499688, 0.170415, 0.901029, 1.015183, 1.630273, 3.609423,
        3.387878, 2.299391, 0.715821, 1.059983, 1.079599, 1.060641, 1.618061, 1.921919, 3.539261, 3.700676, 0.884906,
        1.288031, 1.86389, 1.743663, 1.483372, 1.554045, 1.71332, 3.524899,
      ]
    ),
    (
      500,
      """
      features: mfcc, sample_rate: 8000, seconds: 0.1, window_ms: 25, stride_ms: 20, fft: 512, mels: 12, low_hz: 20,
      high_hz: 3500, coefficients: 5
      """,
      [4, 5],
      [
        7.374874, 0.438536, -1.431264, -1.747562, -1.337262, 6.203958, -3.276093, -1.419061, 0.96086, 0.520308,
        5.392788,
        -3.746164, 0.728928, -0.584659, -0.058481, -21.639832, -2.238543, 2.175109, -1.264121, -1.028247,
      ]
    ),
  ]

  @Test(arguments: features.indices)
  func featuresFollowTheirDefinition(index: Int) throws {
    let scratch = try Scratch()
    let (samples, audio, shape, expected) = Self.features[index]
    try scratch.write(wave(bits: 16, data: sound(samples)), under: "x/a.wav")
    let dataset = try scratch.open("inputs: x\npreprocess: { audio: { \(audio) } }")
    #expect(dataset.sampleShape == shape)
    for (found, expected) in zip(try dataset.sample(0).floats, expected) {
      #expect(abs(found - expected) < 0.5e-6 + 0x1p-20)
    }
  }

  @Test func silenceHasTheLogarithmOfTheFloor() throws {
    let scratch = try Scratch()
    try scratch.write(wave(bits: 16, data: [UInt8](repeating: 0, count: 1_600)), under: "x/a.wav")
    let dataset = try scratch.open(
      "inputs: x\npreprocess: { audio: { features: log-mel, sample_rate: 8000, seconds: 0.1 } }")
    // 800 samples; windows of 240 every 160, in 40 bands.
    #expect(dataset.sampleShape == [4, 40])
    #expect(try dataset.sample(0).floats.allSatisfy { $0 == Float(-10 * 2.302585092994046) })
  }

  @Test func subfoldersAreClassesAndDamagedSoundsAreSkipped() throws {
    let scratch = try Scratch()
    try scratch.write(wave(bits: 8, data: [1, 2]), under: "x/yes/a.wav")
    try scratch.write(wave(bits: 8, data: [1, 2]), under: "x/no/a.WAV")
    let broken = try scratch.write(wave(bits: 8, rate: 16_000, data: [1, 2]), under: "x/no/b.wav")
    let expected = DatasetError.malformed(
      path: broken, field: "sample rate", expected: "preprocess.audio.sample_rate, 8000", found: "16000")
    #expect(throws: expected) { try scratch.open("inputs: x\n" + Self.waveform) }
    let dataset = try scratch.open("inputs: x\non_error: skip\n" + Self.waveform)
    #expect(dataset.classes == ["no", "yes"])
    #expect([dataset.label(0), dataset.label(1)] == [0, 1])
    #expect(dataset.skipped.map(\.path) == [broken] && dataset.skipped.map(\.error) == [expected])
    #expect(throws: DatasetError.self) { try scratch.open("inputs: x") }
  }

  @Test(arguments: [
    "{ seconds: 1 }", "{ sample_rate: 8000 }", "{ sample_rate: 0, seconds: 1 }", "{ sample_rate: 8000, seconds: 0 }",
    "{ sample_rate: 8000, seconds: 1e9 }", "{ sample_rate: 8000, seconds: 1, features: mel }",
    "{ sample_rate: 8000, seconds: 1, mels: 4 }",
    "{ sample_rate: 8000, seconds: 1, features: log-mel, coefficients: 4 }",
    "{ sample_rate: 8000, seconds: 1, features: mfcc, mels: 4, coefficients: 5 }",
    "{ sample_rate: 8000, seconds: 1, features: log-mel, fft: 300 }",
    "{ sample_rate: 8000, seconds: 1, features: log-mel, fft: 128 }",
    "{ sample_rate: 8000, seconds: 1, features: log-mel, high_hz: 5000 }",
    "{ sample_rate: 8000, seconds: 0.01, features: log-mel }",
    "{ sample_rate: 1000000, seconds: 60, features: log-mel, stride_ms: 0.001 }",
  ])
  func whatCannotBeAskedOfSoundsIsRefused(audio: String) {
    #expect(throws: DatasetError.self) {
      try DatasetSpecification(yaml: "inputs: x\npreprocess: { audio: \(audio) }", path: "d")
    }
  }

  static let hostile: [(bytes: [UInt8], error: @Sendable (String) -> DatasetError)] = [
    ([], { .malformed(path: $0, field: "first bytes", expected: "RIFF and WAVE", found: "others") }),
    (
      [UInt8](wave(bits: 16, data: [1, 2, 3, 4]).dropLast(2)),
      { .truncated(path: $0, expectedBytes: 60, foundBytes: 58) }
    ),
    (wave(tag: 85, bits: 16, data: [1, 2]), { .unsupportedVariant(path: $0, found: "WAV encoding 85 with 16 bits") }),
    (wave(bits: 12, data: [1, 2]), { .unsupportedVariant(path: $0, found: "WAV encoding 1 with 12 bits") }),
    (
      wave(bits: 16, data: []),
      { .malformed(path: $0, field: "data chunk", expected: "a positive multiple of 2 bytes", found: "0") }
    ),
    (
      wave(bits: 16, channels: 0, data: [1, 2]),
      { .malformed(path: $0, field: "block size", expected: "0 x 2 bytes", found: "0") }
    ),
  ]

  @Test(arguments: hostile.indices)
  func brokenSoundsAreNamedWithTheirFault(index: Int) throws {
    let scratch = try Scratch()
    let path = try scratch.write(Self.hostile[index].bytes, under: "x/a.wav")
    #expect(throws: Self.hostile[index].error(path)) { try scratch.open("inputs: x\n" + Self.waveform) }
  }

  @Test func floatsThatAreNotFiniteAreRefused() throws {
    let scratch = try Scratch()
    let data = [Float.nan, .infinity].flatMap { littleEndian($0.bitPattern) }
    try scratch.write(wave(tag: 3, bits: 32, data: data), under: "x/a.wav")
    let dataset = try scratch.open("inputs: x\n" + Self.waveform)
    #expect(throws: DatasetError.self) { try dataset.sample(0) }
  }

  /// Seeds 31 and 32; 1,000 changed copies each.
  @Test(arguments: [31, 32])
  func changedBytesGiveATypedErrorOrReadableSamples(seed: Int) throws {
    let scratch = try Scratch()
    let original = wave(bits: 16, isExtensible: seed == 32, data: sound(40))
    var random = SplitMix64(state: UInt64(seed))
    var refused = 0
    for _ in 0..<1_000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
      try scratch.write(bytes, under: "x/a.wav")
      do {
        let dataset = try scratch.open(
          "inputs: x\npreprocess: { audio: { sample_rate: 8000, seconds: 0.01, features: mfcc, window_ms: 4, stride_ms: 1 } }"
        )
        #expect(try dataset.sample(0).count == dataset.elementCount)
      } catch is DatasetError {
        refused += 1
      }
    }
    #expect(refused > 400)
  }
}
