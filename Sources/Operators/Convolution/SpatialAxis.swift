/// How a window slides along one spatial axis: all quantities in elements of that axis.
public struct SpatialAxis: Sendable, Equatable {
  /// Extent that the window slides over, without padding.
  public let input: Int
  /// Taps of the window; 1 or more.
  public let kernel: Int
  public let stride: Int
  /// Distance of neighbouring taps.
  public let dilation: Int
  /// Elements of padding before and after the input; `padEnd` may be negative for a transposed
  /// convolution whose output is larger than its windows reach.
  public let padBegin: Int
  public let padEnd: Int
  /// Number of window positions.
  public let output: Int

  /// An axis of extent 1 with a window of 1: what is added to give every window three axes.
  public static let unit = SpatialAxis(
    input: 1, kernel: 1, stride: 1, dilation: 1, padBegin: 0, padEnd: 0, output: 1)

  /// Elements from the first tap of a window to its last, both included.
  public var span: Int { (kernel - 1) * dilation + 1 }

  /// Position in the input of the window's first tap; negative in the padding.
  public func start(_ outputIndex: Int) -> Int { outputIndex * stride - padBegin }

  /// The taps that lie inside the input when the window is at `outputIndex`.
  public func taps(at outputIndex: Int) -> Range<Int> {
    taps(from: start(outputIndex), inside: 0..<input)
  }

  /// The taps that lie inside the input or its padding; the last windows of a ceil-mode pool may
  /// reach beyond it.
  public func paddedTaps(at outputIndex: Int) -> Range<Int> {
    taps(from: start(outputIndex), inside: -padBegin..<input + padEnd)
  }

  /// The window positions at which `tap` lies inside the input.
  public func outputs(touching tap: Int) -> Range<Int> {
    let offset = tap * dilation - padBegin
    let first = offset >= 0 ? 0 : (-offset + stride - 1) / stride
    let end = input > offset ? (input - offset + stride - 1) / stride : 0
    let lower = min(first, output)
    return lower..<max(lower, min(end, output))
  }

  private func taps(from start: Int, inside bounds: Range<Int>) -> Range<Int> {
    let before = bounds.lowerBound - start
    let first = before > 0 ? (before + dilation - 1) / dilation : 0
    let after = bounds.upperBound - start
    let end = after > 0 ? (after + dilation - 1) / dilation : 0
    let lower = min(first, kernel)
    return lower..<max(lower, min(end, kernel))
  }
}
