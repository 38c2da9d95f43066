import Glibc
import HostTensors

/// The read-only bytes of a file: mapped where the file is plain, owned where it had to be inflated.
final class FileBytes: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// Maps `path` read-only; nothing is read until it is touched.
  init(mapping path: String) throws(DatasetError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: systemReason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, reason: systemReason()) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, reason: "Not a regular file") }
    isMapped = status.st_size > 0
    guard isMapped else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let size = Int(status.st_size)
    guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      throw .unreadable(path: path, reason: systemReason())
    }
    bytes = UnsafeRawBufferPointer(start: base, count: size)
  }

  /// Owns `byteCount` bytes that `fill` writes.
  init(byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws(DatasetError) -> Void) throws(DatasetError) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 1), alignment: 64)
    isMapped = false
    bytes = UnsafeRawBufferPointer(memory)
    try fill(UnsafeMutableRawBufferPointer(rebasing: memory[0..<byteCount]))
  }

  deinit {
    if isMapped {
      munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    } else if bytes.baseAddress != nil {
      bytes.deallocate()
    }
  }
}

extension FileBytes {
  /// Puts `bytes` at `path` in one step: whoever reads there finds the old contents or all of the new.
  ///
  /// Throws `unwritable`.
  static func replace(_ path: String, with bytes: [UInt8]) throws(DatasetError) {
    let partial = "\(path).\(getpid()).partial"
    unlink(partial)
    let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: systemReason()) }
    var failure = bytes.withUnsafeBytes { bytes -> String? in
      var written = 0
      while written < bytes.count {
        let step = Glibc.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
        if step < 0 && errno == EINTR { continue }
        guard step > 0 else { return systemReason() }
        written += step
      }
      return nil
    }
    if close(descriptor) != 0 && failure == nil { failure = systemReason() }
    if failure == nil && rename(partial, path) != 0 { failure = systemReason() }
    guard let failure else { return }
    unlink(partial)
    throw .unwritable(path: path, reason: failure)
  }
}

/// The sentence of the last failed system call.
func systemReason() -> String { String(cString: strerror(errno)) }

/// Whether `path` names a folder.
func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// The product of `extents` and `elementBytes`, or nil where an extent is negative or the product of those
/// that are not 0 exceeds 2^62, so that strides and a header's bytes added to it stay in range too.
func checkedByteCount(_ extents: [Int], elementBytes: Int) -> Int? {
  var product = elementBytes
  for extent in extents {
    let (next, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
    if overflow || next > 1 << 62 || extent < 0 { return nil }
    product = next
  }
  return extents.contains(0) ? 0 : product
}
