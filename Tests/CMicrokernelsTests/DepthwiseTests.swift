import CMicrokernels
import Testing

@Suite struct DepthwiseTests {
  @Test(arguments: Row.all)
  func integerDepthwiseMatchesDefinitionAndScalar(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0011)
    for index in 0..<300 {
      let one = IntegerCase.random(&random, depthwise: true)
      let result = try one.depthwise(by: row)
      #expect(result.guardsAreIntact, "case \(index): \(one.shape)")
      #expect(result.bytes == one.depthwiseByDefinition(), "case \(index): \(one.shape), pixels \(one.pixelRange)")
      #expect(try result.bytes == one.depthwise(by: .scalar).bytes, "case \(index): \(one.shape)")
    }
  }

  /// Channel counts that fill vectors exactly, where pixels side by side may be loaded and stored together,
  /// with windows that run on and windows that skip.
  @Test(arguments: Row.all, [8, 16, 24, 32, 48, 64, 96, 112, 128])
  func integerDepthwiseOfWholeVectorsMatchesDefinition(_ row: Row, channels: Int) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0013 + UInt64(channels))
    for stride in 1...2 {
      for columns in 3...24 {
        let shape = WindowShape(
          rows: 5, columns: columns, channels: channels, kernelRows: 3, kernelColumns: 3, stride: stride,
          outChannels: channels)
        let one = IntegerCase(
          shape: shape, input: (0..<shape.elements).map { _ in random.byte(extreme: false) },
          inputIsSigned: stride == 1, zeroPoint: stride == 1 ? -7 : 130,
          weights: (0..<shape.depth).map { _ in Int8(truncatingIfNeeded: random.next()) },
          bias: (0..<channels).map { _ in Int32(random.int(-5000...5000)) },
          multipliers: (0..<channels).map { _ in Float.random(in: 1e-3...1e-2, using: &random) },
          low: -128, high: 127, outputZeroPoint: 0, outputGap: columns % 3 == 0 ? 5 : 0, pixelRange: 0..<shape.pixels)
        let result = try one.depthwise(by: row)
        #expect(result.guardsAreIntact && result.bytes == one.depthwiseByDefinition(), "\(shape)")
      }
    }
  }

  @Test(arguments: Row.all)
  func floatDepthwiseMatchesDefinitionAndScalar(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0012)
    for index in 0..<300 {
      let one = FloatCase.random(&random, depthwise: true)
      let result = try one.depthwise(by: row)
      #expect(result.guardsAreIntact, "case \(index): \(one.shape)")
      #expect(sameBits(result.values, one.depthwiseByDefinition()), "case \(index): \(one.shape)")
      #expect(try sameBits(result.values, one.depthwise(by: .scalar).values), "case \(index): \(one.shape)")
    }
  }
}
