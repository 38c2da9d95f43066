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
  let parameters = options.originalParameters ?? prepared.parameterCount
  let parts = try PackedParts(program, plan, metadata: metadata(program, prepared, options))
  let header = try header(program, plan, parameters: parameters)
  var file = try parts.assembled(header, golden: [])
  if options.includesGoldenVectors {
    // The file without vectors is run to find out what they are.
    file = try parts.assembled(header, golden: GoldenVectors.section(file.bytes, program))
  }
  let ledger = Ledger(program, parts, file, arenaBytes: plan.bytes, originalParameters: parameters)
  return PackedModel(
    bytes: file.bytes, ledger: ledger, arena: ArenaReport(plan, program), steps: program.listing,
    notes: lowering.notes)
}

/// A program with its constants compressed: what a file is assembled from.
struct PackedParts {
  let program: Program
  let coded: CodedTensors
  let weights: WeightSections
  let metadata: [UInt8]
  /// The words of the program.
  let words: [UInt8]

  init(_ program: Program, _ plan: ArenaPlan, metadata: [UInt8]) throws(PackError) {
    self.program = program
    self.metadata = metadata
    coded = try CodedTensors(program)
    weights = try WeightSections(program, coded.others)
    do {
      words = try program.encoded(coded, weights, plan)
    } catch {
      throw .selfCheckFailed(reason: "\(error)")
    }
  }

  /// A whole file, and the streams that it is made of.
  struct File {
    var bytes: [UInt8]
    var network: NetworkStream
    var sections: [FileAssembly.Section]
  }

  func assembled(_ header: Header, golden: [UInt8]) throws(PackError) -> File {
    let network = try NetworkStream(program: words, metadata: metadata, golden: golden, program, coded)
    let sections =
      [try FileAssembly.Section(.network, network.bytes)] + weights.sections.map { FileAssembly.Section($0) }
    let assembly = FileAssembly(header: header, sections: sections)
    return File(bytes: try assembly.bytes(), network: network, sections: sections)
  }
}

private func header(_ program: Program, _ plan: ArenaPlan, parameters: Int) throws(PackError) -> Header {
  let constantBytes = program.tensors.reduce(0) { $0 + ($1.constantBytes?.count ?? 0) }
  guard plan.bytes + constantBytes <= Int(Int32.max) else { throw .tooLarge(bytes: plan.bytes + constantBytes) }
  var header = Header()
  header.arenaBytes = UInt32(plan.bytes)
  header.weightBytes = UInt32(constantBytes)
  header.multiplyAccumulates = program.steps.reduce(0) { $0 + UInt64($1.step.multiplyAccumulates) }
  header.originalParameters = UInt32(clamping: parameters)
  return header
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
