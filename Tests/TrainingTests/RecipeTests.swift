import Datasets
import Foundation
import Testing
import Training

/// Recipes read strictly, changed by overrides and written back.
@Suite struct RecipeTests {
  @Test(arguments: ShippedRecipes.names) func shippedRecipeParses(name: String) throws {
    let path = ShippedRecipes.path(name)
    let recipe = try Recipe(contentsOf: path)
    let data =
      switch recipe {
      case .supervised(let recipe): recipe.data
      case .adversarial(let recipe): recipe.data
      }
    #expect(FileManager.default.fileExists(atPath: data.train), "\(data.train)")
    if let test = data.test { #expect(FileManager.default.fileExists(atPath: test), "\(test)") }
    if case .file(let file)? = data.validation { #expect(FileManager.default.fileExists(atPath: file), "\(file)") }
  }

  /// Samples have as many numbers as the network takes, and there are labels.
  @Test(arguments: ShippedRecipes.names.filter { $0 != "digit-gan" }) func shippedDataFitTheNetwork(name: String) throws
  {
    let recipe = try ShippedRecipes.supervised(name)
    guard case .layers(let network) = recipe.network else { return }
    var files = [recipe.data.train] + (recipe.data.test.map { [$0] } ?? [])
    if case .file(let file)? = recipe.data.validation { files.append(file) }
    for file in files {
      let dataset = try Dataset(contentsOf: file)
      #expect(dataset.elementCount == network.input.reduce(1, *), "\(file)")
      #expect(dataset.hasLabels, "\(file)")
    }
  }

  /// vocabulary.txt is what the training sentences give, as its comment says.
  @Test func shippedVocabularyComesFromTheTrainingSentences() throws {
    let folder = ShippedRecipes.models.appendingPathComponent("data/sst2")
    let yaml = """
      inputs: train.tsv
      labels: last-column
      preprocess: { text: { length: 40, vocabulary: built, min_count: 2 } }
      """
    let specification = try DatasetSpecification(yaml: yaml, path: folder.appendingPathComponent("built.yaml").path)
    let built = try #require(try Dataset(specification).vocabulary)
    let shipped = try Vocabulary(contentsOf: folder.appendingPathComponent("vocabulary.txt").path)
    #expect(built.tokens == shipped.tokens)
  }

  @Test func augmentationOfTheShippedRecipeIsRead() throws {
    let path = ShippedRecipes.path("cnn-digits-augmented")
    let node = try #require(try ShippedRecipes.supervised("cnn-digits-augmented").augmentation)
    let augmentation = try Augmentation(node, path: path)
    #expect(augmentation.rotation == 8 && augmentation.scale == 0.9...1.1 && augmentation.horizontalShift == 0.08)
  }

  @Test func everyRecipeUnderModelsIsListed() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: ShippedRecipes.models.path)
    let found = folders.filter { FileManager.default.fileExists(atPath: ShippedRecipes.path($0)) }
    #expect(found.sorted() == ShippedRecipes.names)
  }

