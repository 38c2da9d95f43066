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
