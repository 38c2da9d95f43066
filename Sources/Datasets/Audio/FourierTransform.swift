import Glibc

/// The discrete Fourier transform of a power of two of points, in Double (Cooley and Tukey 1965, decimation in time).
struct FourierTransform: Sendable {
  let count: Int
  /// Where each input goes: its index with the bits in reverse.
  private let places: [Int]
  /// exp(-2 pi i k / count) for k below count / 2.
  private let cosines: [Double]
  private let sines: [Double]

  init(count: Int) {
    precondition(count > 0 && count.nonzeroBitCount == 1, "\(count) points")
    self.count = count
    let bits = count.trailingZeroBitCount
    places = (0..<count).map { index in
      (0..<bits).reduce(0) { $0 | (index >> $1 & 1) << (bits - 1 - $1) }
    }
    cosines = (0..<count / 2).map { cos(2 * .pi * Double($0) / Double(count)) }
    sines = (0..<count / 2).map { -sin(2 * .pi * Double($0) / Double(count)) }
  }

  /// |X[k]|^2 of real `samples`, zeros beyond them, for k of 0...count / 2.
  func powers(of samples: [Double]) -> [Double] {
    precondition(samples.count <= count, "\(samples.count) samples for \(count) points")
    var real = [Double](repeating: 0, count: count)
    var imaginary = real
    for (index, sample) in samples.enumerated() { real[places[index]] = sample }
    real.withUnsafeMutableBufferPointer { real in
      imaginary.withUnsafeMutableBufferPointer { imaginary in combine(real, imaginary) }
    }
    return (0...count / 2).map { real[$0] * real[$0] + imaginary[$0] * imaginary[$0] }
  }

  /// Combines transforms of 1, 2, 4... points into those of twice as many.
  private func combine(_ real: UnsafeMutableBufferPointer<Double>, _ imaginary: UnsafeMutableBufferPointer<Double>) {
    var half = 1
    while half < count {
      let turn = count / (2 * half)
      for start in stride(from: 0, to: count, by: 2 * half) {
        for offset in 0..<half {
          let (even, odd) = (start + offset, start + offset + half)
          let (cosine, sine) = (cosines[offset * turn], sines[offset * turn])
          let turnedReal = real[odd] * cosine - imaginary[odd] * sine
          let turnedImaginary = real[odd] * sine + imaginary[odd] * cosine
          real[odd] = real[even] - turnedReal
          imaginary[odd] = imaginary[even] - turnedImaginary
          real[even] += turnedReal
          imaginary[even] += turnedImaginary
        }
      }
      half *= 2
    }
  }
}
