import ModelFormat

// Each case may be left out of an executable that is built for one model: the cross-build then defines
// PARE_SELECT_STEPS and a PARE_STEP_ name for every step code the model has.
//
// The steps with the largest records are made out of line: in one function with all others they would give it a stack
// frame that x86-64 reaches only with longer instructions.

extension Loader {
  /// The step that a record describes, checked and prepared.
  func prepare(_ code: StepCode, _ fields: WordReader, index: Int) throws(LoadError) -> Step {
    do throws(StepProblem) {
      if let step = try prepare(code, fields) { return step }
    } catch {
      throw .step(index: index, code: code, error)
    }
    throw .stepNotBuiltIn(index: index, code: code)
  }

  private func prepare(_ code: StepCode, _ fields: WordReader) throws(StepProblem) -> Step? {
    switch code {
    case .convolutionInt8:
      #if !PARE_SELECT_STEPS || PARE_STEP_CONVOLUTION_INT8
        return try ConvolutionInt8Step(read(fields), self)
      #else
        return nil
      #endif
    case .convolutionFloat:
      #if !PARE_SELECT_STEPS || PARE_STEP_CONVOLUTION_FLOAT
        return try ConvolutionFloatStep(read(fields), self)
      #else
        return nil
      #endif
    case .depthwiseInt8:
      #if !PARE_SELECT_STEPS || PARE_STEP_DEPTHWISE_INT8
        return try DepthwiseInt8Step(read(fields), self)
      #else
        return nil
      #endif
    case .depthwiseFloat:
      #if !PARE_SELECT_STEPS || PARE_STEP_DEPTHWISE_FLOAT
        return try DepthwiseFloatStep(read(fields), self)
      #else
        return nil
      #endif
    case .maxPool:
      #if !PARE_SELECT_STEPS || PARE_STEP_MAX_POOL
        return try MaxPoolStep(read(fields), self)
      #else
        return nil
      #endif
    case .averagePoolInt8:
      #if !PARE_SELECT_STEPS || PARE_STEP_AVERAGE_POOL_INT8
        return try AveragePoolInt8Step(read(fields), self)
      #else
        return nil
      #endif
    case .averagePoolFloat:
      #if !PARE_SELECT_STEPS || PARE_STEP_AVERAGE_POOL_FLOAT
        return try AveragePoolFloatStep(read(fields), self)
      #else
        return nil
      #endif
    case .addInt8:
      #if !PARE_SELECT_STEPS || PARE_STEP_ADD_INT8
        return try AddInt8Step(read(fields), self)
      #else
        return nil
      #endif
    case .mulInt8:
      #if !PARE_SELECT_STEPS || PARE_STEP_MUL_INT8
        return try MulInt8Step(read(fields), self)
      #else
        return nil
      #endif
    case .table:
      #if !PARE_SELECT_STEPS || PARE_STEP_TABLE
        return try TableStep(read(fields), self)
      #else
        return nil
      #endif
    case .quantize:
      #if !PARE_SELECT_STEPS || PARE_STEP_QUANTIZE
        return try QuantizeStep(read(fields), self)
      #else
        return nil
      #endif
    case .dequantize:
      #if !PARE_SELECT_STEPS || PARE_STEP_DEQUANTIZE
        return try DequantizeStep(read(fields), self)
      #else
        return nil
      #endif
    case .binaryFloat:
      #if !PARE_SELECT_STEPS || PARE_STEP_BINARY_FLOAT
        return try BinaryFloatStep(read(fields), self)
      #else
        return nil
      #endif
    case .unaryFloat:
      #if !PARE_SELECT_STEPS || PARE_STEP_UNARY_FLOAT
        return try UnaryFloatStep(read(fields), self)
      #else
        return nil
      #endif
    case .softmax:
      #if !PARE_SELECT_STEPS || PARE_STEP_SOFTMAX
        return try SoftmaxStep(read(fields), self)
      #else
        return nil
      #endif
    case .reduce:
      #if !PARE_SELECT_STEPS || PARE_STEP_REDUCE
        return try ReduceStep(read(fields), self)
      #else
        return nil
      #endif
    case .argMax:
      #if !PARE_SELECT_STEPS || PARE_STEP_ARG_MAX
        return try ArgMaxStep(read(fields), self)
      #else
        return nil
      #endif
    case .copy:
      #if !PARE_SELECT_STEPS || PARE_STEP_COPY
        return try CopyStep(read(fields), self)
      #else
        return nil
      #endif
    case .fill:
      #if !PARE_SELECT_STEPS || PARE_STEP_FILL
        return try FillStep(read(fields), self)
      #else
        return nil
      #endif
    case .gather:
      #if !PARE_SELECT_STEPS || PARE_STEP_GATHER
        return try GatherStep(read(fields), self)
      #else
        return nil
      #endif
    case .interpolate:
      #if !PARE_SELECT_STEPS || PARE_STEP_INTERPOLATE
        return try InterpolateStep(read(fields), self)
      #else
        return nil
      #endif
    case .select:
      #if !PARE_SELECT_STEPS || PARE_STEP_SELECT
        return try SelectStep(read(fields), self)
      #else
        return nil
      #endif
    case .cast:
      #if !PARE_SELECT_STEPS || PARE_STEP_CAST
        return try CastStep(read(fields), self)
      #else
        return nil
      #endif
    case .matMul:
      #if !PARE_SELECT_STEPS || PARE_STEP_MAT_MUL
        return try MatMulStep(read(fields), self)
      #else
        return nil
      #endif
    case .compare:
      #if !PARE_SELECT_STEPS || PARE_STEP_COMPARE
        return try CompareStep(read(fields), self)
      #else
        return nil
      #endif
    case .recurrent:
      #if !PARE_SELECT_STEPS || PARE_STEP_RECURRENT
        return try RecurrentStep(read(fields), self)
      #else
        return nil
      #endif
    case .layerNormalization:
      #if !PARE_SELECT_STEPS || PARE_STEP_LAYER_NORMALIZATION
        return try LayerNormalizationStep(read(fields), self)
      #else
        return nil
      #endif
    }
  }

  /// Reads a record's fields; format errors become step problems.
  private func read<R: StepRecord>(_ fields: WordReader) throws(StepProblem) -> R {
    do throws(FormatError) {
      return try R(fields)
    } catch {
      throw .format(error)
    }
  }
}
