import CMicrokernels
import Foundation
import Testing

/// What the kernel told this process about the CPU: AT_HWCAP is entry 16, AT_HWCAP2 entry 26.
private let auxiliaryVector: [UInt64: UInt64] = {
  guard let data = try? Data(contentsOf: URL(filePath: "/proc/self/auxv")) else { return [:] }
  let words = data.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
  return Dictionary(stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) }) { $1 }
}()

/// One row of the kernel table, as a test argument.
struct Row: Sendable, CustomTestStringConvertible {
  let index: Int

  static let all = (0..<pare_kernels_count()).map { Row(index: $0) }
  /// The reference: always the last.
  static let scalar = Row(index: pare_kernels_count() - 1)

  var kernels: pare_kernels { pare_kernels_at(index).pointee }
  var name: String { String(cString: kernels.name) }
  var testDescription: String { name }
  var runsHere: Bool {
    pare_kernels_runs_here(pare_kernels_at(index), auxiliaryVector[16] ?? 0, auxiliaryVector[26] ?? 0) != 0
  }

  /// Ends the test case as cancelled, not as passed, when this CPU lacks the row's instructions.
  func requireHere() throws {
    if !runsHere { try Test.cancel("this CPU does not run \(name)") }
  }
}

/// SplitMix64: small, seeded, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
  mutating func oneIn(_ count: Int) -> Bool { int(1...count) == 1 }
  /// Between -8 and 8, with all the fraction bits in use.
  mutating func float() -> Float { Float.random(in: -8...8, using: &self) }

  /// Mostly ordinary, sometimes a zero of either sign, an infinity, NaN, a subnormal or a huge value.
  mutating func wildFloat() -> Float {
    guard oneIn(4) else { return float() }
    let wild: [Float] = [0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, 0x1p-126, 3e38, -3e38, 0.5]
    return wild[int(0...wild.count - 1)]
  }

  mutating func byte(extreme: Bool) -> UInt8 {
    extreme ? [0, 255, 127, 128][int(0...3)] : UInt8(truncatingIfNeeded: next())
  }
}

/// Floats whose bits are compared; NaN equals NaN, since its payload may differ between instructions.
func sameBits(_ a: [Float], _ b: [Float]) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) }
}

/// saturate(roundTiesToEven(x)) + zero point as one byte, written with the standard library; NaN gives `low`.
func requantized(_ sum: Int32, multiplier: Float, low: Float, high: Float, zeroPoint: Int32) -> UInt8 {
  let scaled = Float(sum) * multiplier
  let clamped = scaled.isNaN ? low : Swift.min(Swift.max(scaled, low), high)
  return UInt8(truncatingIfNeeded: Int(clamped.rounded(.toNearestOrEven)) + Int(zeroPoint))
}
