import HostTensors
import TensorTypes

/// Where the channels of one sample stand.
public enum ChannelLayout: String, Sendable, CaseIterable {
  /// Channels last: [height, width, channels].
  case channelsLast = "NHWC"
  /// Channels first: [channels, height, width].
  case channelsFirst = "NCHW"
}

/// An array as a file stores it: elements of one type in row-major order, decoded as they are asked for.
struct RawArray: Sendable {
  let path: String
  let region: ByteRegion
  let dtype: DType
  var isBigEndian = false
  /// Extents; the first counts the samples.
  let shape: [Int]
  /// Bytes from one sample to the next where records hold more than the sample.
  var recordBytes: Int?
  /// Bytes before the first element in a record.
  var offsetBytes = 0
  /// Nil where the format does not say how it stores channels.
  var storedLayout: ChannelLayout?

  var sampleCount: Int { shape.first ?? 0 }
  var sampleShape: [Int] { [Int](shape.dropFirst()) }

  /// The elements of sample `index` as Float; `target` has room for all of them.
  func decode(sample index: Int, into target: UnsafeMutableBufferPointer<Float>) {
    withRecord(index) { base in
      switch dtype {
      case .float32: load(Float.self, base, target)
      case .uint8: load(UInt8.self, base, target) { Float($0) }
      case .int8: load(Int8.self, base, target) { Float($0) }
      case .uint16: load(UInt16.self, base, target)
      case .int16: load(Int16.self, base, target)
      case .int32: load(Int32.self, base, target)
      case .int64: load(Int64.self, base, target)
      case .bool: load(UInt8.self, base, target) { $0 == 0 ? 0 : 1 }
      case .float16: load(Float16.self, base, target)
      case .float64: load(Double.self, base, target)
      case .uint32: load(UInt32.self, base, target)
      case .uint64: load(UInt64.self, base, target)
      case .bfloat16: load(BFloat16.self, base, target)
      }
    }
  }

  /// The single element of sample `index` where it is an integer that `Int` holds.
  func integer(sample index: Int) -> Int? {
    withRecord(index) { base in
      switch dtype {
      case .uint8: Int(element(UInt8.self, base, 0))
      case .int8: Int(element(Int8.self, base, 0))
      case .uint16: Int(element(UInt16.self, base, 0))
      case .int16: Int(element(Int16.self, base, 0))
      case .int32: Int(element(Int32.self, base, 0))
      case .int64: Int(element(Int64.self, base, 0))
      case .bool: element(UInt8.self, base, 0) == 0 ? 0 : 1
      case .uint32: Int(element(UInt32.self, base, 0))
      case .uint64: Int(exactly: element(UInt64.self, base, 0))
      case .float32, .float64, .float16, .bfloat16: nil
      }
    }
  }

  private func withRecord<R>(_ index: Int, _ body: (UnsafeRawPointer) -> R) -> R {
    let stride = recordBytes ?? sampleShape.elementCount * dtype.byteCount
    return region.withBytes { bytes in
      let start = index * stride + offsetBytes
      let end = start + sampleShape.elementCount * dtype.byteCount
      precondition(index >= 0 && end <= bytes.count, "sample \(index) lies outside \(path)")
      return body(bytes.baseAddress! + start)
    }
  }

  private func load<T: TensorElement>(
    _ type: T.Type, _ base: UnsafeRawPointer, _ target: UnsafeMutableBufferPointer<Float>,
    _ convert: (T) -> Float = { Float($0.asDouble) }
  ) {
    // Outside of the loop, so that the loop of bytes is one of vector instructions.
    if MemoryLayout<T>.size == 1 {
      let elements = base.assumingMemoryBound(to: T.self)
      for position in target.indices { target[position] = convert(elements[position]) }
      return
    }
    for position in target.indices { target[position] = convert(element(T.self, base, position)) }
  }

  private func element<T: BitwiseCopyable>(_ type: T.Type, _ base: UnsafeRawPointer, _ position: Int) -> T {
    // A record may start anywhere, so elements need not be aligned.
    var value = base.loadUnaligned(fromByteOffset: position * MemoryLayout<T>.size, as: T.self)
    if isBigEndian {
      withUnsafeMutableBytes(of: &value) { bytes in
        var bytes = bytes
        bytes.reverse()
      }
    }
    return value
  }
}
