import HostTensors
import Operators
import TensorTypes

/// Operators that move elements, repeat them or sum them by fixed weights.
extension GradientCases {
  static let shapes: [GradientCheck] = {
    let x = spread([2, 3, 4])
    let thin = spread([1, 3, 1, 2])
    return [
      GradientCheck("Transpose", [x]), GradientCheck("Transpose", [x], ["perm": .ints([1, 2, 0])]),
      GradientCheck("Transpose", [x], ["perm": .ints([0, 2, 1])]), GradientCheck("Transpose", [spread([2, 0, 3])]),
      GradientCheck("Transpose", [spread([2, 3, 2, 2])], ["perm": .ints([2, 0, 3, 1])]),
      GradientCheck("Flatten", [x]), GradientCheck("Flatten", [x], ["axis": .int(0)]),
      GradientCheck("Flatten", [x], ["axis": .int(-1)]), GradientCheck("Flatten", [x], ["axis": .int(3)]),
      GradientCheck("Reshape", [x, int64s([0, -1])]), GradientCheck("Reshape", [x, int64s([4, 3, 2])]),
      GradientCheck("Reshape", [spread([]), int64s([1, 1])]),
      GradientCheck("Squeeze", [thin]), GradientCheck("Squeeze", [thin, int64s([-2])]),
      GradientCheck("Squeeze", [thin], ["axes": .ints([0, 2])], opset: 11),
      GradientCheck("Unsqueeze", [x, int64s([0, -1])]),
      GradientCheck("Unsqueeze", [x], ["axes": .ints([1])], opset: 11),
      GradientCheck("Cast", [x], ["to": .int(1)], arithmetic: .single), GradientCheck("Cast", [x], ["to": .int(11)]),
    ]
  }()

  static let expansions: [GradientCheck] = [
    ([3, 1], [2, 3, 4]), ([1], [3]), ([], [2, 3]), ([2, 3], [1]), ([1, 3, 1, 1], [2, 3, 2, 3]),
    ([2, 1, 2, 1], [2, 3, 2, 3]),
    ([0, 1], [0, 3]), ([1, 2], [0, 2]), ([2, 3], [4, 2, 3]), ([3, 1, 2], [3, 5, 2]),
  ].map { GradientCheck("Expand", [spread($0.0), int64s($0.1)]) }

  static let joints: [GradientCheck] = {
    let x = spread([3, 7, 2])
    return [
      GradientCheck(
        "Concat", [spread([2, 3]), spread([1, 3], seed: 2), spread([4, 3], seed: 3)], ["axis": .int(0)]),
      GradientCheck(
        "Concat", [spread([2, 3, 2]), spread([2, 0, 2]), spread([2, 2, 2], seed: 3)], ["axis": .int(1)]),
      GradientCheck("Concat", [spread([2, 3]), spread([2, 1], seed: 2)], ["axis": .int(-1)], by: [1]),
      GradientCheck("Concat", [spread([2])], ["axis": .int(0)]),
      GradientCheck("Split", [x], ["axis": .int(1), "split": .ints([2, 0, 5])], opset: 11, outputCount: 3),
      GradientCheck("Split", [x, int64s([3, 4])], ["axis": .int(-2)], outputCount: 2, reading: [1]),
      GradientCheck("Split", [x], ["axis": .int(1), "num_outputs": .int(3)], outputCount: 3, reading: [0, 2]),
      GradientCheck("Split", [x], opset: 13, outputCount: 3), GradientCheck("Split", [x], outputCount: 1),
    ]
  }()

  static let slices: [GradientCheck] = {
    let x = spread([3, 7, 4])
    return [
      GradientCheck("Slice", [x], ["starts": .ints([1, 2]), "ends": .ints([3, -1])], opset: 9),
      GradientCheck("Slice", [x], ["starts": .ints([-3]), "ends": .ints([99]), "axes": .ints([1])], opset: 9),
      GradientCheck("Slice", [x, int64s([0]), int64s([7]), int64s([-2]), int64s([3])]),
      GradientCheck("Slice", [x, int64s([-1, 3]), int64s([-99, -99]), int64s([0, 2]), int64s([-1, -2])]),
      GradientCheck("Slice", [x, int64s([5]), int64s([6]), int64s([1]), int64s([-1])]),
      GradientCheck("Slice", [x, int64s([2]), int64s([3])]),
      GradientCheck("Slice", [x, int64s([0, 0, 0]), int64s([3, 7, 4])]),
    ]
  }()

