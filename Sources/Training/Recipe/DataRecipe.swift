/// The data of a recipe: DATA files, located from the recipe's folder.
public struct DataRecipe: Sendable, Equatable {
  public enum Validation: Sendable, Equatable {
    /// This share of the training data, which is then not trained on.
    case fraction(Double)
    case file(String)
  }

  public var train: String
  public var test: String?
  public var validation: Validation?

  public init(train: String, test: String? = nil, validation: Validation? = nil) {
    self.train = train
    self.test = test
    self.validation = validation
  }
}

extension DataRecipe {
  init(_ value: RecipeValue) throws(RecipeError) {
    let mapping = try value.mapping()
    try mapping.allowOnly(["train", "test", "validation"])
    train = located(try mapping.required("train").text(), from: value.file)
    test = try mapping.text("test").map { located($0, from: value.file) }
    guard let value = mapping["validation"] else { return }
    let text = try value.text("a number between 0 and 1, or a DATA file")
    validation =
      Double(text) == nil ? .file(located(text, from: value.file)) : .fraction(try value.number(in: .open(0, 1)))
  }
}

/// A path that stands in `file`: relative to the folder of that.
package func located(_ name: String, from file: String) -> String {
  guard !name.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return name }
  return file[...slash] + name
}
