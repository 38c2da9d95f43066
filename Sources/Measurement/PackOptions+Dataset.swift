import Datasets
import Packing

extension PackOptions {
  /// With the class names and the preprocessing of a data set, which the packed file then carries.
  public init(labelledBy specification: DatasetSpecification) {
    self.init()
    classNames = specification.classes ?? []
    let given = specification.preprocessing
    preprocessing = PackedPreprocessing(
      scale: given.scale, offset: given.offset, mean: given.mean, std: given.std, layout: given.layout?.rawValue ?? "")
  }
}
