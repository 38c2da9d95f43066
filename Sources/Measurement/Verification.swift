import Foundation
import ModelFormat
import Runtime
import Targets

/// What running golden vectors showed, for each instruction set.
public struct VerificationReport: Report, Equatable {
  public struct Run: Sendable, Equatable, Encodable {
    public var target: String
    public var isa: String
    public var identical: Bool
    /// What was compared, or where the first difference is.
    public var detail: String
  }

  public var model: String
  public var runs: [Run]

  public init(model: String, runs: [Run]) {
    self.model = model
    self.runs = runs
  }

  public var table: String {
    var table = TextTable([.init("target"), .init("instruction set"), .init("outputs"), .init("detail")])
    for run in runs { table.add([run.target, run.isa, run.identical ? "identical" : "DIFFERENT", run.detail]) }
    return table.rendered
  }
}

/// Runs a model's golden vectors in this process with every instruction set of this CPU.
public struct HostVerification {
  public var path: String

  public init(path: String) { self.path = path }

  public func run() throws(PackedNetworkError) -> [VerificationReport.Run] {
    var runs: [VerificationReport.Run] = []
    for name in InstructionSets.available {
      let network = try PackedNetwork(contentsOf: path, instructionSet: name)
      let result = network.model.verify()
      runs.append(
        VerificationReport.Run(
          target: "this machine", isa: name, identical: result.isIdentical,
          detail: result.sentence(stepNames: network.names(.stepName))))
    }
    return runs
  }
}

extension VerificationResult {
  public var isIdentical: Bool { if case .identical = self { true } else { false } }

  /// The result in words; a differing step by its name.
  public func sentence(stepNames: [String]) -> String {
    switch self {
    case .identical(let vectors, let steps): return "\(steps) steps, \(vectors) vectors"
    case .different(let vector, let step, let expected, let found):
      let name = step < stepNames.count ? " (\(stepNames[step]))" : ""
      let sums = "expected \(String(expected, radix: 16)), found \(String(found, radix: 16))"
      return "vector \(vector): step \(step)\(name) differs: \(sums)"
    case .noVectors: return "the file carries no golden vectors"
    case .malformed: return "the golden vectors do not fit the program"
    }
  }
}

/// Runs a model's golden vectors with a target's executable, natively or under an emulator.
public struct TargetVerification {
  public var target: Target
  public var executable: URL

  public init(target: Target, executable: URL) {
    self.target = target
    self.executable = executable
  }

  /// One run for each instruction set the target's CPU has, and one for the scalar reference.
  public func run(model: String) throws(TargetVerificationError) -> [VerificationReport.Run] {
    let emulator: Emulator
    do throws(EmulatorError) { emulator = try Emulator(for: target, executable: executable) } catch {
      throw .emulator(error)
    }
    let place = emulator.isEmulated ? "\(target.id) (emulated)" : target.id
    var runs: [VerificationReport.Run] = []
    for isa in target.instructionSets.filter(\.isDispatched).map(\.rawValue) + ["scalar"] {
      let outcome = try start(emulator, ["verify", model, "--isa", isa], isa: isa)
      guard outcome.status == 0 || outcome.status == 6 else {
        throw .failed(isa: isa, status: outcome.status, output: outcome.output)
      }
      runs.append(
        VerificationReport.Run(
          target: place, isa: isa, identical: outcome.status == 0,
          detail: outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)))
    }
    return runs
  }

  private func start(
    _ emulator: Emulator, _ arguments: [String], isa: String
  ) throws(TargetVerificationError) -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = emulator.program
    process.arguments = emulator.arguments(arguments)
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    do { try process.run() } catch {
      throw .notStarted(program: emulator.program.path, reason: error.localizedDescription)
    }
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}

public enum TargetVerificationError: Error, Sendable {
  case emulator(EmulatorError)
  case notStarted(program: String, reason: String)
  case failed(isa: String, status: Int32, output: String)
}
