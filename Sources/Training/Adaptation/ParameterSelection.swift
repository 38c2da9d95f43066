import Graph
import Operators

/// Which parameters of a network are trained.
public enum ParameterSelection: Sendable, Equatable {
  case all
  /// Those of the last node that has a weight matrix or kernel, and of what follows it.
  case head
  /// Vectors only: biases, and scales and shifts of normalizations (BitFit: Ben Zaken, Ravfogel and Goldberg, 2022).
  case biases
  /// Those whose name a pattern matches: `*` stands for any characters, `?` for one.
  case matching([String])

  /// The parameters of `graph` that are trained, in order.
  ///
  /// Errors: `.nothingSelected` where a pattern matches no parameter.
  public func parameters(of graph: Graph) throws(TrainingError) -> [GraphParameter] {
    let all = graph.parameters()
    switch self {
    case .all: return all
    case .biases: return all.filter { !$0.isDecayed }
    case .head:
      guard let last = all.lastIndex(where: \.isDecayed) else { return all }
      return Array(all[last...])
    case .matching(let patterns):
      for pattern in patterns where !all.contains(where: { Self.matches(graph[$0.value].name, pattern) }) {
        throw .nothingSelected(patterns: [pattern], known: all.map { graph[$0.value].name })
      }
      return all.filter { parameter in patterns.contains { Self.matches(graph[parameter.value].name, $0) } }
    }
  }

  /// Whether a shell-like pattern of `*` and `?` stands for all of `name`.
  package static func matches(_ name: String, _ pattern: String) -> Bool {
    let (name, pattern) = (Array(name), Array(pattern))
    var (position, place) = (0, 0)
    var retry: (position: Int, place: Int)?
    while position < name.count {
      if place < pattern.count, pattern[place] == "*" {
        retry = (position, place)
        place += 1
      } else if place < pattern.count, pattern[place] == "?" || pattern[place] == name[position] {
        position += 1
        place += 1
      } else if let star = retry {
        retry = (star.position + 1, star.place)
        position = star.position + 1
        place = star.place + 1
      } else {
        return false
      }
    }
    return pattern[place...].allSatisfy { $0 == "*" }
  }
}
