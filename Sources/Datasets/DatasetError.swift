import TensorTypes

/// What is wrong with a data set, its description or a `.npy` file; every case carries the facts.
public enum DatasetError: Error, Equatable, Sendable {
  /// The system refused to open, read or map `path`.
  case unreadable(path: String, reason: String)
  /// The file that `key` of the description `specification` names cannot be opened.
  case missingFile(specification: String, key: String, path: String, reason: String)
  /// The system refused to write `path`.
  case unwritable(path: String, reason: String)

  /// Not YAML. `line` counts from 1.
  case malformedYAML(path: String, line: Int?, reason: String)
  case unknownKey(path: String, key: String, known: [String])
  case missingKey(path: String, key: String)
  /// The value of `key` is not what the key takes.
  case wrongValue(path: String, key: String, expected: String, found: String)
  /// `mean` or `std` has neither one entry nor one for each channel.
  case channelCountDiffers(key: String, entries: Int, sampleShape: [Int], channels: Int)

  /// The format is not one that is read; `readable` lists those that are.
  case unsupportedFormat(path: String, found: String, readable: [String])
  /// A format that is read, in a variant that is not (Fortran order, ZIP64, big-endian `.npy`).
  case unsupportedVariant(path: String, found: String)
  /// A field of a file's header contradicts the format or the file.
  case malformed(path: String, field: String, expected: String, found: String)
  /// The file ends before the bytes that its header declares.
  case truncated(path: String, expectedBytes: Int, foundBytes: Int)
  /// The file goes on after the bytes that its header declares.
  case surplus(path: String, expectedBytes: Int)
  /// Compressed data that zlib refuses, or whose checksum differs.
  case corrupt(path: String, reason: String)
  /// The file inflates to more than `limitBytes`.
  case tooLarge(path: String, limitBytes: Int)
  /// No member of that name in an `.npz` file.
  case memberNotFound(path: String, name: String, available: [String])
  /// A file whose picture or sound the decoder of its format refuses.
  case undecodable(path: String, format: String, reason: String)
  /// An image of more pixels than are decoded.
  case imageTooLarge(path: String, height: Int, width: Int, limitPixels: Int)
  /// A file of a folder that gives a sample of another shape than the first one does.
  case sampleShapeDiffers(path: String, expected: [Int], found: [Int])
  /// A cell of a number table that is not a number. `line` and `column` count from 1.
  case notANumber(path: String, line: Int, column: Int, found: String)
  /// A row of a number table with another number of cells than the first. `line` counts from 1.
  case raggedRow(path: String, line: Int, expectedCells: Int, foundCells: Int)

  case labelCountDiffers(path: String, labels: Int, samples: Int)
  /// A label that is negative, or not below `classes`.
  case labelOutOfRange(path: String, index: Int, label: String, classes: Int)
  /// `range` reaches beyond the samples.
  case rangeOutOfBounds(path: String, from: Int, to: Int, samples: Int)
  case sampleOutOfRange(index: Int, samples: Int)
  case batchOutOfRange(number: Int, batches: Int)
  /// Something needs class labels that the data set of `path` does not have.
  case missingLabels(path: String)
  /// `key` is for images, but samples have another shape, or nothing tells where their channels are.
  case notImages(path: String, key: String, sampleShape: [Int])
  /// A size, a fraction or the like that a caller asked for and that cannot be.
  case invalidOption(name: String, expected: String, found: String)
  /// A sample has another number of elements than the input it is meant for.
  case shapeMismatch(path: String, sampleShape: [Int], inputShape: [Int])
}

extension DatasetError {
  /// The formats of `inputs`, as errors list them.
  static let readableInputs = [
    "idx", ".npy", ".npz", "CIFAR-10 .bin", ".csv or .tsv of numbers",
    ".tsv or .txt of text (with preprocess.text)", "each of these but .npz also as .gz",
    "a folder of .png, .jpg or .wav",
  ]
  /// The files of a folder, as errors list them.
  static let readableFolders = [".png", ".jpg", ".jpeg", "with preprocess.audio .wav"]
  /// The formats of `labels`, as errors list them.
  static let readableLabels = [
    "idx", ".npy", ".npz", ".txt with one label a line", "each of these but .npz also as .gz",
    "last-column (of .csv or .tsv inputs)",
  ]
}
