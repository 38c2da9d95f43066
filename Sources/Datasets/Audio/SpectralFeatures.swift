import Glibc

/// Log-mel energies and cosine coefficients, computed in Double and rounded once.
///
/// With W samples x in a window, N points, M bands at rate R:
/// - h[n] = 0.5 - 0.5 cos(2 pi n / W), the periodic Hann window;
/// - P[k] = |sum over n of h[n] x[n] exp(-2 pi i k n / N)|^2 for k of 0...N / 2;
/// - mel(f) = 2595 log10(1 + f / 700) (HTK); f[0]...f[M + 1] lie evenly in mel from low to high;
/// - E[m] = sum over k of P[k] * max(0, min((kR/N - f[m]) / (f[m+1] - f[m]), (f[m+2] - kR/N) / (f[m+2] - f[m+1])));
/// - L[m] = ln(max(E[m], 1e-10)), so that a band narrower than R / N may be constant;
/// - C[i] = s sum over m of L[m] cos(pi i (m + 0.5) / M), s = sqrt(1 / M) for i = 0, else sqrt(2 / M) (DCT-II).
struct SpectralFeatures: Sendable {
  /// The least energy whose logarithm is taken.
  private static let floor = 1e-10

  private struct Band {
    let firstBin: Int
    let weights: [Double]
  }

  private let spectrum: AudioPreprocessing.Spectrum
  private let window: [Double]
  private let transform: FourierTransform
  private let bands: [Band]
  /// One row of factors for each coefficient; empty where the bands themselves are asked for.
  private let cosines: [[Double]]

  init(_ spectrum: AudioPreprocessing.Spectrum, sampleRate: Int) {
    self.spectrum = spectrum
    let length = Double(spectrum.windowSamples)
    window = (0..<spectrum.windowSamples).map { 0.5 - 0.5 * cos(2 * .pi * Double($0) / length) }
    transform = FourierTransform(count: spectrum.fftPoints)
    bands = Self.bands(spectrum, sampleRate: sampleRate)
    switch spectrum.description {
    case .logMel: cosines = []
    case .mfcc(let coefficients):
      let mels = Double(spectrum.mels)
      cosines = (0..<coefficients).map { row in
        let scale = ((row == 0 ? 1 : 2) / mels).squareRoot()
        return (0..<spectrum.mels).map { scale * cos(.pi * Double(row) * (Double($0) + 0.5) / mels) }
      }
    }
  }

  /// Writes the features of every whole window, one row a window.
  func apply(to samples: [Float], into target: UnsafeMutableBufferPointer<Float>) {
    var position = 0
    for start in stride(from: 0, through: samples.count - window.count, by: spectrum.strideSamples) {
      let logarithms = logarithms(of: samples, start: start)
      let row = cosines.isEmpty ? logarithms : cosines.map { zip($0, logarithms).reduce(0) { $0 + $1.0 * $1.1 } }
      for value in row {
        target[position] = Float(value)
        position += 1
      }
    }
  }

  private func logarithms(of samples: [Float], start: Int) -> [Double] {
    let powers = transform.powers(of: window.indices.map { window[$0] * Double(samples[start + $0]) })
    return bands.map { band in
      var energy = 0.0
      for (offset, weight) in band.weights.enumerated() { energy += weight * powers[band.firstBin + offset] }
      return log(max(energy, Self.floor))
    }
  }

  private static func bands(_ spectrum: AudioPreprocessing.Spectrum, sampleRate: Int) -> [Band] {
    func mel(_ hertz: Double) -> Double { 2_595 * log10(1 + hertz / 700) }
    func hertz(_ mel: Double) -> Double { 700 * (pow(10, mel / 2_595) - 1) }
    let (low, high) = (mel(spectrum.lowHz), mel(spectrum.highHz))
    let corners = (0...spectrum.mels + 1).map { hertz(low + (high - low) * Double($0) / Double(spectrum.mels + 1)) }
    let binHertz = Double(sampleRate) / Double(spectrum.fftPoints)
    return (0..<spectrum.mels).map { index in
      let (left, peak, right) = (corners[index], corners[index + 1], corners[index + 2])
      let weights = (0...spectrum.fftPoints / 2).map { bin -> Double in
        let frequency = Double(bin) * binHertz
        return max(0, min((frequency - left) / (peak - left), (right - frequency) / (right - peak)))
      }
      let first = weights.firstIndex { $0 > 0 } ?? 0
      let last = weights.lastIndex { $0 > 0 } ?? -1
      return Band(firstBin: first, weights: [Double](weights[first..<max(last + 1, first)]))
    }
  }
}
