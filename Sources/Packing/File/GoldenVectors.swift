import ModelFormat
import Runtime
import TensorTypes

/// Inputs by recipe and the checksums of what every step makes of them.
enum GoldenVectors {
  /// The seeds of a file of so many bytes without vectors: small files hold one vector, since each costs as much as
  /// hundreds of weights.
  static func seeds(fileBytes: Int) -> [UInt32] { fileBytes < 128 << 10 ? [1] : [1, 2] }

  /// How random bytes become each input of the program.
  static func recipes(_ program: Program) -> [GoldenInput] {
    program.inputs.map { recipe(program, $0.tensor) }
  }

  private static func recipe(_ program: Program, _ tensor: TensorIndex) -> GoldenInput {
    switch program[tensor].dtype {
    case .float32:
      for named in program.steps {
        if case .quantize(let step) = named.step, step.input == tensor {
          // One byte more is one step of the quantized range more.
          let lowest: Int32 = program[step.output].dtype == .uint8 ? 0 : -128
          let offset = Float(lowest - step.affine.zeroPoint) * step.affine.scale
          return GoldenInput(scale: step.affine.scale, offset: offset, modulus: 0)
        }
      }
      return GoldenInput(scale: 2.0 / 255, offset: -1, modulus: 0)
    case .int32, .int64:
      for named in program.steps {
        if case .gather(let step) = named.step, step.indices == tensor {
          return GoldenInput(scale: 1, offset: 0, modulus: UInt32(step.axis))
        }
        // Lengths of sequences.
        if case .recurrent(let step) = named.step, step.lengths == tensor {
          return GoldenInput(scale: 1, offset: 0, modulus: UInt32(step.steps + 1))
        }
      }
      return GoldenInput()
    case .uint8, .int8, .uint16, .int16, .bool, .float16, .float64, .uint32, .uint64, .bfloat16: return GoldenInput()
    }
  }

  /// The golden section for a finished file without one, by running it.
  static func section(_ file: [UInt8], _ program: Program) throws(PackError) -> [UInt8] {
    let recipes = recipes(program)
    let seeds = seeds(fileBytes: file.count)
    let model: Model
    do {
      model = try file.withUnsafeBytes { (bytes) throws(LoadError) in try Model(bytes) }
    } catch {
      throw .selfCheckFailed(reason: "the packed file does not load: \(error)")
    }
    var writer = WordWriter()
    do {
      var header = GoldenHeader(
        vectorCount: seeds.count, inputCount: recipes.count, stepCount: program.steps.count)
      try header.code(&writer)
      for var recipe in recipes { try recipe.code(&writer) }
    } catch {
      throw .selfCheckFailed(reason: "\(error)")
    }
    for seed in seeds {
      model.fillInputs(seed: seed, recipes)
      writer.append(seed)
      for step in program.steps.indices {
        model.runStep(step)
        writer.append(model.stepChecksum(step))
      }
    }
    return writer.bytes
  }
}
