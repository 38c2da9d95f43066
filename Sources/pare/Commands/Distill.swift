import ArgumentParser
import Distillation
import Foundation
import Graph
import Measurement
import Training

struct Distill: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Teaches a small network what a large one knows.",
    discussion: """
      The student learns the teacher's scores, softened by --temperature so that the small ones tell something too, \
      and the labels; --alpha is the teacher's share. Without labels the teacher alone teaches. The student is an ONNX \
      file (a smaller network, or the teacher itself after pruning), or the network of a recipe. --match makes a tensor \
      of the student like one of the teacher (pare inspect shows names); where they differ in channels, a projection is \
      learned and left out of the file. What the teacher says is computed once and kept in --answers for later runs; \
      with --set augment=... it is asked about every changed sample. docs/distillation.md says more.

        pare distill --teacher big.onnx --student small.onnx --data train.yaml --test test.yaml -o student.onnx
        pare distill --teacher big.onnx --student-recipe recipe.yaml --data train.yaml --epochs 20 -o student.onnx
        pare distill --teacher big.onnx --student small.onnx --data unlabelled.yaml --match relu3=relu2 -o student.onnx
      """)

  @Option(help: "The .onnx file to learn from.") var teacher: String
  @Option(help: "The .onnx file to begin with.") var student: String?
  @Option(help: "A recipe whose network is the student; nothing else of it is used.") var studentRecipe: String?
  @Option(help: "The training data set's YAML file; labels are optional.") var data: String
  @Option(help: "What the scores of both are divided by before they are compared.") var temperature = 4.0
  @Option(help: "The teacher's share of the loss; 0.9 if not given, 1 without labels.") var alpha: Double?
  @Option(
    name: .customLong("match"),
    help: ArgumentHelp("A tensor of the teacher and one of the student; may be repeated.", valueName: "teacher=student")
  )
  var matches: [String] = []
  @Option(help: "What the mean squared error of each match counts in the loss.") var matchWeight = 1.0
  @Option(help: "The folder that keeps the teacher's answers; teacher-answers beside the output if not given.")
  var answers: String?
  @Flag(help: "Ask the teacher in every step instead of keeping its answers.") var keepNothing = false
  @Option(help: "Times through the data.") var epochs = 10
  @Option(help: "Learning rate of Adam, falling to 0 along half a cosine.") var learningRate = 0.001
  @OptionGroup var tuning: FineTuningOptions
  @OptionGroup var options: TrainingOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (student == nil) != (studentRecipe == nil) else {
      throw ValidationError("expected --student or --student-recipe, one of them")
    }
    guard answers == nil || !keepNothing else { throw ValidationError("--answers: --keep-nothing keeps none") }
  }

  private var studentFile: String { student ?? studentRecipe ?? "" }

  func run() throws {
    let settings = try settings()
    guard let (recipe, document) = try recipe() else { return }
    options.begin()
    let graph = try Reading.graph(teacher)
    let run: DistillationRun
    var progress: Progress?
    do throws(DistillationError) {
      run = try DistillationRun(
        recipe, document: document, teacher: graph, settings: settings, answers: keepNothing ? nil : answersFolder
      ) { event in
        switch event {
        case .answersFound: break
        case .answersDamaged(let path, let reason): Console.warning("\(path): \(reason); the teacher is asked again")
        case .answered(let samples, let total):
          if progress == nil { progress = Progress("asking the teacher", total: total) }
          progress?.update(samples)
          if samples == total { progress = nil }
        }
      }
    } catch { throw error.failure(teacher: teacher, student: studentFile) }
    let report = try distilled(run, settings)
    try output.print(report, else: report.text + "\(options.path)\n")
  }

  /// Trains, writes the student and measures it.
  private func distilled(_ run: DistillationRun, _ settings: DistillationSettings) throws -> DistillationReport {
    let (network, training) = try options.train(run.training, file: studentFile)
    var report = DistillationReport(alpha: run.alpha, temperature: settings.temperature, training: training)
    do throws(TrainingError) {
      if let test = run.training.test, let after = try run.figures(of: network, on: test) {
        report.metric = after.metric.rawValue
        report.testAfter = TrainingReport.Figures(after.figures)
        report.testBefore = try run.figures(of: run.student, on: test).map { TrainingReport.Figures($0.figures) }
        report.teacher = try run.figures(of: nil, on: test).map { TrainingReport.Figures($0.figures) }
        // Its loss is of the teacher's answers too, which says less.
        report.training.test = nil
      }
    } catch { throw error.failure(file: studentFile) }
    try options.conclude(training)
    return report
  }

  private var answersFolder: String {
    answers
      ?? URL(fileURLWithPath: options.path).deletingLastPathComponent().appendingPathComponent("teacher-answers").path
  }

  private func settings() throws(CommandFailure) -> DistillationSettings {
    var settings = DistillationSettings(temperature: temperature, alpha: alpha, matchWeight: matchWeight)
    for text in matches {
      let names = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard names.count == 2 else { throw CommandFailure("--match \(text): expected TEACHER=STUDENT", .usage) }
      settings.matches.append(FeatureMatch(teacher: names[0], student: names[1]))
    }
    return settings
  }

  /// The recipe; nil where it was only to be shown.
  private func recipe() throws -> (SupervisedRecipe, RecipeDocument)? {
    do throws(RecipeError) {
      let document = try tuning.recipe(
        model: studentFile, data: data, epochs: epochs, learningRate: learningRate
      ) { (document) throws(RecipeError) in
        guard let studentRecipe else { return }
        try document.set("network", to: RecipeDocument(contentsOf: studentRecipe).yaml(of: "network"))
      }
      if tuning.writeRecipe {
        print(try document.yaml(), terminator: "")
        return nil
      }
      guard case .supervised(let recipe) = try Recipe(document) else {
        throw .noSuchPlace(RecipePlace(file: studentFile, key: "kind"), reason: "students learn in supervised training")
      }
      return (recipe, document)
    } catch { throw CommandFailure("\(error)", .usage) }
  }
}

/// What `pare distill` reports.
struct DistillationReport: Report {
  var alpha: Double
  var temperature: Double
  /// What `metric` of the test figures is.
  var metric: String?
  /// On the test data, against their labels.
  var teacher: TrainingReport.Figures?
  var testBefore: TrainingReport.Figures?
  var testAfter: TrainingReport.Figures?
  var training: TrainingReport

  var text: String {
    var text = training.text
    guard let metric else { return text }
    for (name, figures) in [("teacher", teacher), ("student before", testBefore), ("student after", testAfter)] {
      if let figures { text += "\(name.padding(toLength: 15, withPad: " ", startingAt: 0)) \(figures.text(metric))\n" }
    }
    return text
  }
}
