import Datasets
import Foundation
import Packing
import Training

/// Takes a network through the stages of a recipe, each of them a command that a user could type.
///
/// Every stage's network, packed form and report stand in the folder under names of their own. A stage whose options,
/// input files and tool are those of an earlier run is not run again, and one that was interrupted goes on from its
/// checkpoint.
public final class CompressionRun {
  /// What a recipe calls the network that the pipeline begins with, as in `teacher: start`.
  public static let startName = "start"

  /// Runs a command of the tool: its arguments, and where its report goes. Gives the exit code.
  public typealias Execute = (_ arguments: [String], _ report: String) throws -> Int32

  /// What a run tells while it goes.
  public enum Event {
    case stage(number: Int, of: Int, command: String)
    /// The stage's result stands from an earlier run.
    case reused(number: Int, of: Int, command: String)
    case measured(CompressionReport.Row)
  }

  /// What the folder says of a stage that ended, or is running.
  private struct Record: Codable {
    var key: String
    /// Hash of the network that the stage wrote; nil while it runs.
    var result: String?
    var seconds: Double?
    var figures: StageFigures?
    /// Where the bytes of the packed network are, as a table.
    var ledger: String?
  }

  public let recipe: CompressionRecipe
  private let folder: URL
  private let tool: String
  private let execute: Execute
  private var records: [String: Record]

  /// `tool` identifies the version of the tool, whose results of earlier versions are not taken over.
  public init(_ recipe: CompressionRecipe, folder: String, tool: String, execute: @escaping Execute) {
    self.recipe = recipe
    self.folder = URL(fileURLWithPath: folder)
    self.tool = tool
    self.execute = execute
    let state = self.folder.appendingPathComponent("stages.json")
    // What cannot be read is done again.
    records = (try? JSONDecoder().decode([String: Record].self, from: Data(contentsOf: state))) ?? [:]
  }

  /// Where a file of the result stands.
  public func path(_ name: String) -> String { folder.appendingPathComponent(name).relativePath }

  private func name(_ index: Int) -> String { "\(index + 1)-\(recipe.stages[index].kind.rawValue)" }

  /// The stages as commands, each on the network that the one before it writes. Errors: what a stage lacks.
  private func commands() throws(PipelineError) -> [StageCommand] {
    var model = recipe.network
    var start = model
    var commands: [StageCommand] = []
    for (index, stage) in recipe.stages.enumerated() {
      let output = path("\(name(index)).onnx")
      commands.append(
        try StageCommand(
          stage, number: index + 1, recipe: recipe, model: model, start: start ?? output, output: output))
      model = output
      start = start ?? output
    }
    return commands
  }

  /// Arguments of every stage's command, to be checked before any of them runs. Errors: what a stage lacks.
  public func arguments() throws(PipelineError) -> [[String]] { try commands().map(\.arguments) }

  /// Runs or takes over every stage, and packs the last network as `model.pare`.
  ///
  /// Errors: `.stageFailed`, `.interrupted`, and what makes a network impossible to pack or to measure.
  public func run(
    isInterrupted: () -> Bool = { false }, observe: (Event) -> Void = { _ in }
  ) throws(PipelineError) -> CompressionReport {
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw .unwritable(path: folder.path, reason: error.localizedDescription)
    }
    let specification: DatasetSpecification
    let test: Dataset
    do throws(DatasetError) {
      specification = try DatasetSpecification(contentsOf: recipe.data.test)
      test = try Dataset(contentsOf: recipe.data.test)
    } catch { throw .dataset(error) }
    var rows: [CompressionReport.Row] = []
    func measure(_ name: String, _ model: String, _ record: inout Record) throws(PipelineError) {
      let packed = path("\(name).pare")
      if record.figures == nil || !FileManager.default.fileExists(atPath: packed) {
        record.figures = try StageFigures(
          of: model, packed: packed, originalParameters: rows.first?.figures.parameters, test: test,
          specification: specification, ledger: &record.ledger)
      }
      records[name] = record
      try save()
      guard let figures = record.figures else { return }
      rows.append(CompressionReport.Row(name: name, figures: figures, seconds: record.seconds))
      observe(.measured(rows[rows.count - 1]))
    }

    if let network = recipe.network {
      let key = hash(of: network)
      var record = records["0-start"].flatMap { $0.key == key ? $0 : nil } ?? Record(key: key, result: key)
      try measure("0-start", network, &record)
    }
    for (index, command) in try commands().enumerated() {
      let name = self.name(index)
      var record = try perform(command, name: name, number: index + 1, isInterrupted: isInterrupted, observe: observe)
      try measure(name, path("\(name).onnx"), &record)
    }
    try finish(rows.last?.name)
    return CompressionReport(rows: rows, ledger: rows.last.flatMap { records[$0.name]?.ledger }, gates: recipe.gates)
  }

  /// Runs one stage, or finds that it has been run.
  private func perform(
    _ command: StageCommand, name: String, number: Int, isInterrupted: () -> Bool, observe: (Event) -> Void
  ) throws(PipelineError) -> Record {
    let output = path("\(name).onnx")
    let key = command.key(tool: tool)
    let count = recipe.stages.count
    if let record = records[name], record.key == key, let result = record.result, hash(of: output) == result {
      observe(.reused(number: number, of: count, command: command.text))
      return record
    }
    let checkpoint = output + ".checkpoint"
    var arguments = command.arguments
    if FileManager.default.fileExists(atPath: checkpoint) {
      // Of this very stage, or of one that the recipe no longer asks for.
      if records[name]?.key == key {
        arguments.append("--resume")
      } else {
        try? FileManager.default.removeItem(atPath: checkpoint)
      }
    }
    observe(.stage(number: number, of: count, command: command.text))
    var record = Record(key: key)
    records[name] = record
    try save()
    let begin = ContinuousClock.now
    let status: Int32
    do { status = try execute(arguments + ["--json"], path("\(name).json")) } catch {
      throw .unwritable(path: path("\(name).json"), reason: error.localizedDescription)
    }
    guard status == 0 else {
      throw isInterrupted()
        ? .interrupted(stage: number, command: command.text)
        : .stageFailed(stage: number, command: command.text, status: status)
    }
    record.result = hash(of: output)
    record.seconds = begin.duration(to: .now).inSeconds
    return record
  }

  /// The last stage's packed form is the result.
  private func finish(_ name: String?) throws(PipelineError) {
    guard let name else { return }
    let target = path("model.pare")
    do {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path("\(name).pare")))
      try bytes.write(to: URL(fileURLWithPath: target), options: .atomic)
    } catch { throw .unwritable(path: target, reason: error.localizedDescription) }
  }

  private func hash(of file: String) -> String {
    var hash = StableHash()
    ContentHash.add(file, to: &hash)
    return hash.text
  }

  private func save() throws(PipelineError) {
    let file = folder.appendingPathComponent("stages.json")
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
      try encoder.encode(records).write(to: file, options: .atomic)
    } catch { throw .unwritable(path: file.path, reason: error.localizedDescription) }
  }
}
