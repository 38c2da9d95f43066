import CMicrokernels
import ModelFormat

/// The weights of one product, rearranged for an instruction set's inner loop.
///
/// Layout: for each block of `nr` output channels, each run, each 4-byte group, each channel: the
/// group's elements (4 int8, 2 int16 or 1 float), zeros behind the last channel and the last element.
///
/// Whoever makes one has checked that the bytes of its weights do not overflow: positions below them, which is
/// what is computed here, do not either.
struct ProductWeights {
  let nr: Int
  let elementsPerGroup: Int
  let runCount: Int
  let runElements: Int
  let channels: Int

  var groupsPerRun: Int { (runElements + elementsPerGroup - 1) / elementsPerGroup }
  var paddedChannels: Int { (channels + nr - 1) / nr * nr }
  var byteCount: Int { paddedChannels * runCount * groupsPerRun * 4 }

  /// Writes the prepacked weights into zeroed memory; `source`: [channels][runCount][runElements].
  func prepackInt8(_ source: UnsafePointer<Int8>, into target: UnsafeMutableRawPointer) {
    var out = target
    let widens = elementsPerGroup == 2
    for block in stride(from: 0, to: channels, by: nr) {
      for run in 0..<runCount {
        for group in 0..<groupsPerRun {
          for lane in 0..<nr {
            let channel = block &+ lane
            if channel < channels {
              let row = source + (channel &* runCount &+ run) &* runElements
              let first = group &* elementsPerGroup
              for slot in 0..<min(elementsPerGroup, runElements &- first) {
                if widens {
                  out.storeBytes(of: Int16(row[first &+ slot]), toByteOffset: slot &* 2, as: Int16.self)
                } else {
                  out.storeBytes(of: row[first &+ slot], toByteOffset: slot, as: Int8.self)
                }
              }
            }
            out += 4
          }
        }
      }
    }
  }

  /// The same for float weights: one element a group.
  func prepackFloat(_ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
    var out = target
    for block in stride(from: 0, to: channels, by: nr) {
      for run in 0..<runCount {
        for element in 0..<runElements {
          for lane in 0..<nr {
            let channel = block &+ lane
            if channel < channels { out.pointee = source[(channel &* runCount &+ run) &* runElements &+ element] }
            out += 1
          }
        }
      }
    }
  }
}
