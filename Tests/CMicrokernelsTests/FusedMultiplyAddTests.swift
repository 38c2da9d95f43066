import CMicrokernels
import Foundation
import Testing

@Suite struct FusedMultiplyAddTests {
  private static let edges: [UInt32] = [
    0, 1, 2, 0x007F_FFFF, 0x0080_0000, 0x0080_0001, 0x00FF_FFFF, 0x3400_0000, 0x33FF_FFFF, 0x3F7F_FFFF, 0x3F80_0000,
    0x3F80_0001, 0x3FFF_FFFF, 0x4B00_0000, 0x4B7F_FFFF, 0x7EFF_FFFF, 0x7F00_0000, 0x7F7F_FFFF, 0x7F80_0000,
    0x7FC0_0000, 0x2000_0001, 0x1F80_0003,
  ]

  private func expectExact(_ x: Float, _ y: Float, _ z: Float) {
    let expected = fmaf(x, y, z)
    let software = pare_fmaf_software(x, y, z)
    let chosen = pare_fmaf(x, y, z)
    #expect(sameBits([expected, expected], [software, chosen]), "fma(\(x), \(y), \(z))")
  }

  @Test func everyCombinationOfEdgesIsExact() {
    let floats = Self.edges.flatMap { [Float(bitPattern: $0), Float(bitPattern: $0 | 0x8000_0000)] }
    for x in floats {
      for y in floats {
        for z in floats { expectExact(x, y, z) }
      }
    }
  }

  @Test func randomBitPatternsAreExact() {
    var random = SeededGenerator(seed: 0x5EED_0021)
    for _ in 0..<200_000 {
      let bits = random.next()
      expectExact(
        Float(bitPattern: UInt32(truncatingIfNeeded: bits)), Float(bitPattern: UInt32(truncatingIfNeeded: bits >> 32)),
        Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
    }
  }

  /// z close to -x*y, and z one bit away from a tie: where rounding twice goes wrong.
  @Test func cancellationAndHalfwayCasesAreExact() {
    var random = SeededGenerator(seed: 0x5EED_0022)
    for _ in 0..<200_000 {
      let x = random.float()
      let y = random.float()
      let product = x * y
      let step = [product.nextUp, product, product.nextDown][random.int(0...2)]
      expectExact(x, y, -step)
      expectExact(x, y, product * Float(sign: .plus, exponent: random.int(20...30), significand: 1))
      expectExact(x, y, step * Float(sign: .plus, exponent: -random.int(20...30), significand: 1))
    }
  }

  /// Results below the least normal number, where the sum keeps fewer bits.
  @Test func subnormalResultsAreExact() {
    var random = SeededGenerator(seed: 0x5EED_0023)
    for _ in 0..<200_000 {
      let x = Float(sign: .plus, exponent: -random.int(60...80), significand: random.float())
      let y = Float(sign: .plus, exponent: -random.int(60...80), significand: random.float())
      let z = Float(bitPattern: UInt32(random.int(0...0x00FF_FFFF)) | (random.oneIn(2) ? 0x8000_0000 : 0))
      expectExact(x, y, z)
    }
  }
}