  @Test func everyKeyIsRead() throws {
    let recipe = try supervised(complete)
    guard case .file("folder/model.onnx") = recipe.network else {
      Issue.record("\(recipe.network)")
      return
    }
    #expect(recipe.data == DataRecipe(train: "folder/train.yaml", test: "folder/test.yaml", validation: .fraction(0.1)))
    #expect(recipe.augmentation != nil)
    #expect(recipe.loss == .crossEntropy(labelSmoothing: 0.1))
    #expect(recipe.optimizer == .sgd(learningRate: 0.1, momentum: 0.9, isNesterov: true))
    #expect(
      recipe.schedule == ScheduleRecipe(shape: .oneCycle(start: 0.04, rise: 0.2, end: 0.0001), warmUp: .steps(50)))
    #expect(recipe.l2 == 1e-4 && recipe.l1 == 0 && recipe.clipNorm == 1 && recipe.average == 0.999)
    #expect(
      recipe.earlyStopping
        == StoppingRecipe(metric: .validationAccuracy, patience: 5, minimumChange: 0, restoresBest: true))
    #expect(recipe.epochs == 5 && recipe.batch == 32 && recipe.seed == 7)
    #expect(recipe.classWeights == .balanced)
    #expect(recipe.trainable == .matching(["conv*.weight", "*.bias"]))
    #expect(recipe.lowRank == LowRankRecipe(rank: 4, alpha: 8, patterns: ["dense*"]))
    #expect(recipe.keep == [.zeros])
    #expect(
      recipe.search == [
        SearchDimension(key: "optimizer.sgd.learning_rate", range: .logUniform(1e-4, 1e-2)),
        SearchDimension(key: "batch", range: .choice(["32", "64"])),
      ])
  }

  @Test func whatIsLeftOutHasItsDefault() throws {
    let recipe = try supervised(short)
    #expect(recipe.data == DataRecipe(train: "folder/train.yaml", test: nil, validation: nil))
    #expect(recipe.loss == .meanSquaredError)
    #expect(recipe.optimizer == .adam(learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8))
    #expect(recipe.schedule == ScheduleRecipe(shape: .constant, warmUp: nil))
    #expect(recipe.l2 == 0 && recipe.l1 == 0 && recipe.clipNorm == nil && recipe.average == nil)
    #expect(recipe.earlyStopping == nil && recipe.classWeights == nil && recipe.lowRank == nil)
    #expect(recipe.batch == 64 && recipe.seed == 1 && recipe.trainable == .all && recipe.search.isEmpty)
    #expect(recipe.keep.isEmpty)
  }

  @Test func adversarialRecipeIsRead() throws {
    guard case .adversarial(let recipe) = try Recipe(contentsOf: ShippedRecipes.path("digit-gan")) else {
      Issue.record("not adversarial")
      return
    }
    #expect(recipe.latent == 64 && recipe.generator.network.input == [64])
    #expect(recipe.discriminator.network.input == [1, 28, 28])
    #expect(recipe.generator.optimizer == .adam(learningRate: 0.0002, beta1: 0.5, beta2: 0.999, epsilon: 1e-8))
    #expect(recipe.labelSmoothing == 0.1)
  }

  @Test(arguments: BrokenRecipe.all) func brokenRecipeIsNamed(broken: BrokenRecipe) throws {
    let yaml = broken.replacing.map { short.replacingOccurrences(of: $0, with: broken.text) } ?? short + broken.text
    let error = #expect(throws: RecipeError.self) {
      _ = try Recipe(RecipeDocument(yaml: yaml, path: "folder/recipe.yaml"))
    }
    #expect(error?.description == broken.sentence)
  }

  @Test func missingFileIsNamed() {
    let error = #expect(throws: RecipeError.self) { try Recipe(contentsOf: "/nowhere/recipe.yaml") }
    #expect(error?.description.hasPrefix("/nowhere/recipe.yaml: cannot be read") == true)
  }
}

/// A complete recipe, then the shortest.
private let complete = """
  kind: supervised
  network: { file: model.onnx }
  data: { train: train.yaml, test: test.yaml, validation: 0.1 }
  augment: { shift: 0.1 }
  loss: { cross_entropy: { label_smoothing: 0.1 } }
  optimizer: { sgd: { learning_rate: 0.1, momentum: 0.9, nesterov: true } }
  schedule: { one_cycle: { rise: 0.2 }, warm_up: { steps: 50 } }
  regularization: { l2: 1.0e-4, l1: 0 }
  clip_norm: 1.0
  average: 0.999
  early_stopping: { metric: validation_accuracy, patience: 5 }
  epochs: 5
  batch: 32
  seed: 7
  class_weights: balanced
  trainable: ["conv*.weight", "*.bias"]
  lora: { rank: 4, alpha: 8, on: ["dense*"] }
  keep: [zeros]
  tune: { optimizer.sgd.learning_rate: { log_uniform: [1e-4, 1e-2] }, batch: { choice: [32, 64] } }
  """

private let short = """
  network:
    input: [4]
    layers:
      - dense: 2
  data: { train: train.yaml }
  loss: mean_squared_error
  optimizer: adam
  epochs: 5

  """

