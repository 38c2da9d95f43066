import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct CastTests {
  private func cast(_ x: Tensor, _ target: DType) throws -> Tensor {
    try OperatorCase("Cast", [x], ["to": .int(Int(target.rawValue))]).output()
  }

  @Test func smallValuesSurviveEveryPairOfTypes() throws {
    for source in DType.allCases {
      for target in DType.allCases {
        let x = floats([0, 1, 1, 0]).cast(to: source)
        #expect(try cast(x, target).integers == [0, 1, 1, 0], "\(source) to \(target)")
      }
    }
  }

  @Test func floatsTruncateTowardZero() throws {
    #expect(try cast(floats([-1.9, 1.9, 0.99]), .int32).integers == [-1, 1, 0])
    #expect(try cast(floats([.nan, 0.5, 0]), .bool).truthValues == [true, true, false])
  }

  @Test func integersWrapAndWideOnesStayExact() throws {
    #expect(try cast(int64s([300, -1]), .uint8).integers == [44, 255])
    #expect(try cast(int64s([.max, .min]), .uint64).elements(as: UInt64.self) == [1 << 63 - 1, 1 << 63])
    // 2^53 + 1 is no Double, so a conversion by way of one would lose the unit.
    let wide = Tensor(shape: [1], elements: [UInt64(1 << 53 + 1)])
    #expect(try cast(wide, .int64).integers == [1 << 53 + 1])
  }

  @Test func integersRoundOnceToFloat() throws {
    // Halfway between two Floats plus 2^-30 of it: by way of Double it would round to the even one below.
    let value = Int64(1) << 60 + Int64(1) << 36 + 1
    #expect(try cast(int64s([value]), .float32).floats == [Float(value)])
    #expect(Float(value) != Float(Double(value)))
  }

  @Test func halvesRoundToNearestEven() throws {
    let x = floats([1 + 0x1p-11, 1 + 0x3p-11, 65520, -0.0])
    let half = try cast(x, .float16).elements(as: Float16.self)
    #expect(half == [1, 1 + 0x1p-9, .infinity, 0])
    #expect(half[3].sign == .minus)
    let brain = try cast(floats([1 + 0x1p-8, 1 + 0x3p-8, .nan]), .bfloat16)
    #expect(brain.floats[0] == 1)
    #expect(brain.floats[1] == 1 + 0x1p-6)
    #expect(brain.floats[2].isNaN)
  }

  @Test(arguments: [
    (8, "string"), (17, "float8e4m3fn"), (22, "int4"), (99, "element type 99"), (-1, "element type -1"),
  ])
  func otherTypesAreNamedAndRefused(_ code: Int, _ name: String) {
    #expect(
      OperatorCase("Cast", [floats([1])], ["to": .int(code)]).error()
        == .invalidAttribute("to", expected: "a supported element type", found: name))
  }

  @Test func lengthsAroundTheConversionBlockAreComplete() throws {
    for count in [0, 1, 1023, 1024, 1025, 3000] {
      #expect(try cast(counting([count]), .int32).integers == Array(0..<count))
    }
  }
}
