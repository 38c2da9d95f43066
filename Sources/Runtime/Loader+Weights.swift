import EntropyCoding
import Inflate
import ModelFormat
import TensorTypes

extension Loader {
  /// Inflates the weights sections, which together may not exceed what the header says.
  mutating func inflateWeights(_ view: FileView) throws(LoadError) {
    var total = 0
    while let section = view.section(.weights, sections.count) {
      total += section.rawBytes
      guard total <= Int(view.header.weightBytes) else {
        throw .format(.sizeMismatch(expected: view.header.weightBytes, found: UInt32(truncatingIfNeeded: total)))
      }
      // Owned by `sections` from here on, whatever happens.
      let ordinal = sections.count
      let bytes = memory.section(section.rawBytes)
      sections.append(bytes)
      do throws(InflateError) {
        try inflate(section.compressed, into: bytes)
      } catch {
        throw .inflate(section: .weights, ordinal: ordinal, error)
      }
    }
  }

  /// Decodes the coded tensors in the order of the table. Each becomes a section of its own, at whose start it lies.
  ///
  /// `limit` is what they may have together with the sections that are there, in bytes.
  mutating func decodeTensors(_ network: NetworkSection, limit: Int) throws(LoadError) {
    var total = 0
    for section in sections { total += section.count }
    for index in tensors.indices where tensors[index].placement == .coded {
      let bytes = tensors[index].byteCount ?? .max
      guard bytes <= limit - total else { throw .tensor(index: index, .tooLarge(count: tensors[index].count)) }
      total += bytes
      tensors[index].placement = .constant
      tensors[index].section = sections.count
      let target = memory.section(bytes)
      sections.append(target)
      do throws(CodingError) {
        try network.decodeTensor(into: target, width: tensors[index].dtype.byteCount)
      } catch {
        throw .coding(error)
      }
    }
    do throws(CodingError) { try network.finish() } catch { throw .coding(error) }
  }
}
