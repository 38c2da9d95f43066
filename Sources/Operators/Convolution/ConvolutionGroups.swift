/// The channels of a convolution: `count` groups, each of `inputs` channels of axis 1 of input 0 and `outputs`
/// channels of axis 1 of the output.
struct ConvolutionGroups {
  var count: Int
  var inputs: Int
  var outputs: Int

  /// Every group loses the channels at the same positions within it.
  ///
  /// `input` and `output` are where the weight has the input's and the output's channels.
  func within(input: [ChannelPlaces], output: [ChannelPlaces], hasBias: Bool) -> [ChannelTie] {
    [
      ChannelTie(.mixes, count: inputs, [.input(0, axis: 1, blocks: count)] + input),
      ChannelTie(
        count: outputs,
        [.output(0, axis: 1, blocks: count)] + output + (hasBias ? [.input(2, axis: 0, blocks: count)] : [])),
    ]
  }

  /// A group goes as a whole; `weight` is where its kernels are.
  func whole(_ weight: [ChannelPlaces], hasBias: Bool) -> [ChannelTie] {
    [
      ChannelTie(
        count: count,
        [.input(0, axis: 1, run: inputs), .output(0, axis: 1, run: outputs)] + weight
          + (hasBias ? [.input(2, axis: 0, run: outputs)] : []))
    ]
  }

  /// Groups of one channel, as of a depthwise convolution, can only go as a whole; of others each loses some channels
  /// where it can.
  func coupling(batch: Int, within: [ChannelTie], whole: [ChannelTie]) -> ChannelCoupling {
    let fixed = [ChannelTie(count: batch, [.input(0, axis: 0), .output(0, axis: 0)])]
    let reason = "slides a window along it"
    if count == 1 { return ChannelCoupling(ties: fixed + within, otherwise: reason) }
    if inputs == 1 { return ChannelCoupling(ties: fixed + whole, otherwise: reason) }
    return ChannelCoupling(
      ties: fixed, choices: [outputs == 1 ? [whole, within] : [within, whole]], otherwise: reason)
  }
}
