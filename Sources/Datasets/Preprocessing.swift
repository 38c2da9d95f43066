import HostTensors

/// How stored numbers become a model's input: x = (raw * scale + offset - mean) / std in Float32.
public struct Preprocessing: Sendable, Equatable {
  /// What the model's input wants; nil leaves samples as they are stored.
  public var layout: ChannelLayout?
  /// How `.npy`, `.npz` and idx samples of three or more axes store channels; nil means as `layout`.
  public var stored: ChannelLayout?
  public var scale: Float
  public var offset: Float
  /// One entry, or one for each channel.
  public var mean: [Float]
  /// One entry, or one for each channel; finite and not zero.
  public var std: [Float]
  /// What images are resized to; nil leaves them as they are.
  public var size: ImageSize?
  /// 1 makes the images of a folder grey, 3 coloured; nil leaves them as they are.
  public var imageChannels: Int?
  /// Given where samples are the sounds of a folder.
  public var audio: AudioPreprocessing?
  /// Given where samples are text.
  public var text: TextPreprocessing?

  public init(
    layout: ChannelLayout? = nil, stored: ChannelLayout? = nil, scale: Float = 1, offset: Float = 0,
    mean: [Float] = [0], std: [Float] = [1], size: ImageSize? = nil, imageChannels: Int? = nil,
    audio: AudioPreprocessing? = nil, text: TextPreprocessing? = nil
  ) {
    self.layout = layout
    self.stored = stored
    self.scale = scale
    self.offset = offset
    self.mean = mean
    self.std = std
    self.size = size
    self.imageChannels = imageChannels
    self.audio = audio
    self.text = text
  }
}

/// Rows and columns of an image.
public struct ImageSize: Sendable, Equatable {
  public var height: Int
  public var width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }
}

/// `Preprocessing` bound to the shape of one data set's samples, with every count checked.
struct SampleTransform: Sendable {
  let shape: [Int]
  /// Where the channels stand in `shape`; nil where nothing says it.
  let layout: ChannelLayout?
  private let scale: Float
  private let offset: Float
  private let mean: [Float]
  private let std: [Float]
  private let channels: Int
  private let positions: Int
  private let rawChannelStride: Int
  private let rawPositionStride: Int
  private let channelStride: Int
  private let positionStride: Int

  /// Samples of rank 0 or 2 are one channel; one of rank 1 is a vector of channels; from rank 3 on
  /// the channel axis is the first or the last.
  init(_ preprocessing: Preprocessing, samples: any RawSamples) throws(DatasetError) {
    let raw = samples.sampleShape
    let stored = samples.storedLayout ?? preprocessing.stored ?? preprocessing.layout
    let wanted = preprocessing.layout ?? stored
    layout = wanted
    let perChannel = preprocessing.mean.count > 1 || preprocessing.std.count > 1
    if raw.count >= 3, stored == nil, perChannel {
      throw .missingKey(path: samples.path, key: "preprocess.layout (mean and std are per channel)")
    }
    if raw.count == 1 {
      channels = raw[0]
    } else if raw.count >= 3, let stored {
      channels = stored == .channelsLast ? raw[raw.count - 1] : raw[0]
    } else {
      channels = 1
    }
    positions = raw.elementCount / max(channels, 1)
    (rawChannelStride, rawPositionStride) = Self.strides(stored, channels: channels, positions: positions)
    (channelStride, positionStride) = Self.strides(wanted, channels: channels, positions: positions)
    shape = Self.arranged(raw, from: stored, to: wanted)
    scale = preprocessing.scale
    offset = preprocessing.offset
    mean = try Self.spread(preprocessing.mean, key: "preprocess.mean", over: channels, sampleShape: raw)
    std = try Self.spread(preprocessing.std, key: "preprocess.std", over: channels, sampleShape: raw)
  }

  func apply(_ raw: UnsafeMutableBufferPointer<Float>, to target: UnsafeMutableBufferPointer<Float>) {
    for channel in 0..<channels {
      let mean = mean[channel]
      let std = std[channel]
      if rawPositionStride == 1 && positionStride == 1 {
        let raw = raw.baseAddress! + channel * rawChannelStride
        let target = target.baseAddress! + channel * channelStride
        for position in 0..<positions { target[position] = (raw[position] * scale + offset - mean) / std }
        continue
      }
      for position in 0..<positions {
        let value = raw[channel * rawChannelStride + position * rawPositionStride]
        target[channel * channelStride + position * positionStride] = (value * scale + offset - mean) / std
      }
    }
  }

  /// What the stored number `value` becomes in each channel.
  func preprocessed(_ value: Float) -> [Float] {
    (0..<channels).map { (value * scale + offset - mean[$0]) / std[$0] }
  }

  private static func strides(
    _ layout: ChannelLayout?, channels: Int, positions: Int
  ) -> (channel: Int, position: Int) {
    layout == .channelsLast ? (channel: 1, position: channels) : (channel: positions, position: 1)
  }

  private static func arranged(_ raw: [Int], from stored: ChannelLayout?, to wanted: ChannelLayout?) -> [Int] {
    guard raw.count >= 3, let stored, let wanted, stored != wanted else { return raw }
    return wanted == .channelsLast
      ? [Int](raw.dropFirst()) + raw.prefix(1) : [Int](raw.suffix(1)) + raw.dropLast()
  }

  private static func spread(
    _ entries: [Float], key: String, over channels: Int, sampleShape: [Int]
  ) throws(DatasetError) -> [Float] {
    if entries.count == channels { return entries }
    guard entries.count == 1 else {
      throw .channelCountDiffers(key: key, entries: entries.count, sampleShape: sampleShape, channels: channels)
    }
    return [Float](repeating: entries[0], count: channels)
  }
}
