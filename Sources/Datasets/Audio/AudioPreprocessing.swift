/// What is made of a sound: its samples, or features of short overlapping windows.
public struct AudioPreprocessing: Sendable, Equatable {
  /// How the frequencies of a window are described.
  public enum Description: Sendable, Equatable {
    /// Logarithms of the energies in bands: [frames, mels].
    case logMel
    /// The first cosine coefficients of these: [frames, coefficients].
    case mfcc(coefficients: Int)
  }

  /// Windows of a sound and the bands of frequencies that are told apart in them.
  public struct Spectrum: Sendable, Equatable {
    public var description: Description
    /// Samples in a window.
    public var windowSamples: Int
    /// Samples from the start of one window to that of the next.
    public var strideSamples: Int
    /// Points of the Fourier transform, a power of two that is at least the window.
    public var fftPoints: Int
    public var mels: Int
    public var lowHz: Double
    public var highHz: Double
  }

  /// The rate that files must have, in samples per second.
  public var sampleRate: Int
  /// Samples that are used of each file: a longer one is cut, a shorter one filled up with zeros.
  public var sampleCount: Int
  /// Nil gives the samples themselves.
  public var spectrum: Spectrum?

  /// Extents of what is made of one sound.
  var shape: [Int] {
    guard let spectrum else { return [sampleCount] }
    let frames = 1 + (sampleCount - spectrum.windowSamples) / spectrum.strideSamples
    switch spectrum.description {
    case .logMel: return [frames, spectrum.mels]
    case .mfcc(let coefficients): return [frames, coefficients]
    }
  }
}

extension AudioPreprocessing {
  /// A sample of more elements is no input of a network.
  private static let mostElements = 1 << 26
  private static let spectrumKeys = ["window_ms", "stride_ms", "fft", "mels", "low_hz", "high_hz"]

  /// Reads `preprocess.audio`. Throws `unknownKey`, `missingKey` and `wrongValue`.
  init(_ mapping: StrictMapping) throws(DatasetError) {
    let name = try mapping.text("features") ?? "waveform"
    let always = ["sample_rate", "seconds", "features"]
    switch name {
    case "waveform": try mapping.allowOnly(always)
    case "log-mel": try mapping.allowOnly(always + Self.spectrumKeys)
    case "mfcc": try mapping.allowOnly(always + Self.spectrumKeys + ["coefficients"])
    default: throw mapping.wrong("features", expected: "waveform, log-mel or mfcc", found: name)
    }
    guard let rate = try mapping.integer("sample_rate", 1...1_000_000) else {
      throw .missingKey(path: mapping.path, key: "preprocess.audio.sample_rate")
    }
    guard let seconds = try mapping.number("seconds") else {
      throw .missingKey(path: mapping.path, key: "preprocess.audio.seconds")
    }
    let samples = (Double(seconds) * Double(rate)).rounded()
    guard samples >= 1, samples <= Double(Self.mostElements) else {
      throw mapping.wrong("seconds", expected: "1 to \(Self.mostElements) samples", found: "\(samples)")
    }
    sampleRate = rate
    sampleCount = Int(samples)
    spectrum =
      name == "waveform" ? nil : try Spectrum(mapping, isMFCC: name == "mfcc", rate: rate, samples: sampleCount)
    guard shape.reduce(1, *) <= Self.mostElements else {
      throw mapping.wrong("stride_ms", expected: "at most \(Self.mostElements) features", found: "\(shape)")
    }
  }
}

extension AudioPreprocessing.Spectrum {
  /// Windows of 30 ms every 20 ms, 40 bands from 20 Hz to half the sample rate and 10 coefficients, unless told
  /// otherwise.
  fileprivate init(_ mapping: StrictMapping, isMFCC: Bool, rate: Int, samples: Int) throws(DatasetError) {
    func count(_ key: String, milliseconds: Float, atMost limit: Int) throws(DatasetError) -> Int {
      let duration = try mapping.number(key) ?? milliseconds
      let count = (Double(duration) * Double(rate) / 1_000).rounded()
      guard count >= 1, count <= Double(limit) else {
        throw mapping.wrong(key, expected: "1 to \(limit) samples at \(rate) Hz", found: "\(count)")
      }
      return Int(count)
    }
    windowSamples = try count("window_ms", milliseconds: 30, atMost: min(samples, 1 << 20))
    strideSamples = try count("stride_ms", milliseconds: 20, atMost: 1 << 26)
    var smallest = 1
    while smallest < windowSamples { smallest *= 2 }
    fftPoints = try mapping.integer("fft", smallest...1 << 20) ?? smallest
    guard fftPoints.nonzeroBitCount == 1 else {
      throw mapping.wrong("fft", expected: "a power of two", found: String(fftPoints))
    }
    mels = try mapping.integer("mels", 1...1_024) ?? 40
    lowHz = Double(try mapping.number("low_hz") ?? 20)
    highHz = try mapping.number("high_hz").map { Double($0) } ?? Double(rate) / 2
    guard lowHz >= 0, lowHz < highHz, highHz <= Double(rate) / 2 else {
      throw mapping.wrong(
        "high_hz", expected: "0 <= low_hz < high_hz <= \(Double(rate) / 2)", found: "\(lowHz) and \(highHz)")
    }
    description = isMFCC ? .mfcc(coefficients: try mapping.integer("coefficients", 1...mels) ?? min(10, mels)) : .logMel
  }
}
