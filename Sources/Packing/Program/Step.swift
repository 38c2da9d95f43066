import ModelFormat

/// One step of a program: its code and fields; tensors are positions in `Program.tensors`.
package enum Step: Sendable {
  case convolutionInt8(ConvolutionInt8Record)
  case convolutionFloat(ConvolutionFloatRecord)
  case depthwiseInt8(ConvolutionInt8Record)
  case depthwiseFloat(ConvolutionFloatRecord)
  case maxPool(MaxPoolRecord)
  case averagePoolInt8(AveragePoolInt8Record)
  case averagePoolFloat(AveragePoolFloatRecord)
  case addInt8(BinaryInt8Record)
  case mulInt8(BinaryInt8Record)
  case table(TableRecord)
  case quantize(AffineMapRecord)
  case dequantize(AffineMapRecord)
  case binaryFloat(BinaryRecord)
  case unaryFloat(UnaryFloatRecord)
  case softmax(SoftmaxRecord)
  case reduce(ReduceRecord)
  case argMax(ArgMaxRecord)
  case copy(CopyRecord)
  case fill(FillRecord)
  case gather(GatherRecord)
  case interpolate(InterpolateRecord)
  case select(SelectRecord)
  case cast(CastRecord)
  case matMul(MatMulRecord)
  case compare(BinaryRecord)
  case recurrent(RecurrentRecord)
  case layerNormalization(LayerNormalizationRecord)

  package var code: StepCode {
    switch self {
    case .convolutionInt8: .convolutionInt8
    case .convolutionFloat: .convolutionFloat
    case .depthwiseInt8: .depthwiseInt8
    case .depthwiseFloat: .depthwiseFloat
    case .maxPool: .maxPool
    case .averagePoolInt8: .averagePoolInt8
    case .averagePoolFloat: .averagePoolFloat
    case .addInt8: .addInt8
    case .mulInt8: .mulInt8
    case .table: .table
    case .quantize: .quantize
    case .dequantize: .dequantize
    case .binaryFloat: .binaryFloat
    case .unaryFloat: .unaryFloat
    case .softmax: .softmax
    case .reduce: .reduce
    case .argMax: .argMax
    case .copy: .copy
    case .fill: .fill
    case .gather: .gather
    case .interpolate: .interpolate
    case .select: .select
    case .cast: .cast
    case .matMul: .matMul
    case .compare: .compare
    case .recurrent: .recurrent
    case .layerNormalization: .layerNormalization
    }
  }

  /// The fields.
  package var record: any PackedRecord {
    switch self {
    case .convolutionInt8(let record): record
    case .convolutionFloat(let record): record
    case .depthwiseInt8(let record): record
    case .depthwiseFloat(let record): record
    case .maxPool(let record): record
    case .averagePoolInt8(let record): record
    case .averagePoolFloat(let record): record
    case .addInt8(let record): record
    case .mulInt8(let record): record
    case .table(let record): record
    case .quantize(let record): record
    case .dequantize(let record): record
    case .binaryFloat(let record): record
    case .unaryFloat(let record): record
    case .softmax(let record): record
    case .reduce(let record): record
    case .argMax(let record): record
    case .copy(let record): record
    case .fill(let record): record
    case .gather(let record): record
    case .interpolate(let record): record
    case .select(let record): record
    case .cast(let record): record
    case .matMul(let record): record
    case .compare(let record): record
    case .recurrent(let record): record
    case .layerNormalization(let record): record
    }
  }

  /// The same step with its tensors renamed.
  package func renamed(_ rename: (TensorIndex) -> TensorIndex) -> Step {
    switch self {
    case .convolutionInt8(let record): .convolutionInt8(record.renamed(rename))
    case .convolutionFloat(let record): .convolutionFloat(record.renamed(rename))
    case .depthwiseInt8(let record): .depthwiseInt8(record.renamed(rename))
    case .depthwiseFloat(let record): .depthwiseFloat(record.renamed(rename))
    case .maxPool(let record): .maxPool(record.renamed(rename))
    case .averagePoolInt8(let record): .averagePoolInt8(record.renamed(rename))
    case .averagePoolFloat(let record): .averagePoolFloat(record.renamed(rename))
    case .addInt8(let record): .addInt8(record.renamed(rename))
    case .mulInt8(let record): .mulInt8(record.renamed(rename))
    case .table(let record): .table(record.renamed(rename))
    case .quantize(let record): .quantize(record.renamed(rename))
    case .dequantize(let record): .dequantize(record.renamed(rename))
    case .binaryFloat(let record): .binaryFloat(record.renamed(rename))
    case .unaryFloat(let record): .unaryFloat(record.renamed(rename))
    case .softmax(let record): .softmax(record.renamed(rename))
    case .reduce(let record): .reduce(record.renamed(rename))
    case .argMax(let record): .argMax(record.renamed(rename))
    case .copy(let record): .copy(record.renamed(rename))
    case .fill(let record): .fill(record.renamed(rename))
    case .gather(let record): .gather(record.renamed(rename))
    case .interpolate(let record): .interpolate(record.renamed(rename))
    case .select(let record): .select(record.renamed(rename))
    case .cast(let record): .cast(record.renamed(rename))
    case .matMul(let record): .matMul(record.renamed(rename))
    case .compare(let record): .compare(record.renamed(rename))
    case .recurrent(let record): .recurrent(record.renamed(rename))
    case .layerNormalization(let record): .layerNormalization(record.renamed(rename))
    }
  }
}
