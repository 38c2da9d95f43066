import HostTensors
import Synchronization

/// Keeps decoded samples in memory, as far as a limit allows, so that files are decoded once.
///
/// A sample of whole numbers from 0 to 255 is kept in one byte an element, any other in four; what comes back is
/// bit for bit what was decoded.
struct CachedSamples: RawSamples {
  private let source: any RawSamples
  private let cache: SampleCache

  init(_ source: any RawSamples, limitBytes: Int) {
    self.source = source
    cache = SampleCache(limitBytes: limitBytes)
  }

  var path: String { source.path }
  var sampleCount: Int { source.sampleCount }
  var sampleShape: [Int] { source.sampleShape }
  var storedLayout: ChannelLayout? { source.storedLayout }
  var isInMemory: Bool { true }
  var keptSamples: Int { cache.keptSamples }

  func decode(sample index: Int, into target: UnsafeMutableBufferPointer<Float>) throws(DatasetError) {
    if let kept = cache.sample(index) {
      kept.write(to: target)
    } else {
      try source.decode(sample: index, into: target)
      cache.keep(KeptSample(UnsafeBufferPointer(target)), at: index)
    }
  }
}

/// The elements of one decoded sample.
private enum KeptSample: Sendable {
  case bytes([UInt8])
  case floats([Float])

  init(_ elements: UnsafeBufferPointer<Float>) {
    // The bit pattern is compared, so that -0 is not taken for 0.
    let areBytes = elements.allSatisfy {
      $0 >= 0 && $0 <= 255 && Float(UInt8($0)).bitPattern == $0.bitPattern
    }
    self = areBytes ? .bytes(elements.map { UInt8($0) }) : .floats([Float](elements))
  }

  var byteCount: Int {
    switch self {
    case .bytes(let elements): elements.count
    case .floats(let elements): 4 * elements.count
    }
  }

  func write(to target: UnsafeMutableBufferPointer<Float>) {
    switch self {
    case .bytes(let elements): for (index, element) in elements.enumerated() { target[index] = Float(element) }
    case .floats(let elements): _ = target.update(fromContentsOf: elements)
    }
  }
}

private final class SampleCache: Sendable {
  private let limitBytes: Int
  private let state = Mutex<(samples: [Int: KeptSample], bytes: Int)>(([:], 0))

  init(limitBytes: Int) { self.limitBytes = limitBytes }

  var keptSamples: Int { state.withLock { $0.samples.count } }

  func sample(_ index: Int) -> KeptSample? { state.withLock { $0.samples[index] } }

  func keep(_ sample: KeptSample, at index: Int) {
    state.withLock { state in
      guard state.samples[index] == nil, state.bytes + sample.byteCount <= limitBytes else { return }
      state.samples[index] = sample
      state.bytes += sample.byteCount
    }
  }
}
