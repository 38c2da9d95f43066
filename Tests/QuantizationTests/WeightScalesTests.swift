import HostTensors
import Quantization
import Testing

@Suite struct WeightScalesTests {
  @Test func bfloat16ScalesAreTheLeastThatDoNotClip() {
    var random = SplitMix64(seed: 21)
    for _ in 0..<1_000 {
      let exact = abs(random.normal()) / 127 + 1e-6
      let rounded = WeightScales.roundedUpToBFloat16(exact)
      #expect(rounded.bitPattern & 0xFFFF == 0)
      #expect(rounded >= exact)
      // The next bfloat16 value below would be too small.
      #expect(Float(bitPattern: rounded.bitPattern - 0x1_0000) < exact)
    }
  }

  @Test(arguments: [QuantizationOptions.WeightScales.bfloat16, .exact])
  func noWeightClipsAndErrorsAreAtMostHalfAStep(_ storage: QuantizationOptions.WeightScales) {
    var random = SplitMix64(seed: 22)
    let weight = random.tensor([6, 3, 2, 2])
    let scales = WeightScales(
      magnitudes: WeightScales.magnitudes(weight, axis: 0), inputScale: 0.1, bias: nil, storage: storage
    ).scales
    let stored = IntegerParameters.quantize(weight, scales: scales, axis: 0).elements(as: Int8.self)
    for (index, value) in weight.floats.enumerated() {
      let scale = scales[index / 12]
      #expect(abs(Float(stored[index]) * scale - value) <= scale * 0.50001)
    }
    #expect(stored.allSatisfy { $0 >= -127 })
    if storage == .exact { #expect(stored.contains { abs($0) == 127 }) }
  }

  @Test func magnitudesFollowTheChannelAxis() {
    let weight = Tensor(shape: [2, 3], elements: [1, -2, 3, -4, 5, -6] as [Float])
    #expect(WeightScales.magnitudes(weight, axis: 0) == [3, 6])
    #expect(WeightScales.magnitudes(weight, axis: 1) == [4, 5, 6])
  }

  @Test func deadChannelsTakeTheScaleOfTheLargest() {
    let scales = WeightScales(magnitudes: [0, 2.54, 1e-12, 1], inputScale: 1, bias: nil, storage: .exact)
    #expect(scales.deadChannels == [0, 2])
    #expect(scales.scales[0] == scales.scales[1] && scales.scales[2] == scales.scales[1])
    #expect(scales.scales.allSatisfy { $0.isNormal })
  }

  @Test(arguments: [nil, [0, 0], [3, -7]] as [[Float]?])
  func allZeroWeightsHaveAUsableScale(_ bias: [Float]?) {
    let scales = WeightScales(magnitudes: [0, 0], inputScale: 0.5, bias: bias, storage: .bfloat16)
    #expect(scales.scales.allSatisfy { $0.isNormal })
    guard let bias, bias[0] != 0 else { return }
    let steps = IntegerParameters.quantize(bias: bias, scales: scales.scales.map { 0.5 * $0 })
    #expect(abs(Float(steps[0]) * 0.5 * scales.scales[0] - 3) < 3e-3)
  }

  @Test func biasBeyondInt32EnlargesTheScale() {
    let limit = AccumulatorBound.biasLimit(products: 9)
    var scales = WeightScales(magnitudes: [1e-6, 1], inputScale: 1e-4, bias: [50, 0.1], storage: .bfloat16)
    #expect(Double(50) / Double(1e-4 * scales.scales[0]) > Double(limit))
    scales.fit(bias: [50, 0.1], inputScale: 1e-4, limit: limit, storage: .bfloat16)
    #expect(scales.enlargedForBias == [0])
    let steps = IntegerParameters.quantize(bias: [50, 0.1], scales: scales.scales.map { 1e-4 * $0 })
    #expect(Int(steps[0]) <= limit)
    #expect(abs(Float(steps[0]) * (1e-4 * scales.scales[0]) - 50) < 1e-3)
  }

  @Test func accumulatorBoundIsThatOfThirtyOneBits() {
    #expect(AccumulatorBound.biasLimit(products: 0) == Int(Int32.max))
    #expect(AccumulatorBound.biasLimit(products: 66_311) > 0)
    #expect(AccumulatorBound.biasLimit(products: 66_312) <= 0)
  }

  @Test func namePatternsFollowTheShell() {
    #expect(NamePattern("*").matches(""))
    #expect(NamePattern("conv*").matches("conv_1/w"))
    #expect(NamePattern("*/Relu_?").matches("block/3/Relu_7"))
    #expect(!NamePattern("*/Relu_?").matches("block/3/Relu_17"))
    #expect(!NamePattern("conv").matches("conv1"))
    #expect(NamePattern("a*b*c").matches("a__b_b__c"))
    #expect(!NamePattern("a*b*c").matches("a__b_b__d"))
  }
}
