import HostTensors
import TensorTypes

/// Images in rows and columns on one sheet.
public struct ImageSheet: Sendable {
  public let image: PNGImage

  /// Draws [N,1,H,W], [N,3,H,W], [N,H,W,1], [N,H,W,3] or [N,H,W] of values from 0 to 1, what lies outside as the nearest
  /// end and NaN as 0. Each pixel becomes `scale` by `scale`; places without an image stay 0.
  ///
  /// Nil where the tensor holds no such images, or the sheet had more than 2^26 pixels.
  public init?(_ tensor: Tensor, columns: Int, scale: Int) {
    guard let layout = Layout(tensor.shape), columns > 0, scale > 0 else { return nil }
    let columns = min(columns, layout.count)
    let rows = (layout.count + columns - 1) / columns
    let width = columns * layout.width * scale
    let height = rows * layout.height * scale
    guard width <= 1 << 26, height <= 1 << 26, width * height <= 1 << 26 else { return nil }
    var bytes = [UInt8](repeating: 0, count: width * height * layout.channels)
    let values = tensor.floats
    for y in 0..<height {
      for x in 0..<width {
        let index = y / (layout.height * scale) * columns + x / (layout.width * scale)
        guard index < layout.count else { continue }
        let (row, column) = (y / scale % layout.height, x / scale % layout.width)
        for channel in 0..<layout.channels {
          let value = values[layout.position(index, row, column, channel)]
          bytes[(y * width + x) * layout.channels + channel] = UInt8(
            max(0, min(1, value.isNaN ? 0 : value)) * 255 + 0.5)
        }
      }
    }
    image = PNGImage(height: height, width: width, channels: layout.channels, bytes: bytes)
  }

  private struct Layout {
    var count, height, width, channels: Int
    var isChannelsFirst: Bool

    init?(_ shape: [Int]) {
      guard !shape.contains(0) else { return nil }
      switch shape.count {
      case 3: (count, height, width, channels, isChannelsFirst) = (shape[0], shape[1], shape[2], 1, true)
      case 4 where shape[1] == 1 || shape[1] == 3:
        (count, height, width, channels, isChannelsFirst) = (shape[0], shape[2], shape[3], shape[1], true)
      case 4 where shape[3] == 1 || shape[3] == 3:
        (count, height, width, channels, isChannelsFirst) = (shape[0], shape[1], shape[2], shape[3], false)
      default: return nil
      }
    }

    func position(_ image: Int, _ row: Int, _ column: Int, _ channel: Int) -> Int {
      isChannelsFirst
        ? ((image * channels + channel) * height + row) * width + column
        : ((image * height + row) * width + column) * channels + channel
    }
  }
}
