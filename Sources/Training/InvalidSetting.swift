/// A number of a loss, an optimizer, a schedule or an initializer that lies outside of its range.
public struct InvalidSetting: Error, Sendable, Equatable {
  /// As in a recipe, for example `momentum`.
  public var name: String
  public var value: Double
  /// For example `0 <= momentum < 1`.
  public var expected: String

  /// Throws unless `holds`, which NaN must make false.
  static func unless(_ holds: Bool, _ name: String, _ value: Double, _ expected: String) throws(InvalidSetting) {
    guard holds else { throw InvalidSetting(name: name, value: value, expected: expected) }
  }
}
