/// Splits text into tokens, each as its bytes in UTF-8.
///
/// White space (Unicode White_Space) and control characters separate tokens. Each character of punctuation or each
/// symbol (Unicode categories P and S) is a token of its own. Everything else between is one token. Lower case is
/// Unicode's full mapping of single characters, without regard to context.
struct Tokenizer: Sendable {
  let lowercases: Bool

  /// Calls `body` with each token of `text` in turn.
  func forEachToken(of text: String, _ body: ([UInt8]) -> Void) {
    var token: [UInt8] = []
    func finish() {
      if !token.isEmpty { body(token) }
      token.removeAll(keepingCapacity: true)
    }
    for scalar in text.unicodeScalars {
      switch Self.kind(of: scalar) {
      case .separator: finish()
      case .mark:
        finish()
        append(scalar, to: &token)
        finish()
      case .letter: append(scalar, to: &token)
      }
    }
    finish()
  }

  private func append(_ scalar: Unicode.Scalar, to token: inout [UInt8]) {
    if !lowercases {
      token.append(contentsOf: UTF8.encode(scalar)!)
    } else if scalar.isASCII {
      let byte = UInt8(scalar.value)
      token.append((0x41...0x5A).contains(byte) ? byte + 0x20 : byte)
    } else {
      token.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
    }
  }

  private enum Kind { case separator, mark, letter }

  private static func kind(of scalar: Unicode.Scalar) -> Kind {
    switch scalar.value {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: return .letter
    case 0x00...0x20, 0x7F: return .separator
    case 0x21...0x7E: return .mark
    default: break
    }
    if scalar.properties.isWhitespace { return .separator }
    switch scalar.properties.generalCategory {
    case .control: return .separator
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol:
      return .mark
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
      .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .otherNumber, .spaceSeparator, .lineSeparator,
      .paragraphSeparator, .format, .surrogate, .privateUse, .unassigned:
      return .letter
    @unknown default: return .letter
    }
  }
}
