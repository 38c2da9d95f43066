import Runtime

/// Figures as `key value` lines or as one JSON object, from the same calls.
final class Report {
  private let text = Text()
  private let isJSON: Bool
  private var needsComma = false
  private var prefix: StaticString?

  init(isJSON: Bool) {
    self.isJSON = isJSON
    if isJSON { text.add("{") }
  }

  @inline(never)
  private func begin(_ key: StaticString) {
    if isJSON {
      if needsComma { text.add(",") }
      needsComma = true
      text.add("\"")
      text.add(key)
      text.add("\":")
    } else {
      if let prefix {
        text.add(prefix)
        text.add(".")
      }
      text.add(key)
      text.add(" ")
    }
  }

  @inline(never)
  private func end() { if !isJSON { text.add("\n") } }

  @inline(never)
  func add(_ key: StaticString, _ value: UInt64) {
    begin(key)
    text.add(value)
    end()
  }

  @inline(never)
  func add(_ key: StaticString, _ value: Int) { add(key, UInt64(value.magnitude)) }

  @inline(never)
  func add(_ key: StaticString, _ value: Bool) {
    begin(key)
    text.add(value ? "true" : "false")
    end()
  }

  /// Nanoseconds as microseconds.
  @inline(never)
  func add(_ key: StaticString, microseconds nanoseconds: UInt64) {
    begin(key)
    text.addMicroseconds(nanoseconds)
    end()
  }

  @inline(never)
  func add(_ key: StaticString, _ value: UnsafeRawBufferPointer) {
    begin(key)
    if isJSON { text.addJSON(value) } else { text.addForeign(value) }
    end()
  }

  @inline(never)
  func add(_ key: StaticString, _ value: StaticString) {
    add(key, UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
  }

  @inline(never)
  func add(_ key: StaticString, shapeOf interface: TensorInterface) {
    begin(key)
    text.add("[")
    for axis in 0..<interface.rank {
      if axis > 0 { text.add(",") }
      text.add(interface.shape[axis])
    }
    text.add("]")
    end()
  }

  /// A nested object; its lines are `key.inner value`.
  func add(_ key: StaticString, _ body: (Report) -> Void) {
    prefix = key
    if isJSON { begin(key) }
    addObject(body)
    prefix = nil
  }

  /// A list of objects, one for each index; every line is `key.inner value`.
  func addList(_ key: StaticString, count: Int, _ body: (Report, Int) -> Void) {
    prefix = key
    if isJSON {
      begin(key)
      text.add("[")
    }
    for index in 0..<count {
      if isJSON, index > 0 { text.add(",") }
      addObject { body($0, index) }
    }
    if isJSON { text.add("]") }
    prefix = nil
  }

  private func addObject(_ body: (Report) -> Void) {
    if isJSON { text.add("{") }
    needsComma = false
    body(self)
    needsComma = true
    if isJSON { text.add("}") }
  }

  /// Ends the object and writes everything to standard output.
  @inline(never)
  func finish() throws(Failure) {
    if isJSON { text.add("}\n") }
    try text.write(to: 1)
  }
}
