/// One English sentence per case, for the command line.
extension DatasetError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .missingFile(let specification, let key, let path, let reason):
      "\(specification): \(key): \(path) cannot be read: \(reason)"
    case .unwritable(let path, let reason): "\(path): cannot be written: \(reason)"
    case .malformedYAML(let path, let line, let reason):
      "\(path)\(line.map { ":\($0)" } ?? ""): not valid YAML: \(reason)"
    case .unknownKey(let path, let key, let known):
      "\(path): unknown key \(key); known here: \(known.joined(separator: ", "))"
    case .missingKey(let path, let key): "\(path): the key \(key) is missing"
    case .wrongValue(let path, let key, let expected, let found):
      "\(path): \(key): expected \(expected), found \(found)"
    case .channelCountDiffers(let key, let entries, let sampleShape, let channels):
      "\(key) has \(entries) entries, but a sample of shape \(sampleShape) has \(channels) channel(s);"
        + " give 1 or \(channels)"
    case .unsupportedFormat(let path, let found, let readable):
      "\(path): \(found) is not read; read are: \(readable.joined(separator: ", "))"
    case .unsupportedVariant(let path, let found): "\(path): \(found) is not read"
    case .malformed(let path, let field, let expected, let found):
      "\(path): \(field): expected \(expected), found \(found)"
    case .truncated(let path, let expectedBytes, let foundBytes):
      "\(path): truncated: \(expectedBytes) bytes declared, \(foundBytes) present"
    case .surplus(let path, let expectedBytes): "\(path): goes on after the \(expectedBytes) bytes that it declares"
    case .corrupt(let path, let reason): "\(path): corrupt compressed data: \(reason)"
    case .tooLarge(let path, let limitBytes): "\(path): inflates to more than \(limitBytes) bytes"
    case .memberNotFound(let path, let name, let available):
      "\(path): no member \(name); present: \(available.joined(separator: ", "))"
    case .undecodable(let path, let format, let reason): "\(path): damaged \(format): \(reason)"
    case .imageTooLarge(let path, let height, let width, let limitPixels):
      "\(path): \(height) x \(width) pixels; at most \(limitPixels) are decoded"
    case .sampleShapeDiffers(let path, let expected, let found):
      "\(path): gives a sample of shape \(found), but the first file one of \(expected);"
        + " preprocess.size and preprocess.channels make images alike"
    case .notANumber(let path, let line, let column, let found):
      "\(path):\(line):\(column): \"\(found)\" is not a number (preprocess.text reads text)"
    case .raggedRow(let path, let line, let expectedCells, let foundCells):
      "\(path):\(line): \(foundCells) cells where the first row has \(expectedCells)"
    case .labelCountDiffers(let path, let labels, let samples): "\(path): \(labels) labels for \(samples) samples"
    case .labelOutOfRange(let path, let index, let label, let classes):
      "\(path): label \(index) is \(label), but the classes are 0 to \(classes - 1)"
    case .rangeOutOfBounds(let path, let from, let to, let samples):
      "\(path): range [\(from), \(to)] of \(samples) samples"
    case .sampleOutOfRange(let index, let samples): "sample \(index) of \(samples)"
    case .batchOutOfRange(let number, let batches): "batch \(number) of \(batches)"
    case .missingLabels(let path): "\(path): has no class labels, which this needs"
    case .notImages(let path, let key, let sampleShape):
      "\(path): \(key) is for images, but samples of shape \(sampleShape) are not known to be any;"
        + " preprocess.layout says where their channels are"
    case .invalidOption(let name, let expected, let found): "\(name): expected \(expected), found \(found)"
    case .shapeMismatch(let path, let sampleShape, let inputShape):
      "\(path): a sample of shape \(sampleShape) has \(sampleShape.elementCountText) elements,"
        + " but the input \(inputShape) takes \(inputShape.elementCountText)"
    }
  }
}

extension [Int] {
  fileprivate var elementCountText: String { String(reduce(1) { $0 &* $1 }) }
}
