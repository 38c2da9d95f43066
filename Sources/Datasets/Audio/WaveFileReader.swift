/// Reads WAV files as waveforms [samples] or features [frames, bands].
struct WaveFileReader: SampleFileReader {
  let suffixes = [".wav"]
  let storedLayout: ChannelLayout? = nil
  private let preprocessing: AudioPreprocessing
  private let features: SpectralFeatures?

  init(_ preprocessing: AudioPreprocessing) {
    self.preprocessing = preprocessing
    features = preprocessing.spectrum.map { SpectralFeatures($0, sampleRate: preprocessing.sampleRate) }
  }

  func sampleShape(of file: FileBytes, path: String) throws(DatasetError) -> [Int] {
    _ = try wave(file, path: path)
    return preprocessing.shape
  }

  func decode(
    _ file: FileBytes, path: String, shape: [Int], into target: UnsafeMutableBufferPointer<Float>
  ) throws(DatasetError) {
    let samples = try wave(file, path: path).samples(preprocessing.sampleCount)
    if let features {
      features.apply(to: samples, into: target)
    } else {
      _ = target.update(fromContentsOf: samples)
    }
  }

  private func wave(_ file: FileBytes, path: String) throws(DatasetError) -> Wave {
    let wave = try Wave(file.bytes, path: path)
    guard wave.sampleRate == preprocessing.sampleRate else {
      throw .malformed(
        path: path, field: "sample rate", expected: "preprocess.audio.sample_rate, \(preprocessing.sampleRate)",
        found: String(wave.sampleRate))
    }
    return wave
  }
}
