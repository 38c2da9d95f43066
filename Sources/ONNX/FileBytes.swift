import Foundation

/// Read-only bytes of a file, mapped rather than read, or of a buffer.
///
/// The file must not be shortened by others while it is mapped.
final class FileBytes: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// Maps the regular file at `path`. Errors: the system's text.
  init(mapping path: String) throws(SystemFailure) {
    // Not blocking: opening a pipe must not wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw SystemFailure() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemFailure() }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SystemFailure(text: "not a regular file") }
    let byteCount = Int(status.st_size)
    guard byteCount > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      isMapped = false
      return
    }
    guard let base = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      throw SystemFailure()
    }
    bytes = UnsafeRawBufferPointer(start: base, count: byteCount)
    isMapped = true
  }

  init(copying data: Data) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(data.count, 1), alignment: 64)
    data.copyBytes(to: memory)
    bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[0..<data.count])
    isMapped = false
  }

  deinit {
    if isMapped {
      munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    } else {
      bytes.deallocate()
    }
  }
}

/// Zeros that take no memory until they are written, which nobody does.
final class UntouchedPages: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer

  init(byteCount: Int) throws(SystemFailure) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let base = mmap(nil, byteCount, PROT_READ, Int32(flags), -1, 0), base != MAP_FAILED else {
      throw SystemFailure()
    }
    bytes = UnsafeRawBufferPointer(start: base, count: byteCount)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}

/// A refused system call, in the system's words.
struct SystemFailure: Error {
  var text: String

  init(text: String = String(cString: strerror(errno))) { self.text = text }
}
