import ModelFormat

extension Step {
  /// Products of weights and activations that the step sums; 0 for steps that have none.
  ///
  /// The reader adds the same figures up and compares the total with the header's.
  var multiplyAccumulates: Int {
    switch self {
    case .convolutionInt8(let record):
      record.window.multiplyAccumulates(channelsPerOutput: record.window.inChannels / record.groups) ?? 0
    case .convolutionFloat(let record):
      record.window.multiplyAccumulates(channelsPerOutput: record.window.inChannels / record.groups) ?? 0
    case .depthwiseInt8(let record): record.window.multiplyAccumulates(channelsPerOutput: 1) ?? 0
    case .depthwiseFloat(let record): record.window.multiplyAccumulates(channelsPerOutput: 1) ?? 0
    case .matMul(let record):
      (0..<StridedExtents.rank).reduce(record.rows * record.depth * record.columns) { $0 * record.batch[$1] }
    case .recurrent(let record):
      record.steps * record.batch * (RecurrentCell(rawValue: record.cell)?.gateCount ?? 0) * record.hidden
        * record.hidden
    case .maxPool, .averagePoolInt8, .averagePoolFloat, .addInt8, .mulInt8, .table, .quantize, .dequantize,
      .binaryFloat, .unaryFloat, .softmax, .reduce, .argMax, .copy, .fill, .gather, .interpolate, .select, .cast,
      .compare, .layerNormalization:
      0
    }
  }
}
