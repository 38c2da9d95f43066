import Datasets
import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import TensorTypes

/// A recipe made ready: data opened and split, the network built or read, the session prepared.
public struct TrainingRun {
  public let session: TrainingSession
  public let training: BatchSource
  public let validation: BatchSource?
  public let test: BatchSource?
  /// What the metric beside the loss is.
  public var metricName: String { session.metricName }
  /// The network as training begins with it.
  public var network: Graph { prepared.base }
  private let prepared: PreparedRecipe

  /// Prepares `recipe`, which was read from `document`; `rules` act after the one that keeps what the recipe says.
  ///
  /// Errors: those of `PreparedRecipe` and of `TrainingSession`.
  public init(
    _ recipe: SupervisedRecipe, document: RecipeDocument, rules: [any WeightRule] = []
  ) throws(TrainingError) {
    try self.init(PreparedRecipe(recipe, document: document), rules: rules)
  }

  /// A run of what was prepared, with an objective of its own where one is given.
  ///
  /// Errors: those of `TrainingSession`.
  public init(
    _ prepared: PreparedRecipe, objective: (any Objective)? = nil, rules: [any WeightRule] = []
  ) throws(TrainingError) {
    self.prepared = prepared
    training = prepared.training
    validation = prepared.validation
    test = prepared.test
    session = try TrainingSession(
      prepared.graph, trained: prepared.trained, training: training, validation: validation, plan: prepared.plan,
      objective: objective, fingerprint: prepared.fingerprint,
      rules: [StructureKeeping(prepared.keep, except: prepared.factors)] + rules)
  }

  /// The network as it is written: with the weights of `outcome`, low-rank factors merged.
  public func finished(_ outcome: TrainingOutcome) throws(TrainingError) -> Graph {
    try prepared.network(outcome.graph)
  }
}

/// What a session is made of: the data and the network of a recipe, opened but not yet trained.
public struct PreparedRecipe {
  public let training: BatchSource
  public let validation: BatchSource?
  public let test: BatchSource?
  public let plan: TrainingPlan
  /// The network as it is written in the end, with the weights that training begins with.
  public let base: Graph
  /// What is trained: `base`, to whose values others may be added behind its own.
  public var graph: Graph
  public var trained: [GraphParameter]
  /// Tells this run's checkpoints from those of others.
  public var fingerprint: String
  let keep: Set<KeptStructure>
  private let lowRank: (LowRankAdaptation, LowRankAdaptation.Adapted)?

  /// Opens what `recipe`, read from `document`, names; `network`, a training form, takes the place of its network.
  ///
  /// Errors: `.dataset`, `.network`, `.onnx`, `.batchDependent`, `.nothingSelected`.
  public init(
    _ recipe: SupervisedRecipe, document: RecipeDocument, network: Graph? = nil
  ) throws(TrainingError) {
    let data = try TrainingData(recipe)
    let base =
      if let network { try Self.checked(network, samples: data.training) } else {
        try Self.network(recipe, samples: data.training)
      }
    var graph = base
    var trained = try recipe.trainable.parameters(of: base)
    if let settings = recipe.lowRank {
      let adaptation = LowRankAdaptation(
        rank: settings.rank, alpha: Float(settings.alpha), patterns: settings.patterns,
        keepsZeros: recipe.keep.contains(.zeros), seed: recipe.seed)
      let adapted = try adaptation.adapt(base)
      graph = adapted.graph
      let factors = adapted.factors
      trained = (recipe.trainable == .all ? [] : trained) + graph.parameters().filter { factors.contains($0.value) }
      lowRank = (adaptation, adapted)
    } else {
      lowRank = nil
    }
    self.base = base
    self.graph = graph
    keep = recipe.keep
    self.trained = trained
    let augmentation = try Self.augmentation(recipe, document)
    training = try data.training.batches(recipe.batch, seed: recipe.seed, augmentation: augmentation)
    validation = try data.validation.map { (set) throws(TrainingError) in try set.batches() }
    test = try data.test.map { (set) throws(TrainingError) in try set.batches() }
    plan = try TrainingPlan(recipe, dataset: data.training)
    fingerprint = try Self.fingerprint(document, data, graph)
  }

  private static func augmentation(
    _ recipe: SupervisedRecipe, _ document: RecipeDocument
  ) throws(TrainingError) -> Augmentation? {
    do throws(DatasetError) {
      return try recipe.augmentation.map { (node) throws(DatasetError) in
        try Augmentation(node, path: document.path)
      }
    } catch { throw .dataset(error) }
  }

  private static func network(_ recipe: SupervisedRecipe, samples: Dataset) throws(TrainingError) -> Graph {
    switch recipe.network {
    case .layers(let network):
      let graph: Graph
      do throws(NetworkError) {
        graph = try network.graph(name: "network", batch: 1, initialize: Initializer.drawing(seed: recipe.seed))
      } catch { throw .network(error) }
      return try checked(graph, samples: samples)
    case .file(let path):
      var graph: Graph
      do throws(ONNXError) { graph = try importONNX(contentsOf: URL(fileURLWithPath: path)) } catch {
        throw .onnx(path: path, error)
      }
      do throws(GraphError) { graph = try trainingForm(of: graph) } catch { throw .graph(error) }
      if let rate = recipe.dropout { graph.changeDropoutRates { _ in Float(rate) } }
      return try checked(graph, samples: samples)
    }
  }

