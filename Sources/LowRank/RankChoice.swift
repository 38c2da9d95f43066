/// An option of a layer and a rank of it.
struct RankChoice {
  /// Index into the layer's options.
  var option: Int
  var rank: Int
  var multiplyAccumulates: Int
  /// Share of the energy that is lost.
  var lostEnergy: Double
}

extension LayerSpectrum {
  /// The choice of least cost that keeps `share` of the energy; nil where none is cheaper than the layer as it is.
  func cheapest(keeping share: Double) -> RankChoice? {
    let choices = options.indices.map { index in
      let option = options[index]
      let rank = (1...option.values.count).first { option.energy(rank: $0) >= share } ?? option.values.count
      return choice(index, rank: rank, energy: option.energy(rank: rank))
    }
    let best = choices.min { $0.multiplyAccumulates < $1.multiplyAccumulates }
    return best.flatMap { $0.multiplyAccumulates < multiplyAccumulates ? $0 : nil }
  }

  /// All choices that are cheaper than the layer as it is and better than any that costs no more, from the dearest.
  var worthwhile: [RankChoice] {
    var all: [RankChoice] = []
    for (index, option) in options.enumerated() {
      let total = option.values.reduce(0) { $0 + $1 * $1 }
      var kept = 0.0
      for (position, value) in option.values.enumerated() {
        kept += value * value
        all.append(choice(index, rank: position + 1, energy: total > 0 ? kept / total : 1))
      }
    }
    all.sort { ($0.multiplyAccumulates, $0.lostEnergy) < ($1.multiplyAccumulates, $1.lostEnergy) }
    var best: [RankChoice] = []
    for choice in all where choice.multiplyAccumulates < multiplyAccumulates {
      if let last = best.last, choice.lostEnergy >= last.lostEnergy { continue }
      best.append(choice)
    }
    return best.reversed()
  }

  private func choice(_ index: Int, rank: Int, energy: Double) -> RankChoice {
    RankChoice(
      option: index, rank: rank,
      multiplyAccumulates: rank * options[index].candidate.multiplyAccumulatesPerRank,
      lostEnergy: max(0, 1 - energy))
  }
}

extension RankChoice {
  /// Choices for all layers under which the network costs at most `share` of `total`, and the sum of the layers' lost
  /// shares of energy is small; nil leaves a layer.
  ///
  /// Of each layer only the choices on the lower convex hull of loss over cost are considered, so that the saving
  /// that loses least for each multiply-accumulate is always the next one of some layer; what the last one saves too
  /// much is given back to its layer. Errors: `.budgetOutOfReach`.
  static func spending(
    _ share: Double, of total: Int, on spectra: [LayerSpectrum]
  ) throws(LowRankError) -> [RankChoice?] {
    struct Step {
      var layer: Int
      var choice: RankChoice
      var saved: Int
      /// Lost energy for each multiply-accumulate saved.
      var price: Double
    }
    var steps: [Step] = []
    for (layer, spectrum) in spectra.enumerated() {
      var (cost, lost) = (spectrum.multiplyAccumulates, 0.0)
      for choice in hull(spectrum.worthwhile, from: cost) {
        let saved = cost - choice.multiplyAccumulates
        steps.append(
          Step(layer: layer, choice: choice, saved: saved, price: (choice.lostEnergy - lost) / Double(saved)))
        (cost, lost) = (choice.multiplyAccumulates, choice.lostEnergy)
      }
    }
    // Along a hull prices rise, so the order within a layer is kept.
    let order = steps.indices.sorted { (steps[$0].price, $0) < (steps[$1].price, $1) }
    let goal = Int(Double(total) * share)
    var chosen = [RankChoice?](repeating: nil, count: spectra.count)
    var cost = total
    for index in order where cost > goal {
      let step = steps[index]
      chosen[step.layer] = step.choice
      cost -= step.saved
      if cost <= goal {
        let room = goal - cost + step.choice.multiplyAccumulates
        chosen[step.layer] = spectra[step.layer].worthwhile.first { $0.multiplyAccumulates <= room } ?? step.choice
      }
    }
    guard cost <= goal else { throw .budgetOutOfReach(share: share, least: Double(cost) / Double(max(total, 1))) }
    return chosen
  }

  /// The choices on the lower convex hull of lost energy over cost that begins with nothing lost at `cost`;
  /// `choices` come from the dearest, each losing more than the one before it.
  private static func hull(_ choices: [RankChoice], from cost: Int) -> [RankChoice] {
    var hull: [RankChoice] = []
    func price(_ choice: RankChoice, after last: RankChoice?) -> Double {
      (choice.lostEnergy - (last?.lostEnergy ?? 0))
        / Double((last?.multiplyAccumulates ?? cost) - choice.multiplyAccumulates)
    }
    for choice in choices {
      while let last = hull.last, price(choice, after: last) <= price(last, after: hull.dropLast().last) {
        hull.removeLast()
      }
      hull.append(choice)
    }
    return hull
  }
}
