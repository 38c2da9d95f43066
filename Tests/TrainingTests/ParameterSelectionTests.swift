import Testing
import Training

struct ParameterSelectionTests {
  @Test(arguments: [
    ("conv1.weight", "*", true), ("conv1.weight", "conv1.*", true), ("conv1.weight", "conv?.weight", true),
    ("conv12.weight", "conv?.weight", false), ("a.b.c", "*.b.*", true), ("a.b.c", "*b", false), ("", "", true),
    ("", "*", true), ("x", "", false), ("aXbXc", "a*X*c", true), ("aaa", "a*a*a*a", false),
  ])
  func patternsMatchWholeNames(name: String, pattern: String, expected: Bool) {
    #expect(ParameterSelection.matches(name, pattern) == expected)
  }
}
