import Datasets
import Distillation
import Foundation
import Graph
import HostTensors
import Operators
import Testing
import Training

/// The combined loss against numbers worked out by hand (in Python's floats from the formula), and its gradients
/// against differences.
struct ObjectiveTests {
  /// A network that hands its input on as the scores, behind a softmax or a sigmoid: teacher and student alike, so
  /// that samples are logits.
  private static func passing(_ width: Int, _ last: String) throws -> Graph {
    var graph = Graph(name: "passing")
    let input = graph.addValue(name: "logits", info: ValueInfo(dtype: .float32, shape: [1, width]))
    graph.inputs = [input]
    let scale = graph.addConstant(name: "one", Tensor(shape: [width], repeating: Float(1)))
    let product = try graph.append(
      try makeOperator(NodeDefinition(opType: "Mul", inputCount: 2)), name: "scores", inputs: [input, scale],
      output: "scores")
    graph.outputs = [
      try graph.append(
        try makeOperator(NodeDefinition(opType: last, inputCount: 1)), name: "last", inputs: [product], output: "last")
    ]
    return graph
  }

  /// The data set of one batch: `rows` as samples, then the labels where there are some.
  private static func source(_ place: Workplace, _ rows: [[Float]], labels: [Int]?) throws -> BatchSource {
    var csv = rows[0].indices.map { "x\($0)" }.joined(separator: ",") + (labels == nil ? "\n" : ",class\n")
    for (index, row) in rows.enumerated() {
      csv += row.map { "\($0)" }.joined(separator: ",") + (labels.map { ",\($0[index])\n" } ?? "\n")
    }
    try place.write(csv, "rows.csv")
    try place.write("inputs: rows.csv\n" + (labels == nil ? "" : "labels: last-column\n"), "rows.yaml")
    return try BatchSource(
      Dataset(contentsOf: place.path("rows.yaml")), batching: Batching(batchSize: rows.count, isShuffled: false))
  }

  private static let teacherLogits: [[Float]] = [[3, 0, -1], [0.5, 1.5, 0]]
  private static let studentLogits: [Float] = [0.5, -1, 0.25, 2, 0, -0.5]

  private static func objective(
    _ source: BatchSource, _ loss: Loss, _ settings: DistillationSettings, width: Int, last: String
  ) throws -> DistillationObjective {
    let graph = try passing(width, last)
    return try DistillationObjective(
      settings, loss, graph: graph, features: settings.matches.map { _ in graph.nodes[0].outputs[0]! },
      dataset: source.dataset,
      teacher: Teacher(graph, loss: loss, features: settings.matches.map(\.teacher)))
  }

  /// Half the sum of T^2 KL is 0.9971282156646736 and the mean cross-entropy 1.4454231416607657 at T = 4.
  @Test func lossIsTheFormula() throws {
    let place = try Workplace()
    defer { place.remove() }
    let source = try Self.source(place, Self.teacherLogits, labels: [0, 1])
    let batch = try source.batch(0, epoch: 0)
    let student = Tensor(shape: [2, 3], elements: Self.studentLogits)
    for (alpha, expected) in [(0.0, 1.4454231416607657), (0.75, 1.1092019471636966), (1.0, 0.9971282156646736)] {
      let objective = try Self.objective(
        source, .crossEntropy(), .init(temperature: 4, alpha: alpha), width: 3, last: "Softmax")
      let figures = try objective.evaluate([student], batch, of: source)
      #expect(abs(figures.loss - expected) < 1e-6)
      #expect(figures.metric == 1, "the student is right about the first sample only")
    }
  }

  /// Pairs (x, 0) at T = 2: 1.2254122246965466.
  @Test func yesOrNoIsSoftenedAsTwoClasses() throws {
    let place = try Workplace()
    defer { place.remove() }
    let source = try Self.source(place, [[-2], [3]], labels: nil)
    let batch = try source.batch(0, epoch: 0)
    let objective = try Self.objective(
      source, .binaryCrossEntropy(), .init(temperature: 2), width: 1, last: "Sigmoid")
    let figures = try objective.evaluate(
      [Tensor(shape: [2, 1], elements: [1.5, -0.25] as [Float])], batch, of: source)
    #expect(abs(figures.loss - 1.2254122246965466) < 1e-6)
    #expect(figures.metric == 0)
    #expect(objective.alpha == 1)
  }

  @Test(arguments: ["classes", "yes or no", "numbers"], [0.0, 0.6, 1.0])
  func gradientsAreTheDifferencesOfTheLoss(_ kind: String, alpha: Double) throws {
    let place = try Workplace()
    defer { place.remove() }
    let source = try Self.source(place, Self.teacherLogits, labels: kind == "numbers" ? nil : [0, 1])
    let batch = try source.batch(0, epoch: 0)
    let loss: Loss = kind == "classes" ? .crossEntropy() : kind == "numbers" ? .meanSquaredError : .binaryCrossEntropy()
    let last = kind == "classes" ? "Softmax" : kind == "numbers" ? "Relu" : "Sigmoid"
    // Labels of one yes or no score stand for one number a sample.
    let width = kind == "yes or no" ? 1 : 3
    let rows = kind == "yes or no" ? try Self.source(place, [[-2], [3]], labels: [0, 1]) : source
    let settings = DistillationSettings(
      temperature: 3, alpha: alpha, matches: [FeatureMatch(teacher: "scores", student: "scores")], matchWeight: 0.5)
    let objective = try Self.objective(rows, loss, settings, width: width, last: last)
    let used = kind == "yes or no" ? try rows.batch(0, epoch: 0) : batch
    var inputs = [Array(Self.studentLogits.prefix(2 * width)), Array(Self.studentLogits.reversed().prefix(2 * width))]
    func value() throws -> ObjectiveFigures {
      try objective.evaluate(inputs.map { Tensor(shape: [2, width], elements: $0) }, used, of: rows)
    }
    let gradients = try value().gradients
    for slot in 0..<2 {
      let gradient = try #require(gradients[slot]).floats
      for index in gradient.indices {
        let kept = inputs[slot][index]
        let step: Float = 1 / 64
        inputs[slot][index] = kept + step
        let above = try value().loss
        inputs[slot][index] = kept - step
        let below = try value().loss
        inputs[slot][index] = kept
        // Third derivatives are below 1, so the difference is exact to step^2 / 6 = 4e-5.
        #expect(abs((above - below) / Double(2 * step) - Double(gradient[index])) < 1e-4)
      }
    }
  }

  @Test(arguments: [([4], [6]), ([4, 5, 5], [6, 5, 5]), ([7, 4], [7, 6]), ([3, 8], [3, 8])])
  func projectionsHaveTheTeachersShape(student: [Int], teacher: [Int]) throws {
    var graph = Graph(name: "student")
    let input = graph.addValue(name: "x", info: ValueInfo(dtype: .float32, shape: [1] + student))
    graph.inputs = [input]
    let feature = try graph.append(
      try makeOperator(NodeDefinition(opType: "Relu", inputCount: 1)), name: "f", inputs: [input], output: "feature")
    graph.outputs = [feature]
    let projection = try FeatureProjection(
      of: [FeatureMatch(teacher: "t", student: "feature")], teacherShapes: [teacher], to: graph, seed: 1)
    #expect(projection.graph[projection.features[0]].info?.shape == [1] + teacher)
    #expect((projection.features[0] == feature) == (student == teacher))
    #expect(throws: DistillationError.self) {
      try FeatureProjection(
        of: [FeatureMatch(teacher: "t", student: "feature")], teacherShapes: [teacher + [2]], to: graph, seed: 1)
    }
  }
}
