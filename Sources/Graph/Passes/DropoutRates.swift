import HostTensors
import Operators

extension Graph {
  /// Gives each Dropout the rate that `change` makes of its own, which is to be from 0 to less than 1.
  ///
  /// One whose rate is computed or out of range is left as it is. Returns whether any was changed.
  @discardableResult
  public mutating func changeDropoutRates(_ change: (Float) -> Float) -> Bool {
    var isChanged = false
    for index in nodes.indices {
      let node = nodes[index]
      guard let dropout = node.op as? Dropout, let data = node.inputs.first else { continue }
      let given = node.inputs.count > 1 ? node.inputs[1] : nil
      let constant = given.flatMap { self[$0].constant }
      guard given == nil || constant != nil, let own = try? dropout.trainingRatio([nil, constant]) else { continue }
      let rate = addConstant(name: "\(node.name).ratio", Tensor(scalar: change(own)))
      nodes[index].inputs = [data, rate] + node.inputs.dropFirst(2)
      isChanged = true
    }
    return isChanged
  }
}
