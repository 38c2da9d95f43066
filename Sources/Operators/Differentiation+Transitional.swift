extension Operator {
  /// Until every operator answers for the facet itself; then this file goes.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation { .stops(reason: "is not written yet") }
}
