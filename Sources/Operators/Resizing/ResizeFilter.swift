/// The weights with which an output element of a resized axis sums input elements.
public struct ResizeFilter: Sendable, Equatable {
  public enum Kernel: Sendable, Equatable {
    /// A triangle of half-width 1.
    case linear
    /// Keys' piecewise cubic of half-width 2 with slope parameter `a`.
    case cubic(a: Float)
  }

  public var kernel: Kernel
  /// Whether the kernel is widened by the scale where the axis shrinks.
  public var isAntialiased: Bool
  /// Whether elements outside the input weigh nothing; otherwise the edge element stands for them.
  public var excludesOutside: Bool

  /// Input elements and weights of one output element: `indices` and `weights` are of equal length.
  public struct Samples: Sendable, Equatable {
    public var indices: [Int]
    public var weights: [Float]
  }

  /// Most elements that the kernel covers: hostile scales are refused beyond it.
  static let maximumTaps = 1 << 16

  /// The number of input elements that the kernel spans on `axis`; nil where that is beyond `maximumTaps`.
  func tapCount(_ axis: ResizeAxis) -> Int? {
    let reach = (halfWidth / stretch(axis)).rounded(.up)
    return reach <= Float(Self.maximumTaps / 2) ? 2 * Int(reach) : nil
  }

  private var halfWidth: Float {
    switch kernel {
    case .linear: 1
    case .cubic: 2
    }
  }

  private func stretch(_ axis: ResizeAxis) -> Float { isAntialiased ? min(axis.scale, 1) : 1 }

  /// For each output element its samples; nil where the extrapolation value stands.
  public func samples(_ axis: ResizeAxis, _ transformation: CoordinateTransformation) -> [Samples?] {
    (0..<axis.output).map { index in
      let coordinate = axis.inputCoordinate(of: index, transformation)
      return axis.isOutside(coordinate, transformation) ? nil : samples(axis, at: coordinate)
    }
  }

  private func samples(_ axis: ResizeAxis, at coordinate: Float) -> Samples {
    let base = coordinate.rounded(.down)
    let fraction = coordinate - base
    let stretch = stretch(axis)
    let reach = Int((halfWidth / stretch).rounded(.up))
    var samples = Samples(indices: [], weights: [])
    for offset in (1 - reach)...reach {
      let position = base + Float(offset)
      let isInside = position >= 0 && position <= Float(axis.input - 1)
      let weight = excludesOutside && !isInside ? 0 : weight((Float(offset) - fraction) * stretch)
      if weight == 0 { continue }
      samples.indices.append(axis.clampedIndex(position))
      samples.weights.append(weight)
    }
    let sum = samples.weights.reduce(0, +)
    if (excludesOutside || isAntialiased) && sum != 0 { samples.weights = samples.weights.map { $0 / sum } }
    return samples
  }

  /// The kernel at distance `x`.
  private func weight(_ x: Float) -> Float {
    let distance = abs(x)
    switch kernel {
    case .linear: return max(0, 1 - distance)
    case .cubic(let a):
      if distance <= 1 { return ((a + 2) * distance - (a + 3)) * distance * distance + 1 }
      return distance < 2 ? ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a : 0
    }
  }

  /// [outer, axis.input, inner] resized to [outer, axis.output, inner].
  func apply(
    to source: [Float], _ axis: ResizeAxis, _ transformation: CoordinateTransformation, outer: Int, inner: Int,
    extrapolation: Float
  ) -> [Float] {
    let samples = samples(axis, transformation)
    var target = [Float](repeating: 0, count: outer * axis.output * inner)
    target.withUnsafeMutableBufferPointer { target in
      source.withUnsafeBufferPointer { source in
        for block in 0..<outer {
          for (index, taps) in samples.enumerated() {
            let start = (block * axis.output + index) * inner
            guard let taps else {
              for offset in 0..<inner { target[start + offset] = extrapolation }
              continue
            }
            for (tap, weight) in zip(taps.indices, taps.weights) {
              let from = (block * axis.input + tap) * inner
              for offset in 0..<inner { target[start + offset] += weight * source[from + offset] }
            }
          }
        }
      }
    }
    return target
  }
}
