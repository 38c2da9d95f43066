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
  /// The student as training begins with it.
  public let student: Graph
  private let objective: DistillationObjective
  private let loss: Loss

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
    student = prepared.base
    loss = prepared.plan.loss
    let teacher = try Teacher(graph, loss: loss, features: settings.matches.map(\.teacher))
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
      settings, loss, graph: prepared.graph, features: projection.features,
      dataset: prepared.training.dataset, teacher: teacher, answers: answers)
    var hash = StableHash()
    hash.add("\(prepared.fingerprint)\(settings)")
    teacher.hash(into: &hash)
    prepared.fingerprint = hash.text
    do throws(TrainingError) { training = try TrainingRun(prepared, objective: objective) } catch {
      throw .training(error)
    }
  }

  /// Loss against the labels of `source` and metric of a network with the student's outputs, or of the teacher where
  /// it is nil; nil where there are no labels.
  public func figures(of network: Graph?, on source: BatchSource) throws(TrainingError) -> NetworkFigures? {
    guard source.dataset.hasLabels || source.dataset.targetWidth > 0 else { return nil }
    if let network { return try NetworkFigures(of: network, loss: loss, on: source) }
    return try NetworkFigures(loss: loss, network: student, on: source) { batch throws(GraphError) in
      try objective.answers(to: source).tensors(batch)[0]
    }
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
