import Testing
import Training

/// Overrides by dotted path, writing back, and what a search draws.
@Suite struct RecipeDocumentTests {
  private let yaml = """
    network:
      input: [1, 28, 28]
      layers:
        - conv: { filters: 20, kernel: 5 }
        - dense: 10
    data: { train: train.yaml }
    loss: cross_entropy
    optimizer: adam
    epochs: 5
    """

  private func changed(_ overrides: String...) throws -> SupervisedRecipe {
    var document = try RecipeDocument(yaml: yaml, path: "recipe.yaml")
    for override in overrides { try document.apply(override) }
    // What is written back reads as the same recipe.
    let again = try RecipeDocument(yaml: document.yaml(), path: "recipe.yaml")
    #expect(try again.yaml() == document.yaml())
    guard case .supervised(let recipe) = try Recipe(again) else { throw ShippedRecipes.NotSupervised() }
    return recipe
  }

  @Test func overrideReplacesAddsAndNames() throws {
    #expect(try changed("epochs=7").epochs == 7)
    #expect(try changed("batch=32").batch == 32)
    #expect(try changed("optimizer.adam.learning_rate=0.003").optimizer.learningRate == 0.003)
    #expect(
      try changed("optimizer={ sgd: { momentum: 0.5 } }").optimizer
        == .sgd(learningRate: 0.01, momentum: 0.5, isNesterov: false))
    #expect(try changed("regularization.l2=1e-3", "regularization.l1=1e-4").l1 == 1e-4)
    #expect(try changed("data.validation=0.2").data.validation == .fraction(0.2))
  }

  @Test func overrideReachesIntoLists() throws {
    let recipe = try changed("network.layers.0.conv.filters=8", "network.layers.1.dense=4")
    guard case .layers(let network) = recipe.network else { throw ShippedRecipes.NotSupervised() }
    let graph = try network.graph(name: "changed", batch: 1, initialize: drawn)
    #expect(graph.parameterCount == 8 * 25 + 8 + 24 * 24 * 8 * 4 + 4)
  }

  @Test(arguments: [
    ("epochs", "recipe.yaml: epochs: an override is written key.of.value=new"),
    ("epochs=", "recipe.yaml: epochs: an override needs a value"),
    ("epochs.of=3", "recipe.yaml: epochs.of: there is no 'of' in \"5\""),
    ("network.layers.9.dense=3", "recipe.yaml: network.layers.9.dense: '9' is none of the indices 0 to 1"),
    ("network..layers=3", "recipe.yaml: network..layers: a path is keys joined by dots"),
    ("batch=[", "recipe.yaml: batch: not valid YAML: did not find expected node content"),
    ("batch=none", "recipe.yaml: batch: expected an integer from 1 to 65536, found \"none\""),
    (
      "optimizer.sgd.momentum=0.5", "recipe.yaml: optimizer.sgd.momentum: there is no 'sgd' in \"adam\""
    ),
  ])
  func overrideThatLeadsNowhereIsNamed(override: String, sentence: String) throws {
    let error = #expect(throws: RecipeError.self) {
      var document = try RecipeDocument(yaml: yaml, path: "recipe.yaml")
      try document.apply(override)
      _ = try Recipe(document)
    }
    #expect(error?.description == sentence)
  }

  @Test(arguments: ShippedRecipes.names) func shippedRecipeSurvivesTheRoundTrip(name: String) throws {
    let document = try RecipeDocument(contentsOf: ShippedRecipes.path(name))
    let again = try RecipeDocument(yaml: document.yaml(), path: document.path)
    #expect(try again.yaml() == document.yaml())
    switch (try Recipe(document), try Recipe(again)) {
    case (.supervised(let first), .supervised(let second)):
      #expect(first.optimizer == second.optimizer && first.schedule == second.schedule && first.loss == second.loss)
      #expect(first.epochs == second.epochs && first.batch == second.batch && first.seed == second.seed)
      #expect(first.data == second.data)
    case (.adversarial(let first), .adversarial(let second)):
      #expect(first.generator.optimizer == second.generator.optimizer && first.latent == second.latent)
    case (.supervised, .adversarial), (.adversarial, .supervised): Issue.record("another kind")
    }
  }

  @Test func searchDrawsWithinItsRange() {
    let positions = [0, 0.1, 0.25, 0.5, 0.75, 0.999_999]
    for position in positions {
      let number = Double(SearchRange.logUniform(1e-4, 1e-2).text(at: position)) ?? .nan
      #expect((1e-4...1e-2).contains(number))
    }
    #expect(SearchRange.logUniform(1e-4, 1e-2).text(at: 0.5) == "0.001")
    #expect(SearchRange.uniform(0, 2).text(at: 0.25) == "0.5")
    #expect(positions.map { SearchRange.integers(1, 3).text(at: $0) } == ["1", "1", "1", "2", "3", "3"])
    #expect(positions.map { SearchRange.choice(["a", "b"]).text(at: $0) } == ["a", "a", "a", "b", "b", "b"])
  }
}