  /// The graph, which takes the samples and treats each one of a batch as it would alone.
  private static func checked(_ graph: Graph, samples: Dataset) throws(TrainingError) -> Graph {
    guard graph.inputs.count == 1, let input = graph[graph.inputs[0]].info else {
      throw .inputCount(found: graph.inputs.count)
    }
    guard input.shape.first == 1, input.shape.elementCount == samples.elementCount else {
      throw .objective(
        expected:
          "samples of \(input.shape.dropFirst().reduce(1, *)) numbers, as the network's input \(input.shape) takes",
        found: "\(samples.elementCount), as \(samples.sampleShape)")
    }
    try graph.checkBatchIndependence(samples)
    return graph
  }

  private static func fingerprint(
    _ document: RecipeDocument, _ data: TrainingData, _ graph: Graph
  ) throws(TrainingError) -> String {
    var hash = StableHash()
    do throws(RecipeError) { hash.add(try document.yaml()) } catch { throw .recipe(error) }
    for count in [data.training.count, data.validation?.count ?? 0] { hash.add("\(count)") }
    for parameter in graph.parameters() {
      hash.add("\(graph[parameter.value].name) \(parameter.shape)")
      graph[parameter.value].constant?.withBytes { hash.add($0) }
    }
    return hash.text
  }

  /// What begins at zero and is to leave it.
  var factors: Set<ValueID> { lowRank?.1.factors ?? [] }

  /// `base` with the weights of `trained`, which is `graph` after training; low-rank factors are merged, and what
  /// else was added is left behind.
  func network(_ trained: Graph) throws(TrainingError) -> Graph {
    if let (adaptation, adapted) = lowRank { return try adaptation.merge(adapted, trained: trained, into: base) }
    var network = base
    for constant in base.liveConstants() { network[constant].info = trained[constant].info }
    return network
  }
}

/// The data sets of a recipe, opened and split.
struct TrainingData {
  let training: Dataset
  let validation: Dataset?
  let test: Dataset?

  init(_ recipe: SupervisedRecipe) throws(TrainingError) {
    do throws(DatasetError) {
      let all = try Dataset(contentsOf: recipe.data.train)
      var split: DatasetSplit?
      if case .fraction(let fraction)? = recipe.data.validation {
        split = try all.split(validationFraction: fraction, seed: recipe.seed, isStratified: all.hasLabels)
      }
      // A vocabulary that is built knows the words of the training samples only.
      let known =
        all.vocabulary == nil ? all : try all.buildingVocabulary(from: split?.training ?? Array(0..<all.count))
      training = try split.map { (split) throws(DatasetError) in try known.subset(split.training) } ?? known
      switch recipe.data.validation {
      case nil: validation = nil
      case .fraction?: validation = try split.map { (split) throws(DatasetError) in try known.subset(split.validation) }
      case .file(let path)?: validation = try Dataset(contentsOf: path)
      }
      test = try recipe.data.test.map { (path) throws(DatasetError) in try Dataset(contentsOf: path) }
    } catch { throw .dataset(error) }
  }
}

extension Dataset {
  /// Batches to train on, or with no arguments to evaluate on.
  fileprivate func batches(
    _ size: Int = 256, seed: UInt64? = nil, augmentation: Augmentation? = nil
  ) throws(TrainingError) -> BatchSource {
    do throws(DatasetError) {
      return try BatchSource(
        self,
        batching: Batching(batchSize: size, seed: seed ?? 0, isShuffled: seed != nil, augmentation: augmentation))
    } catch { throw .dataset(error) }
  }
}

extension Graph {
  /// Throws unless two samples together give what each of them gives alone, up to the rounding of sums.
  ///
  /// A file may hold its batch in a shape that no rewriting finds; then training in batches would learn nonsense.
  fileprivate func checkBatchIndependence(_ samples: Dataset) throws(TrainingError) {
    guard samples.count >= 2, let input = self[inputs[0]].info else { return }
    let name = outputs.first.map { self[$0].name } ?? ""
    let pair: Tensor
    do throws(DatasetError) { pair = try samples.stacked([0, samples.count - 1]) } catch { throw .dataset(error) }
    let shaped = pair.reshaped([2] + input.shape.dropFirst())
    let tensor = input.dtype.withElementType { shaped.converted(to: $0) }
    let evaluator = Evaluator(self)
    let rowBytes = tensor.byteCount / 2
    let together: [Float]
    var alone: [Float] = []
    do throws(GraphError) {
      together = try evaluator.run([tensor])[0].floats
      for row in 0..<2 {
        let sample = tensor.withBytes { bytes in
          Tensor(
            dtype: tensor.dtype, shape: input.shape,
            storage: TensorStorage(
              copying: UnsafeRawBufferPointer(rebasing: bytes[row * rowBytes..<(row + 1) * rowBytes])))
        }
        alone += try evaluator.run([sample])[0].floats
      }
    } catch { throw .batchDependent(output: name, reason: "\(error)") }
    let greatest = alone.reduce(1) { max($0, abs($1)) }
    guard together.count == alone.count, zip(together, alone).allSatisfy({ abs($0 - $1) <= 1e-3 * greatest }) else {
      throw .batchDependent(output: name, reason: "two samples together give other values than each alone")
    }
  }
}
