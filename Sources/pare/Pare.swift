import ArgumentParser
import Foundation

/// The command line: each subcommand is one file under Commands; what they call lives in the modules.
@main
struct Pare: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pare",
    abstract: "Pares a trained network down until it fits an edge box.",
    discussion: """
      A walk from an ONNX network to one executable file:

        pare train    recipe.yaml -o model.onnx
        pare inspect  model.onnx
        pare prune    model.onnx --sparsity 0.9 --data train.yaml -o pruned.onnx
        pare quantize model.onnx --calibration calibration.yaml -o int8.onnx
        pare pack     int8.onnx -o model.pare
        pare eval     model.pare --data data.yaml
        pare build    --target raspberry-pi-4 --model model.pare -o app
        pare verify   model.pare --target raspberry-pi-4

      Figures go to standard output, as one JSON object with --json; progress \
      and messages go to standard error. Exit codes: 0 ok, 1 failure, 2 usage, 3 \
      unsupported model, 4 accuracy gate missed, 5 size or latency gate missed, \
      6 outputs differ.
      """,
    version: "0.1.0",
    groupedSubcommands: [
      CommandGroup(name: "LOOKING", subcommands: [Inspect.self, Doctor.self]),
      CommandGroup(name: "TRAINING", subcommands: [Train.self, Finetune.self, Tune.self]),
      CommandGroup(
        name: "COMPRESSING",
        subcommands: [
          Prune.self, Distill.self, Factorize.self, Cluster.self, Quantize.self, BlameCommand.self, Compress.self,
        ]),
      CommandGroup(name: "DEPLOYING", subcommands: [Pack.self, Build.self, Verify.self]),
      CommandGroup(name: "MEASURING AND RUNNING", subcommands: [Eval.self, Bench.self, Run.self]),
      CommandGroup(name: "GENERATING", subcommands: [Noise.self, Draw.self]),
    ])

  static func main() {
    // A reader that goes away (`pare inspect model.onnx | head`) is an ordinary end.
    signal(SIGPIPE, SIG_DFL)
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as CommandFailure {
      Console.error(failure.message)
      Foundation.exit(failure.status.rawValue)
    } catch {
      let text = fullMessage(for: error)
      let isRequest = exitCode(for: error) == .success
      if isRequest { print(text) } else { Console.write(text) }
      Foundation.exit(isRequest ? 0 : ExitStatus.usage.rawValue)
    }
  }
}

/// What a command's exit code says.
enum ExitStatus: Int32 {
  case failure = 1
  case usage = 2
  case unsupportedModel = 3
  case accuracyGate = 4
  case sizeOrLatencyGate = 5
  case outputsDiffer = 6
}

/// A failure in the words the user reads.
struct CommandFailure: Error {
  var message: String
  var status: ExitStatus

  init(_ message: String, _ status: ExitStatus = .failure) {
    self.message = message
    self.status = status
  }
}
