/// A partition of 0..<count that only grows coarser (Tarjan 1975); a set is named by its least element.
struct DisjointSets: Sendable {
  private var parents: [Int]

  init(count: Int) { parents = Array(0..<count) }

  var count: Int { parents.count }

  mutating func find(_ element: Int) -> Int {
    var element = element
    while parents[element] != element {
      parents[element] = parents[parents[element]]
      element = parents[element]
    }
    return element
  }

  /// Joins the sets of both elements and returns the names that they had, the one that stays first.
  @discardableResult
  mutating func join(_ first: Int, _ second: Int) -> (kept: Int, absorbed: Int) {
    let (a, b) = (find(first), find(second))
    let (kept, absorbed) = (min(a, b), max(a, b))
    parents[absorbed] = kept
    return (kept, absorbed)
  }
}
