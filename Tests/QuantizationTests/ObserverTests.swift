import HostTensors
import Quantization
import TensorTypes
import Testing

@Suite struct ObserverTests {
  private func observer(_ samples: [[Float]]) -> ActivationObserver {
    var observer = ActivationObserver()
    for (index, sample) in samples.enumerated() {
      observer.observe(Tensor(shape: [sample.count], elements: sample), sample: index)
    }
    return observer
  }

  @Test func extremesAreThoseOfAllSamples() {
    let observer = observer([[1, 2], [-3, 0.5], [7]])
    #expect(observer.minimum == -3 && observer.maximum == 7)
    #expect(observer.range(by: .minMax) == -3...7)
  }

  @Test(arguments: [
    CalibrationMethod.minMax, .percentile(99.99), .percentile(90), .meanSquaredError, .entropy,
  ])
  func rangeIncludesZeroAndStaysWithinTheExtremes(_ method: CalibrationMethod) {
    for sample in [[Float(3), 4, 5], [-5, -4], [0, 0], [2], [-1, 1], []] {
      let range = observer([sample]).range(by: method)
      #expect(range.contains(0))
      #expect(range.lowerBound >= min(sample.min() ?? 0, 0))
      #expect(range.upperBound <= max(sample.max() ?? 0, 0))
    }
  }

  @Test func nonFiniteValuesAreCountedWithTheirFirstSample() {
    let observer = observer([[1, 2], [.nan, .infinity, 3], [-.infinity, .nan, .nan]])
    #expect(observer.nanCount == 3)
    #expect(observer.infiniteCount == 2)
    #expect(observer.firstNonFiniteSample == 1)
    #expect(observer.maximum == 3)
    #expect(observer.histogram.total == 3)
  }

  @Test(arguments: [DType.uint8, .int8])
  func zeroIsExactAndTheRangeIsCovered(_ dtype: DType) {
    var random = SplitMix64(seed: 11)
    for _ in 0..<500 {
      let low = -abs(random.normal()) * Float.random(in: 0...100, using: &random)
      let high = abs(random.normal()) * Float.random(in: 0...100, using: &random)
      let parameters = QuantizationParameters(covering: low...high, dtype: dtype)
      #expect(parameters.dequantize(parameters.quantize(0)) == 0)
      // Rounding the zero point moves the levels by at most half a step, rounding a value by another half.
      for value in [low, high] {
        #expect(abs(parameters.dequantize(parameters.quantize(value)) - value) <= parameters.scale * 1.0001)
      }
    }
  }

  @Test func oneSidedRangesPutZeroAtTheEnd() {
    #expect(QuantizationParameters(covering: 0...6, dtype: .uint8).zeroPoint == 0)
    #expect(QuantizationParameters(covering: 0...6, dtype: .int8).zeroPoint == -128)
    #expect(QuantizationParameters(covering: -3...0, dtype: .uint8).zeroPoint == 255)
    // A range that does not reach zero is extended to it.
    #expect(QuantizationParameters(covering: 3...6, dtype: .uint8) == .init(covering: 0...6, dtype: .uint8))
  }

  @Test(arguments: [
    0...0, 0...Float.leastNonzeroMagnitude, -1e-37...1e-37, 0...1e38,
    -Float.greatestFiniteMagnitude...Float.greatestFiniteMagnitude,
  ])
  func scaleIsAlwaysNormal(_ range: ClosedRange<Float>) {
    let parameters = QuantizationParameters(covering: range, dtype: .uint8)
    #expect(parameters.scale.isNormal)
    #expect(parameters.quantize(0) == parameters.zeroPoint)
    if range == 0...0 { #expect(parameters.scale == Float(1) / 255) }
  }

  @Test func clipBoundIsNotExceeded() {
    var random = SplitMix64(seed: 12)
    for _ in 0..<500 {
      let bound = Float.random(in: 0.1...10, using: &random)
      let parameters = QuantizationParameters(covering: 0...bound, dtype: .uint8, upperBound: bound)
      #expect(parameters.dequantize(255) <= bound)
      #expect(parameters.dequantize(255) > bound * (1 - 1e-6))
    }
  }
}
