import Distillation
import Foundation
import Graph
import HostTensors
import Testing
import Training

/// Whole runs of a small student on a teacher of fixed weights.
struct DistillationRunTests {
  /// The hidden activations of teacher and student: 12 and 6 wide, so that a projection is learned.
  private static func match() throws -> FeatureMatch {
    let student = try layeredGraph(
      yaml: "{ input: [2], layers: [dense: { units: 6, activation: tanh }, dense: 3, softmax] }", seed: 1)
    return FeatureMatch(
      teacher: Workplace.valueName(try Workplace.teacher(), .tanh), student: Workplace.valueName(student, .tanh))
  }

  @Test(arguments: [false, true])
  func storedAnswersGiveTheSameWeightsAsAskedOnes(matchesFeatures: Bool) throws {
    let place = try Workplace()
    defer { place.remove() }
    let settings = DistillationSettings(matches: matchesFeatures ? [try Self.match()] : [])
    var found: [[[UInt32]]] = []
    // The third run finds the answers of the second.
    for isStored in [false, true, true] {
      let run = try place.run(["data.validation=0.2"], settings: settings, isStored: isStored)
      let outcome = try run.training.session.run(checkpoints: CheckpointSchedule(path: nil))
      found.append(Workplace.bits(try run.training.finished(outcome)))
    }
    #expect(found[0] == found[1] && found[0] == found[2])
    #expect(place.answerFiles.count == 2, "one for the training samples, one for the validation samples")
  }

  @Test func theSameSeedGivesTheSameWeightsOnAnyNumberOfThreads() throws {
    let place = try Workplace()
    defer { place.remove() }
    let threads = Parallel.threadCount
    defer { Parallel.threadCount = threads }
    var found: [[[UInt32]]] = []
    for count in [1, 2, 3] {
      Parallel.threadCount = count
      let run = try place.run(settings: .init(matches: [try Self.match()]), isStored: false)
      let outcome = try run.training.session.run(checkpoints: CheckpointSchedule(path: nil))
      found.append(Workplace.bits(outcome.graph))
    }
    #expect(found[0] == found[1] && found[0] == found[2])
  }

