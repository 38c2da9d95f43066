import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct ResizeTests {
  private func resize(
    _ input: Tensor, scales: [Float]? = nil, sizes: [Int64]? = nil, roi: [Float]? = nil,
    _ attributes: [String: AttributeValue], opset: Int = canonicalOpset
  ) -> OperatorCase {
    var inputs: [Tensor?] = [input, roi.map { floats($0) }, scales.map { floats($0) }]
    if let sizes { inputs.append(int64s(sizes)) }
    return OperatorCase("Resize", inputs, attributes, opset: opset)
  }

  private func close(_ found: [Float], _ expected: [Float]) -> Bool {
    // A weighted sum of at most 16 terms of at most 16: 16 roundings of 2^-24 each, relative to 16.
    found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= 16 * 16 * 0x1p-24 }
  }

  /// Values printed in the ONNX specification of Resize.
  @Test func specificationExamples() throws {
    let square = floats([1, 1, 2, 2], [1, 2, 3, 4])
    let linear: [String: AttributeValue] = ["mode": .string("linear")]
    let up = try resize(square, scales: [1, 1, 2, 2], linear).output().floats
    #expect(up == [1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4])
    let corners = linear.merging(["coordinate_transformation_mode": .string("align_corners")]) { $1 }
    let third: Float = 1.0 / 3
    let aligned = try resize(square, scales: [1, 1, 2, 2], corners).output().floats
    #expect(close(Array(aligned.prefix(4)), [1, 1 + third, 1 + 2 * third, 2]))
    let wide = floats([1, 1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(close(try resize(wide, scales: [1, 1, 0.6, 0.6], linear).output().floats, [2.6666665, 4.3333331]))
    #expect(close(try resize(wide, scales: [1, 1, 0.6, 0.6], corners).output().floats, [1, 3.142857]))
    let sixteen = floats([1, 1, 4, 4], (1...16).map { Float($0) })
    let cubic = try resize(sixteen, scales: [1, 1, 2, 2], ["mode": .string("cubic")]).output().floats
    #expect(
      close(
        Array(cubic.prefix(8)),
        [0.47265625, 0.76953125, 1.24609375, 1.875, 2.28125, 2.91015625, 3.38671875, 3.68359375]))
  }

  @Test(arguments: [
    ("asymmetric", "floor", [0, 0, 0, 1, 1, 2, 2]), ("asymmetric", "ceil", [0, 1, 1, 2, 2, 2, 2]),
    ("asymmetric", "round_prefer_floor", [0, 0, 1, 1, 2, 2, 2]),
    ("half_pixel", "round_prefer_floor", [0, 0, 1, 1, 1, 2, 2]),
    ("half_pixel", "floor", [0, 0, 0, 1, 1, 1, 2]), ("align_corners", "round_prefer_ceil", [0, 0, 1, 1, 1, 2, 2]),
    ("align_corners", "ceil", [0, 1, 1, 1, 2, 2, 2]),
    ("pytorch_half_pixel", "round_prefer_ceil", [0, 0, 1, 1, 1, 2, 2]),
  ])
  func nearestIndices(_ transformation: String, _ nearest: String, _ expected: [Int]) throws {
    // Three elements to seven. Coordinates: asymmetric i * 3 / 7; half pixel (i + 0.5) * 3 / 7 - 0.5;
    // align corners i / 3.
    let output = try resize(
      counting([3]), sizes: [7],
      ["coordinate_transformation_mode": .string(transformation), "nearest_mode": .string(nearest)]
    ).output()
    #expect(output.integers == expected)
  }

  @Test func tiesGoWhereTheModePrefers() throws {
    func nearest(_ mode: String) throws -> [Int] {
      // Four elements to two: coordinates 0.5 and 2.5.
      try resize(counting([4]), scales: [0.5], ["nearest_mode": .string(mode)]).output().integers
    }
    #expect(try nearest("round_prefer_floor") == [0, 2])
    #expect(try nearest("round_prefer_ceil") == [1, 3])
    #expect(try nearest("floor") == [0, 2])
    #expect(try nearest("ceil") == [1, 3])
  }

  /// Weights sum to 1, so a constant stays itself whatever the filter and the geometry.
  @Test(arguments: ["linear", "cubic"], CoordinateTransformation.allCases)
  func constantsStayConstant(_ mode: String, _ transformation: CoordinateTransformation) throws {
    let input = Tensor(shape: [1, 2, 5, 7], repeating: Float(3))
    for antialias in [0, 1] {
      for exclude in [0, 1] {
        let output = try resize(
          input, sizes: [1, 2, 9, 3], roi: [0, 0, 0, 0, 1, 1, 1, 1],
          [
            "mode": .string(mode), "coordinate_transformation_mode": .string(transformation.rawValue),
            "antialias": .int(antialias), "exclude_outside": .int(exclude),
          ], opset: 12
        ).output()
        #expect(close(output.floats, [Float](repeating: 3, count: 54)))
      }
    }
  }

  @Test func antialiasAveragesWhatShrinks() throws {
    // Half the length: the triangle spans four elements with weights 1, 3, 3, 1 over 8.
    let output = try resize(
      floats([0, 0, 0, 8, 0, 0, 0, 0]), scales: [0.5], ["mode": .string("linear"), "antialias": .int(1)]
    ).output()
    #expect(output.floats == [0, 3, 1, 0])
  }

  @Test func cropAndResizeReadsItsRegion() throws {
    let attributes: [String: AttributeValue] = [
      "mode": .string("linear"), "coordinate_transformation_mode": .string("tf_crop_and_resize"),
      "extrapolation_value": .float(-9),
    ]
    // Positions 0.25 * 4 = 1 to 1.25 * 4 = 5 of five elements; 5 lies outside.
    let output = try resize(counting([5]), sizes: [5], roi: [0.25, 1.25], attributes).output()
    #expect(output.floats == [1, 2, 3, 4, -9])
    let single = try resize(counting([5]), sizes: [1], roi: [0.25, 0.5], attributes).output()
    #expect(single.floats == [1.5])
    let nearest = attributes.merging(["mode": .string("nearest")]) { $1 }
    #expect(try resize(counting([5]), sizes: [5], roi: [0.25, 1.25], nearest).output().floats == [1, 2, 3, 4, -9])
  }

  @Test func axesAndPolicyChooseTheSizes() throws {
    let input = counting([2, 3, 4, 6])
    func shape(_ axes: [Int], _ sizes: [Int64], _ policy: String) throws -> [Int] {
      try resize(input, sizes: sizes, ["axes": .ints(axes), "keep_aspect_ratio_policy": .string(policy)]).output().shape
    }
    #expect(try shape([2, 3], [7, 8], "stretch") == [2, 3, 7, 8])
    #expect(try shape([3, 2], [8, 7], "stretch") == [2, 3, 7, 8])
    // The scales would be 7/4 and 8/6.
    #expect(try shape([2, 3], [7, 8], "not_larger") == [2, 3, 5, 8])
    #expect(try shape([2, -1], [7, 8], "not_smaller") == [2, 3, 7, 11])
    let byAxes = try resize(input, scales: [2, 0.5], ["axes": .ints([3, 2])]).output()
    let byAll = try resize(input, scales: [1, 1, 0.5, 2], [:]).output()
    #expect(byAxes.shape == [2, 3, 2, 12] && byAxes.floats == byAll.floats)
  }

  @Test func opset10HasScalesAsItsSecondInput() throws {
    let scales = floats([1, 2])
    let nearest = try OperatorCase("Resize", [floats([1, 2], [5, 6]), scales], opset: 10).output()
    #expect(nearest.floats == [5, 5, 6, 6])
    let linear = try OperatorCase(
      "Resize", [floats([1, 2], [5, 6]), scales], ["mode": .string("linear")], opset: 10
    ).output()
    #expect(linear.floats == [5, 5.5, 6, 6])
  }

  @Test func everyTypeIsGatheredAndIntegersRound() throws {
    for dtype in DType.allCases {
      let output = try resize(floats([0, 1]).cast(to: dtype), scales: [2], [:]).output()
      #expect(output.dtype == dtype && output.integers == [0, 0, 1, 1])
    }
    // 2.5 and 3.5 round to even; the cubic overshoots below 0 and above 255 and is cut there.
    let linear = try resize(
      floats([2, 3, 4]).cast(to: .uint8), sizes: [5],
      [
        "mode": .string("linear"), "coordinate_transformation_mode": .string("align_corners"),
      ]
    ).output()
    #expect(linear.integers == [2, 2, 3, 4, 4])
    let cubic = try resize(floats([0, 0, 255, 255]).cast(to: .uint8), scales: [2], ["mode": .string("cubic")]).output()
    #expect(cubic.integers.min() == 0 && cubic.integers.max() == 255)
  }

  @Test func samplingDecidesTheScale() throws {
    let inputs: [ValueInfo?] = [ValueInfo(dtype: .float32, shape: [4])]
    func form(_ attributes: [String: AttributeValue]) throws -> IntegerForm {
      try makeOperator(NodeDefinition(opType: "Resize", attributes: attributes, inputCount: 3)).integerForm(inputs)
    }
    #expect(try form([:]) == .sameScale)
    #expect(try form(["mode": .string("linear")]) == .sameScale)
    #expect(try form(["mode": .string("cubic")]) == .rescaled)
    let crop: [String: AttributeValue] = ["coordinate_transformation_mode": .string("tf_crop_and_resize")]
    #expect(try form(crop) == .sameScale)
    #expect(try form(crop.merging(["extrapolation_value": .float(1)]) { $1 }) == .rescaled)
  }

  @Test func wrongGeometryIsAnError() {
    let input = counting([2, 3])
    let linear: [String: AttributeValue] = ["mode": .string("linear")]
    let crop: [String: AttributeValue] = ["coordinate_transformation_mode": .string("tf_crop_and_resize")]
    var cases = [
      resize(input, scales: [1], [:]), resize(input, sizes: [1], [:]), resize(input, [:]),
      resize(input, scales: [1, 1], sizes: [2, 3], [:]), resize(input, sizes: [2, 0], [:]),
      resize(input, sizes: [2, -1], [:]), resize(input, sizes: [2, .max], [:]), resize(input, scales: [1, 0.1], [:]),
      resize(input, scales: [1, 2], crop), resize(input, scales: [1, 2], roi: [0, 1], crop),
      resize(input, scales: [1, 2], roi: [0, .nan, 1, 1], crop),
      resize(input, scales: [1, 2], ["antialias": .int(1)]), resize(input, scales: [1, 2], ["axes": .ints([0, 2])]),
      resize(input, scales: [1, 2], ["axes": .ints([1, -1])]), resize(input, scales: [2], ["axes": .ints([0, 1])]),
      resize(input, scales: [1, 2], ["mode": .string("area")]), resize(floats([0], []), scales: [2], [:]),
      resize(truths([true]), scales: [2], linear), OperatorCase("Resize", [input]),
      OperatorCase("Resize", [input, nil, int64s([1, 2])]),
      OperatorCase("Resize", [input, nil, floats([1, 2]), nil, nil]),
      resize(
        counting([1 << 18]), scales: [0x1p-18], ["mode": .string("cubic"), "antialias": .int(1)]),
    ]
    for scale in [0, -1, .nan, .infinity, 1e30] as [Float] { cases.append(resize(input, scales: [1, scale], linear)) }
    for operatorCase in cases {
      #expect(operatorCase.error() != nil, "\(operatorCase.attributes)")
      #expect(operatorCase.evaluationError() != nil, "\(operatorCase.attributes)")
    }
  }
}
