import ModelFormat

/// The inner loops that an executable is smaller without, in every instruction set.
enum KernelLoop: CaseIterable {
  case productInt8, productFloat, depthwiseInt8, depthwiseFloat

  /// What leaves the loop out of the build (`rows.h`).
  var exclusion: String {
    switch self {
    case .productInt8: "PARE_WITHOUT_PRODUCT_I8"
    case .productFloat: "PARE_WITHOUT_PRODUCT_F32"
    case .depthwiseInt8: "PARE_WITHOUT_DEPTHWISE_I8"
    case .depthwiseFloat: "PARE_WITHOUT_DEPTHWISE_F32"
    }
  }
}

extension StepCode {
  /// Those of the loops that the step's code in Runtime calls.
  var kernelLoops: [KernelLoop] {
    switch self {
    case .convolutionInt8: [.productInt8]
    case .convolutionFloat, .recurrent: [.productFloat]
    case .depthwiseInt8: [.depthwiseInt8]
    case .depthwiseFloat: [.depthwiseFloat]
    case .maxPool, .averagePoolInt8, .averagePoolFloat, .addInt8, .mulInt8, .table, .quantize, .dequantize,
      .binaryFloat, .unaryFloat, .softmax, .reduce, .argMax, .copy, .fill, .gather, .interpolate, .select, .cast,
      .matMul, .compare, .layerNormalization:
      []
    }
  }
}
