import Foundation

/// Memory that ends at an inaccessible page, so that reading or writing one byte too far stops the test;
/// in front of it lie bytes that must stay as they are.
final class GuardedBuffer<Element: BitwiseCopyable> {
  private static var pageBytes: Int { 65536 }
  private static var canary: UInt8 { 0xC5 }

  let count: Int
  private let mapping: UnsafeMutableRawPointer
  private let mappedBytes: Int
  private let offset: Int

  /// `count` elements, then `slack` readable bytes, then the inaccessible page.
  init(count: Int, slack: Int = 0, fill: UInt8 = 0xA5) throws {
    let bytes = count * MemoryLayout<Element>.stride + slack
    let usable = (bytes + Self.pageBytes - 1) / Self.pageBytes * Self.pageBytes
    self.count = count
    mappedBytes = usable + Self.pageBytes
    offset = usable - bytes
    let address = mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address, address != MAP_FAILED else { throw POSIXError(.ENOMEM) }
    mapping = address
    memset(mapping, Int32(Self.canary), offset)
    memset(mapping + offset, Int32(fill), bytes)
    guard mprotect(mapping + usable, Self.pageBytes, PROT_NONE) == 0 else { throw POSIXError(.EPERM) }
  }

  convenience init(_ elements: [Element], slack: Int = 0) throws {
    try self.init(count: elements.count, slack: slack)
    for (index, element) in elements.enumerated() { pointer[index] = element }
  }

  deinit { munmap(mapping, mappedBytes) }

  var pointer: UnsafeMutablePointer<Element> {
    (mapping + offset).bindMemory(to: Element.self, capacity: count)
  }
  var bytes: UnsafeMutablePointer<UInt8> {
    (mapping + offset).assumingMemoryBound(to: UInt8.self)
  }
  var elements: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  /// Whether the bytes in front are untouched.
  var frontIsIntact: Bool {
    let front = UnsafeRawBufferPointer(start: mapping, count: offset)
    return front.suffix(4096).allSatisfy { $0 == Self.canary }
  }
}
