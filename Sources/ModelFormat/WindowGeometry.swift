/// Extents of a convolution or pool over NHWC images; one-dimensional ones have height 1.
public struct WindowGeometry: BitwiseCopyable, Equatable, Sendable {
  public var batch = 1
  public var inHeight = 1
  public var inWidth = 1
  public var inChannels = 1
  public var outHeight = 1
  public var outWidth = 1
  public var outChannels = 1
  public var kernelHeight = 1
  public var kernelWidth = 1
  public var strideHeight = 1
  public var strideWidth = 1
  public var dilationHeight = 1
  public var dilationWidth = 1
  /// Rows and columns of padding before the image; those behind it follow from the output extents.
  public var padTop = 0
  public var padLeft = 0

  public init() {}

  /// Rows of input, padding included, that `outRows` rows of output read.
  public func stagedRows(outRows: Int) -> Int {
    (outRows - 1) * strideHeight + (kernelHeight - 1) * dilationHeight + 1
  }

  /// Columns of input, padding included, that one row of output reads.
  public var stagedWidth: Int { (outWidth - 1) * strideWidth + (kernelWidth - 1) * dilationWidth + 1 }

  /// Bytes of a staged row: the columns one row of output reads, padding included.
  public func stagedRowBytes(elementBytes: Int) -> Int { stagedWidth * inChannels * elementBytes }

  /// Readable bytes that the inner loops may touch behind the staged image.
  public static var stagingSlackBytes: Int { 64 }

  /// Scratch that a convolution needs for bands of `bandRows` output rows: the staged band and its
  /// slack. Integer steps are planned for 2-byte elements, the widest form of any instruction set;
  /// float steps stage (4-byte elements) only where there is padding.
  public func scratchBytes(bandRows: Int, elementBytes: Int) -> Int {
    stagedRows(outRows: bandRows) * stagedRowBytes(elementBytes: elementBytes) + WindowGeometry.stagingSlackBytes
  }

  /// Whether some window reaches outside the image.
  public var hasPadding: Bool {
    padTop > 0 || padLeft > 0 || stagedRows(outRows: outHeight) > inHeight + padTop
      || stagedWidth > inWidth + padLeft
  }

  /// Products that are summed when each output channel reads `channelsPerOutput` input channels; nil
  /// when a hostile record's extents overflow.
  public func multiplyAccumulates(channelsPerOutput: Int) -> Int? {
    var count = 1
    for factor in [batch, outHeight, outWidth, outChannels, kernelHeight, kernelWidth, channelsPerOutput] {
      let (product, overflow) = count.multipliedReportingOverflow(by: factor)
      if overflow { return nil }
      count = product
    }
    return count
  }
}
