import CMicrokernels
import Testing

@Suite struct ProductTests {
  @Test(arguments: Row.all)
  func integerProductMatchesDefinitionAndScalar(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0001)
    for index in 0..<200 {
      let one = IntegerCase.random(&random, depthwise: false)
      let result = try one.product(by: row)
      #expect(result.guardsAreIntact, "case \(index): \(one.shape)")
      #expect(result.bytes == one.productByDefinition(), "case \(index): \(one.shape), pixels \(one.pixelRange)")
      #expect(try result.bytes == one.product(by: .scalar).bytes, "case \(index): \(one.shape)")
    }
  }

  /// Every channel count up to three blocks of the widest row, and every pixel count up to three tiles.
  @Test(arguments: Row.all)
  func integerProductTailsMatchScalar(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0002)
    for size in 1...130 {
      var one = IntegerCase.random(&random, depthwise: false)
      while one.outChannels < 1 || one.shape.depth > 64 { one = IntegerCase.random(&random, depthwise: false) }
      let shape = WindowShape(
        rows: 1, columns: 1 + size % 29, channels: 1 + size % 7, kernelRows: 1, kernelColumns: 1, stride: 1,
        outChannels: size)
      one.shape = shape
      one.input = (0..<shape.elements).map { _ in random.byte(extreme: false) }
      one.weights = (0..<shape.depth * size).map { _ in Int8(truncatingIfNeeded: random.next()) }
      one.bias = (0..<size).map { _ in Int32(random.int(-3000...3000)) }
      one.multipliers = (0..<size).map { _ in Float.random(in: 1e-3...2e-2, using: &random) }
      one.pixelRange = 0..<shape.pixels
      let result = try one.product(by: row)
      #expect(result.guardsAreIntact, "\(shape)")
      #expect(try result.bytes == one.product(by: .scalar).bytes, "\(shape)")
    }
  }

  /// 255 x 128 x 8192 = 2.67e8: pairs and quads at their extremes, where 16-bit steps would saturate.
  @Test(arguments: Row.all, [(UInt8(0), Int32(255)), (255, 0)])
  func deepestSumsAreExact(_ row: Row, input: (value: UInt8, zeroPoint: Int32)) throws {
    try row.requireHere()
    let depth = 8192
    let shape = WindowShape(
      rows: 1, columns: 3, channels: depth, kernelRows: 1, kernelColumns: 1, stride: 1, outChannels: 3)
    let one = IntegerCase(
      shape: shape, input: [UInt8](repeating: input.value, count: shape.elements), inputIsSigned: false,
      zeroPoint: input.zeroPoint,
      weights: [Int8](repeating: -128, count: depth) + [Int8](repeating: 127, count: depth)
        + (0..<depth).map { $0 % 2 == 0 ? -128 : 127 },
      bias: [1, -1, 77], multipliers: [1e-7, 1e-7, 1e-4], low: -128, high: 127, outputZeroPoint: 0, outputGap: 0,
      pixelRange: 0..<3)
    #expect(try one.product(by: row).bytes == one.productByDefinition())
  }

  @Test(arguments: Row.all)
  func floatProductMatchesDefinitionAndScalar(_ row: Row) throws {
    try row.requireHere()
    var random = SeededGenerator(seed: 0x5EED_0003)
    for index in 0..<200 {
      let one = FloatCase.random(&random, depthwise: false)
      let result = try one.product(by: row)
      #expect(result.guardsAreIntact, "case \(index): \(one.shape)")
      #expect(sameBits(result.values, one.productByDefinition()), "case \(index): \(one.shape)")
      #expect(try sameBits(result.values, one.product(by: .scalar).values), "case \(index): \(one.shape)")
    }
  }
}