private func supervised(_ yaml: String) throws -> SupervisedRecipe {
  guard case .supervised(let recipe) = try Recipe(RecipeDocument(yaml: yaml, path: "folder/recipe.yaml")) else {
    throw ShippedRecipes.NotSupervised()
  }
  return recipe
}

/// A mistake in the short recipe and the sentence that names it.
struct BrokenRecipe: CustomTestStringConvertible, Sendable {
  /// What is replaced by `text`; nil to append it.
  var replacing: String?
  var text: String
  var sentence: String

  init(_ replacing: String?, _ text: String, _ sentence: String) {
    self.replacing = replacing
    self.text = text
    self.sentence = "folder/recipe.yaml\(sentence)"
  }

  var testDescription: String { text }

  static let all: [BrokenRecipe] = [
    .init("epochs: 5\n", "", ":1: epochs: the key is missing"),
    .init("loss: mean_squared_error\n", "", ":1: loss: the key is missing"),
    .init("  input: [4]\n", "", ":1: network.input: the key is missing"),
    .init("{ train: train.yaml }", "{ test: t.yaml }", ":5: data.train: the key is missing"),
    .init("epochs: 5", "epochs: many", ":8: epochs: expected an integer from 1 to 1000000, found \"many\""),
    .init("epochs: 5", "epochs: \"5\"", ":8: epochs: expected an integer from 1 to 1000000, found \"5\""),
    .init("epochs: 5", "epochs: 0", ":8: epochs: expected an integer from 1 to 1000000, found \"0\""),
    .init("epochs: 5", "epochs: [5]", ":8: epochs: expected an integer from 1 to 1000000, found a list"),
    .init("epochs: 5", "epochs:", ":8: epochs: expected an integer from 1 to 1000000, found nothing"),
    .init("epochs: 5", "epochs: 5\nepochs: 6", ":8: not valid YAML: the key epochs comes twice"),
    .init("epochs: 5", "epochs: [5", ":9: not valid YAML: did not find expected ',' or ']'"),
    .init(
      nil, "bacth: 4",
      ":9: bacth: unknown key: did you mean batch?; known here: kind, network, data, augment, loss,"
        + " optimizer, schedule, regularization, clip_norm, average, early_stopping, epochs, batch, seed,"
        + " class_weights, trainable, lora, keep, dropout, tune"),
    .init(nil, "kind: gan", ":9: kind: unknown kind of recipe 'gan'; known are: supervised, adversarial"),
    .init(
      "optimizer: adam", "optimizer: addam",
      ":7: optimizer: unknown optimizer 'addam': did you mean adam?; known are: sgd, adam, adamw, rmsprop"),
    .init(
      "optimizer: adam", "optimizer: { adam: { rate: 1 } }",
      ":7: optimizer.adam.rate: unknown key; known here: learning_rate, beta1, beta2, epsilon"),
    .init(
      "optimizer: adam", "optimizer: { adam: { learning_rate: fast } }",
      ":7: optimizer.adam.learning_rate: expected a number above 0, found \"fast\""),
    .init(
      "optimizer: adam", "optimizer: { adam: { beta1: 1 } }",
      ":7: optimizer.adam.beta1: expected a number from 0 to below 1, found \"1\""),
    .init(
      "optimizer: adam", "optimizer: { adam: {}, sgd: {} }",
      ":7: optimizer: expected the name of one optimizer, found adam, sgd"),
    .init(
      "optimizer: adam", "optimizer: { sgd: { nesterov: true } }",
      ":7: optimizer.sgd.nesterov: expected a momentum above 0 beside it, found momentum 0"),
    .init(
      "loss: mean_squared_error", "loss: cross_entrpy",
      ":6: loss: unknown loss 'cross_entrpy': did you mean cross_entropy?; known are: cross_entropy,"
        + " binary_cross_entropy, mean_squared_error, mean_absolute_error, kullback_leibler, cosine"),
    .init(
      "loss: mean_squared_error", "loss: { cosine: { label_smoothing: 1 } }",
      ":6: loss.cosine.label_smoothing: unknown key; known here: "),
    .init(
      nil, "schedule: { step: {} }", ":9: schedule.step.every: the key is missing"),
    .init(
      nil, "schedule: { warm_up: { epochs: 1, steps: 2 } }",
      ":9: schedule.warm_up: expected epochs: N or steps: N, found a mapping"),
    .init(
      nil, "schedule: { warmup: 3 }",
      ":9: schedule.warmup: unknown schedule 'warmup'; known are: constant, step, cosine, one_cycle, reduce_on_plateau"),
    .init(nil, "schedule: reduce_on_plateau", ":5: data.validation: the key is missing"),
    .init(nil, "early_stopping: { patience: 3 }", ":5: data.validation: the key is missing"),
    .init(
      "{ train: train.yaml }", "{ train: t.yaml, validation: 1.5 }",
      ":5: data.validation: expected a number between 0 and 1, found \"1.5\""),
    .init(nil, "average: 1", ":9: average: expected a number between 0 and 1, found \"1\""),
    .init(nil, "class_weights: even", ":9: class_weights: expected balanced, or a list of weights, found \"even\""),
    .init(nil, "trainable: tail", ":9: trainable: expected all, head, biases or a list of patterns, found \"tail\""),
    .init(nil, "lora: { alpha: 2 }", ":9: lora.rank: the key is missing"),
    .init(nil, "keep: all", ":9: keep: expected none, or a list of structures, found \"all\""),
    .init(
      nil, "keep: [zeroes]", ":9: keep.0: unknown structure 'zeroes': did you mean zeros?; known are: zeros, codebooks"),
    .init(
      nil, "lora: { rank: 2 }\nkeep: [codebooks]",
      ":10: keep.0: expected zeros alone beside lora, whose products are added to shared values, found \"codebooks\""),
    .init(
      nil, "dropout: 0.5",
      ":9: dropout: expected a network from a file beside it, since layers say their rates themselves, found \"0.5\""),
    .init(nil, "seed: -1", ":9: seed: expected an integer from 0 to \(Int.max), found \"-1\""),
    .init(
      nil, "tune: { batch: { log_uniform: [8, 4] } }",
      ":9: tune.batch.log_uniform: expected [low, high] with low below high, found [8.0, 4.0]"),
    .init(
      nil, "tune: { btch: { choice: [1] } }",
      ":9: tune.btch: its first value is not accepted: folder/recipe.yaml: btch: unknown key: did you mean batch?;"
        + " known here: kind, network, data, augment, loss, optimizer, schedule, regularization, clip_norm, average,"
        + " early_stopping, epochs, batch, seed, class_weights, trainable, lora, keep, dropout, tune"),
    .init(
      "- dense: 2", "- dense: two", ":4: network.layers.0.dense: expected an integer from 1 to 16777216, found \"two\""),
    .init(
      "- dense: 2", "- dense: { units: 2, activations: relu }",
      ":4: network.layers.0.dense.activations: unknown key: did you mean activation?; known here: units, bias,"
        + " activation, initializer, name"),
    .init("- dense: 2", "- dense", ":4: network.layers.0.units: the key is missing"),
    .init(
      "- dense: 2", "- dense: { units: 2, activation: reul }",
      ":4: network.layers.0.dense.activation: unknown activation 'reul': did you mean relu?; known are: relu,"
        + " leaky_relu, sigmoid, tanh, gelu, hard_swish, elu, softplus"),
    .init(
      "- dense: 2", "- cov: 2",
      ":4: network.layers.0: unknown layer 'cov': did you mean conv?; known are: "
        + layerTypes.map(\.name).joined(separator: ", ")),
    .init(
      "- dense: 2", "- residual: [{ dense: 2 }, { dens: 2 }]",
      ":4: network.layers.0.residual.1: unknown layer 'dens': did you mean dense?; known are: "
        + layerTypes.map(\.name).joined(separator: ", ")),
    .init("- dense: 2", "- flatten: 2", ":4: network.layers.0.flatten: expected a mapping of keys, found \"2\""),
    .init(
      "- dense: 2", "- permute: [0, 2]",
      ":4: network.layers.0.permute: expected each axis of a sample once, from 0, found a list"),
    .init("input: [4]", "input: 4", ":2: network.input: expected a list of extents, found \"4\""),
    .init("input: [4]", "file: model.onnx", ":3: network.layers: unknown key; known here: file"),
  ]
}
