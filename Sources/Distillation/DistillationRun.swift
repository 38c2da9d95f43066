import Datasets
import Graph
import HostTensors
import Operators
import Training

/// A student that learns from a teacher, made ready: answers gathered, projections added, the session prepared.
public struct DistillationRun {
  /// The student's run, whose objective compares with the teacher.
  public let training: TrainingRun
  /// The teacher's share of the loss.
  public var alpha: Double { objective.alpha }
  private let objective: DistillationObjective

  /// Prepares the recipe that was read from `document`; its network is the student.
  ///
  /// `teacher` has its shapes inferred. Its answers are kept in files of the folder `answers`; without one it is
  /// asked in every step, which gives the same weights bit for bit.
  /// Errors: `.setting`, `.training`, and those of teacher, answers, projections and objective.
  public init(
    _ recipe: SupervisedRecipe, document: RecipeDocument, teacher graph: Graph, settings: DistillationSettings,
    answers folder: String?, observe: (DistillationEvent) -> Void = { _ in }
  ) throws(DistillationError) {
    try settings.check()
    var prepared: PreparedRecipe
    do throws(TrainingError) { prepared = try PreparedRecipe(recipe, document: document) } catch {
      throw .training(error)
    }
    let teacher = try Teacher(graph, loss: prepared.plan.loss, features: settings.matches.map(\.teacher))
    try teacher.checkInput(prepared.training.dataset.sampleShape)
    let projection = try FeatureProjection(
      of: settings.matches, teacherShapes: Array(teacher.shapes.dropFirst()), to: prepared.graph,
      seed: prepared.plan.seed)
    prepared.add(projection)
    var answers: [ObjectIdentifier: TeacherAnswers] = [:]
    for source in [prepared.training, prepared.validation, prepared.test].compactMap(\.self) {
      guard let folder else { break }
      answers[ObjectIdentifier(source)] = try TeacherAnswers(teacher, to: source, storedIn: folder, observe: observe)
    }
    objective = try DistillationObjective(
      settings, prepared.plan.loss, graph: prepared.graph, features: projection.features,
      dataset: prepared.training.dataset, teacher: teacher, answers: answers)
    var hash = StableHash()
    hash.add("\(prepared.fingerprint)\(settings)")
    teacher.hash(into: &hash)
    prepared.fingerprint = hash.text
    do throws(TrainingError) { training = try TrainingRun(prepared, objective: objective) } catch {
      throw .training(error)
    }
  }

  /// Loss against the labels and metric of the teacher on `source`; nil without labels.
  public func teacherFigures(_ source: BatchSource) throws(TrainingError) -> RunningFigures? {
    var figures = RunningFigures()
    for number in 0..<source.batchesPerEpoch {
      let batch: Batch
      do throws(DatasetError) { batch = try source.batch(number, epoch: 0) } catch { throw .dataset(error) }
      guard let value = try objective.teacherFigures(batch, of: source) else { return nil }
      figures.add(loss: value.loss, metric: value.metric, samples: batch.count)
    }
    return figures
  }
}

extension PreparedRecipe {
  /// Trains the parameters of the projections as well.
  fileprivate mutating func add(_ projection: FeatureProjection) {
    let known = Set(graph.parameters().map(\.value))
    graph = projection.graph
    trained += graph.parameters().filter { !known.contains($0.value) }
  }
}
