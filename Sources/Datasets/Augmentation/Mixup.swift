import Glibc
import HostTensors

/// The shares in which the samples of a batch are mixed, each with the one after it, the last with the first.
///
/// A share is at least one half, so that a sample's own class stays the heavier one; the batch being in random
/// order, the next sample is a random one.
struct Mixup {
  /// The share of each sample itself; its neighbour has the rest.
  let shares: [Float]

  init(_ strength: Float, seed: UInt64, epoch: Int, indices: [Int]) {
    shares = indices.map { index in
      guard strength > 0, indices.count > 1 else { return 1 }
      var random = SeededRandom(seed, RandomPurpose.mixing.rawValue, UInt64(bitPattern: Int64(epoch)), UInt64(index))
      let share = Float(random.beta(Double(strength)))
      return max(share, 1 - share)
    }
  }

  private func next(_ row: Int) -> Int { row + 1 == shares.count ? 0 : row + 1 }

  /// Mixes `width` numbers of each sample.
  func mix(_ rows: UnsafeMutableBufferPointer<Float>, width: Int) {
    guard width > 0, shares.contains(where: { $0 != 1 }) else { return }
    // The last sample is mixed with the first as it was.
    let first = [Float](rows[0..<width])
    first.withUnsafeBufferPointer { first in
      for (row, share) in shares.enumerated() {
        let own = rows.baseAddress! + row * width
        let other = row + 1 == shares.count ? first.baseAddress! : UnsafePointer(own + width)
        for position in 0..<width { own[position] = share * own[position] + (1 - share) * other[position] }
      }
    }
  }

  /// [samples, classes]: each label's class has 1 - `smoothing`, all classes together the rest, mixed by the shares.
  func probabilities(of labels: [Int], classes: Int, smoothing: Float) -> Tensor {
    Tensor(shape: [labels.count, classes], of: Float.self) { target in
      target.update(repeating: smoothing / Float(classes))
      for (row, share) in shares.enumerated() {
        target[row * classes + labels[row]] += (1 - smoothing) * share
        target[row * classes + labels[next(row)]] += (1 - smoothing) * (1 - share)
      }
    }
  }
}

extension SeededRandom {
  /// A number of [0, 1] with the density of Beta(`strength`, `strength`).
  mutating func beta(_ strength: Double) -> Double {
    let first = gamma(strength)
    let second = gamma(strength)
    // Both can underflow to 0 where the strength is tiny: then all weight is on one side or the other.
    return first + second > 0 ? first / (first + second) : (unit() < 0.5 ? 0 : 1)
  }

  /// A number with the density of Gamma(`shape`, 1) (Marsaglia and Tsang, "A simple method for generating gamma
  /// variables", 2000).
  mutating func gamma(_ shape: Double) -> Double {
    if shape < 1 {
      let power = pow(1 - unit(), 1 / shape)
      return gamma(shape + 1) * power
    }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      if v > 0, log(1 - unit()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
    }
  }
}
