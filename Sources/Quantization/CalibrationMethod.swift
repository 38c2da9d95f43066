/// How the range of an activation is chosen from what calibration saw of it.
///
/// Values beyond the range saturate; a narrower range gives the others a finer step.
///
/// Top-1 accuracy in per cent, uint8 activations, bfloat16 weight scales. Measured on 2026-11-21 (x86-64, AVX2)
/// by running collect, plan and apply on the simplified networks and judging the exported graphs with
/// onnxruntime 1.31.1 (`session.x64quantprecision` 1). Calibrated on every fifth of the 500 clips, on records
/// 2,000 to 2,199 of CIFAR-10's first batch and on 200 MNIST training images; judged on the 500 clips,
/// the first 1,000 records and the 10,000 MNIST test images.
///
/// | network | float | minmax | 99.9 | 99.99 | mse | entropy |
/// | --- | --- | --- | --- | --- | --- | --- |
/// | dscnn-kws | 90.40 | 90.40 | 90.40 | 90.20 | 89.80 | 91.20 |
/// | resnet8-cifar10 | 92.90 | 92.60 | 92.50 | 92.90 | 92.90 | 92.60 |
/// | resnet20-cifar10 | 99.90 | 100.00 | 99.90 | 100.00 | 99.90 | 100.00 |
/// | cntk-mnist | 98.91 | 98.91 | 98.82 | 98.89 | 98.89 | 98.93 |
///
/// The records are training data of the CIFAR networks, hence their high figures; the clips calibrated on are
/// among those judged. The methods differ by less than the sampling error of these sets. The default,
/// percentile 99.99, is never more than 0.2 points below float here and does not follow a single outlier.
public enum CalibrationMethod: Sendable, Equatable {
  /// The least and the greatest value seen: nothing saturates on the calibration samples.
  case minMax
  /// The central `percent` of all values; half of the rest is cut off on either side.
  case percentile(Double)
  /// The range whose expected squared error, rounding plus saturation, is least.
  case meanSquaredError
  /// The range whose quantized distribution diverges least from the one seen (Kullback-Leibler), as in
  /// TensorRT (S. Migacz, "8-bit Inference with TensorRT", GTC 2017) and onnxruntime.
  case entropy

  /// The percentile used where none is named.
  public static let defaultPercent = 99.99

  /// The method used where none is named.
  public static let standard = CalibrationMethod.percentile(defaultPercent)

  /// The name on the command line and in plans, for example `percentile 99.99`.
  public var name: String {
    switch self {
    case .minMax: "minmax"
    case .percentile(let percent): "percentile \(percent)"
    case .meanSquaredError: "mse"
    case .entropy: "entropy"
    }
  }
}