  @Test func anInterruptedRunEndsWithTheSameWeights() throws {
    let place = try Workplace()
    defer { place.remove() }
    let settings = DistillationSettings(matches: [try Self.match()])
    let whole = try place.run(settings: settings)
    let expected = Workplace.bits(
      try whole.training.finished(whole.training.session.run(checkpoints: CheckpointSchedule(path: nil))))

    let checkpoint = place.path("run.checkpoint")
    var steps = 0
    let interrupted = try place.run(settings: settings)
    do throws(TrainingError) {
      _ = try interrupted.training.session.run(
        checkpoints: CheckpointSchedule(path: checkpoint),
        isInterrupted: {
          steps += 1
          return steps == 23
        })
      Issue.record("not interrupted")
    } catch {
      guard case .interrupted = error else { throw error }
    }
    let resumed = try place.run(settings: settings)
    try resumed.training.session.resume(from: Checkpoint(contentsOf: checkpoint), path: checkpoint)
    let outcome = try resumed.training.session.run(checkpoints: CheckpointSchedule(path: nil))
    #expect(Workplace.bits(try resumed.training.finished(outcome)) == expected)

    // Another temperature is another run.
    var other = settings
    other.temperature = 2
    let foreign = try place.run(settings: other)
    #expect(throws: TrainingError.self) {
      try foreign.training.session.resume(from: Checkpoint(contentsOf: checkpoint), path: checkpoint)
    }
  }

  @Test func aDamagedFileOfAnswersIsNoticedAndMadeAnew() throws {
    let place = try Workplace()
    defer { place.remove() }
    let outcome = try place.run().training.session.run(checkpoints: CheckpointSchedule(path: nil))
    let file = try #require(place.answerFiles.first)
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    for damage in ["a flipped bit", "a cut end", "another key"] {
      var bytes = whole
      switch damage {
      case "a flipped bit": bytes[bytes.count / 2] ^= 1
      case "a cut end": bytes.removeLast(4)
      default: bytes[24] ^= 1
      }
      try bytes.write(to: URL(fileURLWithPath: file))
      var reasons: [String] = []
      let run = try place.run { event in
        if case .answersDamaged(_, let reason) = event { reasons.append(reason) }
      }
      #expect(reasons.count == 1, "\(damage)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == whole)
      let repeated = try run.training.session.run(checkpoints: CheckpointSchedule(path: nil))
      #expect(Workplace.bits(repeated.graph) == Workplace.bits(outcome.graph))
    }
    #expect(place.answerFiles == [file], "nothing partial is left")
  }

  @Test func withoutLabelsTheStudentComesToAgreeWithTheTeacher() throws {
    let place = try Workplace()
    defer { place.remove() }
    let run = try place.run(["data.train=plain.yaml", "epochs=30"])
    #expect(run.alpha == 1)
    #expect(run.training.metricName == "agreement with the teacher")
    let outcome = try run.training.session.run(checkpoints: CheckpointSchedule(path: nil))
    let (first, last) = (try #require(outcome.history.first), try #require(outcome.history.last))
    #expect(last.loss < first.loss / 4)
    #expect(last.metric > 0.9)
    #expect(throws: DistillationError.self) { try place.run(["data.train=plain.yaml"], settings: .init(alpha: 0.5)) }
  }

  @Test func augmentedSamplesAreShownToTheTeacher() throws {
    let place = try Workplace()
    defer { place.remove() }
    let plain = try place.run(isStored: true)
    let files = place.answerFiles
    var found: [[[UInt32]]] = []
    for isStored in [true, false] {
      let run = try place.run(["augment.noise=0.05"], isStored: isStored)
      found.append(Workplace.bits(try run.training.session.run(checkpoints: CheckpointSchedule(path: nil)).graph))
    }
    #expect(place.answerFiles == files, "no answers are kept of samples that change")
    #expect(found[0] == found[1])
    #expect(
      found[0] != Workplace.bits(try plain.training.session.run(checkpoints: CheckpointSchedule(path: nil)).graph))
  }

  @Test func projectionsAreTrainedAndLeftBehind() throws {
    let place = try Workplace()
    defer { place.remove() }
    let match = try Self.match()
    let run = try place.run(["epochs=20"], settings: .init(alpha: 0, matches: [match], matchWeight: 1))
    let outcome = try run.training.session.run(checkpoints: CheckpointSchedule(path: nil))
    let written = try run.training.finished(outcome)
    #expect(outcome.graph.nodes.count > written.nodes.count)
    #expect(written.parameterCount == 2 * 6 + 6 + 6 * 3 + 3)
    #expect(outcome.trainedParameters == written.parameterCount + 6 * 12 + 12)
    #expect(outcome.history[19].loss < outcome.history[0].loss / 2)
    // The same student without the match learns something else: the features' gradient reaches it.
    let other = try place.run(["epochs=20"], settings: .init(alpha: 0))
    let without = try other.training.session.run(checkpoints: CheckpointSchedule(path: nil))
    #expect(Workplace.bits(written) != Workplace.bits(try other.training.finished(without)))
  }

  @Test func theShareOfNothingIsOrdinaryTraining() throws {
    let place = try Workplace()
    defer { place.remove() }
    let run = try place.run(settings: .init(alpha: 0))
    let (recipe, document) = try place.recipe()
    let plain = try TrainingRun(recipe, document: document)
    let found = try run.training.session.run(checkpoints: CheckpointSchedule(path: nil))
    let expected = try plain.session.run(checkpoints: CheckpointSchedule(path: nil))
    #expect(found.history.map(\.metric) == expected.history.map(\.metric))
    for (a, b) in zip(Workplace.bits(found.graph), Workplace.bits(expected.graph)) { #expect(a == b) }
  }

  @Test func whatDoesNotFitIsRefusedWithTheFacts() throws {
    let place = try Workplace()
    defer { place.remove() }
    func refusal(_ settings: DistillationSettings, teacher: Graph? = nil) throws -> DistillationError? {
      let (recipe, document) = try place.recipe()
      let teacher = try teacher ?? Workplace.teacher()
      do throws(DistillationError) {
        _ = try DistillationRun(
          recipe, document: document, teacher: teacher, settings: settings, answers: nil)
        return nil
      } catch { return error }
    }
    let match = try Self.match()
    guard
      case .unknownTensor(.teacher, name: "nowhere", let known)? = try refusal(
        .init(matches: [FeatureMatch(teacher: "nowhere", student: match.student)])), known.contains(match.teacher)
    else { throw CancellationError() }
    guard
      case .unknownTensor(.student, name: "nowhere", _)? = try refusal(
        .init(matches: [FeatureMatch(teacher: match.teacher, student: "nowhere")]))
    else { throw CancellationError() }
    guard case .setting(name: "temperature", 0, _)? = try refusal(.init(temperature: 0)) else {
      throw CancellationError()
    }
    guard case .setting(name: "alpha", 1.5, _)? = try refusal(.init(alpha: 1.5)) else { throw CancellationError() }
    guard case .scoreCount(teacher: 4, student: 3)? = try refusal(.init(), teacher: try Workplace.teacher(outputs: 4))
    else { throw CancellationError() }
  }
}