  static let pads: [GradientCheck] = {
    let (x, value) = (spread([3, 4]), Tensor(scalar: 0.75))
    let image = spread([1, 2, 3, 4])
    let checks = [
      GradientCheck("Pad", [x, int64s([1, 0, 2, 3])]), GradientCheck("Pad", [x, int64s([1, 0, 2, 3]), value]),
      GradientCheck("Pad", [x, int64s([-1, 2, 1, -2]), value]),
      GradientCheck("Pad", [x, int64s([-4, 0, 5, 0]), value]),
      GradientCheck("Pad", [x, int64s([2, 1]), value, int64s([-1])]),
      GradientCheck("Pad", [x, int64s([0, 0, 0, 0]), value]),
      GradientCheck("Pad", [x, int64s([2, 1, 2, 1]), Tensor(shape: [1], elements: [0.5])], by: [2]),
      GradientCheck("Pad", [x], ["pads": .ints([1, 1, 0, 2]), "value": .float(0.5)], opset: 10),
      GradientCheck("Pad", [spread([0, 2]), int64s([1, 1, 1, 1]), value]),
    ]
    return checks
      + ["reflect", "edge", "wrap"].flatMap { mode in
        [[1, 0, 2, 3], [-1, 2, 1, 0], [5, 0, 0, 9]].map {
          GradientCheck("Pad", [x, int64s($0)], ["mode": .string(mode)])
        } + [
          GradientCheck("Pad", [image, int64s([0, 0, 1, 2, 0, 0, 2, 1])], ["mode": .string(mode)]),
          GradientCheck("Pad", [image], ["mode": .string(mode), "pads": .ints([0, 1, 0, 0, 0, 0, 1, 2])], opset: 10),
          GradientCheck("Pad", [image, int64s([1, 2]), nil, int64s([-1])], ["mode": .string(mode)]),
        ]
      }
  }()

  static let gathers: [GradientCheck] = {
    let x = spread([4, 3, 2])
    let grid = Tensor(shape: [2, 3], elements: [Int64(0), 2, 2, -1, 0, 0])
    return [
      GradientCheck("Gather", [x, int64s([3, 1, 3])]), GradientCheck("Gather", [x, grid], ["axis": .int(1)]),
      GradientCheck("Gather", [x, grid], ["axis": .int(-3)]),
      GradientCheck("Gather", [x, int64s([1, 1])], ["axis": .int(-1)]),
      GradientCheck("Gather", [x, Tensor(scalar: Int64(-2))], ["axis": .int(1)]),
      GradientCheck("Gather", [x, int64s([])]),
      GradientCheck("Gather", [x, Tensor(shape: [2, 1], elements: [Int32(3), 0])]),
    ]
  }()

  /// Interpolation is computed in Float, but it is linear: a step of 1 is exact but for rounding.
  static let resizes: [GradientCheck] = {
    let image = spread([1, 2, 4, 5])
    func by(_ scales: [Float], _ attributes: [String: AttributeValue]) -> GradientCheck {
      GradientCheck("Resize", [image, nil, floats(scales)], attributes, by: [0], arithmetic: .single)
    }
    func to(_ sizes: [Int64], _ attributes: [String: AttributeValue]) -> GradientCheck {
      GradientCheck("Resize", [image, nil, nil, int64s(sizes)], attributes, by: [0], arithmetic: .single)
    }
    let transformations = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]
    let plain = ["nearest", "linear", "cubic"].flatMap { mode in
      transformations.flatMap { transformation in
        let attributes: [String: AttributeValue] = [
          "mode": .string(mode), "coordinate_transformation_mode": .string(transformation),
        ]
        return [by([1, 1, 2, 1.5], attributes), by([1, 1, 0.6, 0.4], attributes), to([1, 2, 7, 3], attributes)]
      }
    }
    let region = GradientCheck(
      "Resize", [image, floats([0, 0, 0.4, 0.6, 1, 1, 1.2, 1.7]), nil, int64s([1, 2, 3, 3])],
      ["mode": .string("linear"), "coordinate_transformation_mode": .string("tf_crop_and_resize")], by: [0],
      arithmetic: .single)
    return plain + [
      region, by([1, 1, 0.5, 0.5], ["mode": .string("linear"), "antialias": .int(1)]),
      by([1, 2, 1, 3], ["mode": .string("nearest"), "nearest_mode": .string("ceil")]),
      GradientCheck("Resize", [image, floats([1, 1, 2, 2])], opset: 10, outputCount: 1, by: [0]),
      GradientCheck(
        "Resize", [image, floats([1, 1, 2, 0.5])], ["mode": .string("linear")], opset: 10, by: [0], arithmetic: .single),
    ]
  }()

  static let all: [GradientCheck] =
    elements + clips + pairs + powers + slopes + extremes + softmaxes + reductions + shapes + expansions + joints
    + slices + pads + gathers + resizes
}
