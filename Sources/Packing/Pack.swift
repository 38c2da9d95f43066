import Foundation
import Graph
import HostTensors
import ModelFormat
import Operators

/// What a packed file says about its network beside the network itself.
public struct PackOptions: Sendable {
  /// nil takes the graph's name.
  public var networkName: String?
  public var classNames: [String] = []
  public var preprocessing: PackedPreprocessing?
  /// Parameters before any compression; nil counts those of the graph as it is.
  public var originalParameters: Int?
  /// Whether to run the file and store checksums that prove another device right.
  public var includesGoldenVectors = true

  public init() {}
}

/// One step of a packed program, for listings.
public struct PackedStep: Sendable, Codable, Equatable {
  public var name: String
  /// The name of its step code, for example `convolution-int8`.
  public var kind: String
  /// The bytes it writes.
  public var outputBytes: Int
}

/// A network as a .pare file, with what there is to say about it.
public struct PackedModel: Sendable {
  public var bytes: [UInt8]
  public var ledger: Ledger
  public var arena: ArenaReport
  public var steps: [PackedStep]
  public var notes: [PackNote]

  /// Writes the file under a temporary name beside `url`, then renames it, so that no reader sees a part.
  ///
  /// Errors: `.writeFailed`.
  public func write(to url: URL) throws(PackError) {
    do {
      try Data(bytes).write(to: url, options: .atomic)
    } catch {
      throw .writeFailed(path: url.path, reason: error.localizedDescription)
    }
  }
}

/// Lowers, plans, compresses and checks a network.
///
/// The graph may be float, quantized as QuantizeLinear/DequantizeLinear pairs, or mixed; symbolic
/// extents must be fixed. Errors: `PackError`; what stays float is not an error but a note.
public func pack(_ graph: Graph, options: PackOptions = PackOptions()) throws(PackError) -> PackedModel {
  let prepared: Graph
  do {
    prepared = try preparedForLowering(graph)
  } catch {
    throw .graph(error)
  }
  let lowering = Lowering(prepared)
  let program = try lowering.run()
  let plan = ArenaPlan(program)
  let weights = try WeightSections(program)
  guard plan.bytes + weights.rawBytes <= Int(Int32.max) else { throw .tooLarge(bytes: plan.bytes + weights.rawBytes) }
  let parameters = options.originalParameters ?? prepared.parameterCount
  let programSection = try FileAssembly.Section(.program, encodedProgram(program, weights, plan))
  let metadataSection = try FileAssembly.Section(.metadata, metadata(program, prepared, options))
  var assembly = FileAssembly()
  assembly.header = header(program, plan, weights, parameters: parameters)
  assembly.sections = [programSection, metadataSection] + weights.sections.map { FileAssembly.Section($0) }
  var bytes = try assembly.bytes()
  var goldenBytes = 0
  if options.includesGoldenVectors {
    // The file without vectors is run to find out what they are.
    let golden = try FileAssembly.Section(.golden, GoldenVectors.section(bytes, program))
    goldenBytes = golden.compressed.count
    assembly.sections.insert(golden, at: 2)
    bytes = try assembly.bytes()
  }
  let entries = Ledger.entries(program, weights)
  let ledger = Ledger(
    entries: entries, originalParameters: parameters, fileBytes: bytes.count, rawBytes: 4 * parameters,
    storedBytes: weights.rawBytes, entropyBytes: Int(entries.reduce(0) { $0 + $1.entropyBytes }.rounded(.up)),
    compressedBytes: weights.compressedBytes, arenaBytes: plan.bytes, steps: program.steps.count,
    programBytes: programSection.compressed.count, metadataBytes: metadataSection.compressed.count,
    goldenBytes: goldenBytes)
  return PackedModel(
    bytes: bytes, ledger: ledger, arena: ArenaReport(plan, program), steps: program.listing, notes: lowering.notes)
}

private func header(
  _ program: Program, _ plan: ArenaPlan, _ weights: WeightSections, parameters: Int
) -> Header {
  var header = Header()
  header.arenaBytes = UInt32(plan.bytes)
  header.weightBytes = UInt32(weights.rawBytes)
  header.multiplyAccumulates = program.steps.reduce(0) { $0 + UInt64($1.step.multiplyAccumulates) }
  header.originalParameters = UInt32(clamping: parameters)
  return header
}

private func encodedProgram(
  _ program: Program, _ weights: WeightSections, _ plan: ArenaPlan
) throws(PackError) -> [UInt8] {
  do {
    return try program.encoded(weights, plan)
  } catch {
    throw .selfCheckFailed(reason: "\(error)")
  }
}

/// The graph as the lowering reads it: simplified, sorted, typed.
private func preparedForLowering(_ graph: Graph) throws(GraphError) -> Graph {
  var (graph, _) = try simplified(graph)
  try graph.sortTopologically()
  try graph.inferShapes()
  return graph
}

private func metadata(_ program: Program, _ graph: Graph, _ options: PackOptions) -> [UInt8] {
  var writer = MetadataWriter()
  let name = options.networkName ?? graph.name
  if !name.isEmpty { writer.add(.networkName, name) }
  for input in program.inputs { writer.add(.inputName, input.name) }
  for output in program.outputs { writer.add(.outputName, output.name) }
  for name in MetadataWriter.shortened(program.steps.map(\.name)) { writer.add(.stepName, name) }
  for name in options.classNames { writer.add(.className, name) }
  if let preprocessing = options.preprocessing { writer.add(.preprocessing, preprocessing.encoded) }
  return writer.bytes
}

extension Program {
  var listing: [PackedStep] {
    steps.map { named in
      let written = named.step.record.operands.filter { $0.role == .write }
      return PackedStep(
        name: named.name, kind: "\(named.step.code.name)",
        outputBytes: written.reduce(0) { $0 + self[$1.tensor].byteCount })
    }
  }
}
