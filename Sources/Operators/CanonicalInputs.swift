import HostTensors

/// An operator whose older opsets wrote as attributes what `canonicalOpset` takes as inputs.
///
/// Read from the old form, the operator holds those values itself: evaluation and shape inference
/// use them, and the node has no such inputs. A writer of `canonicalOpset` must supply them: for each
/// index `i` at which the result of `attributeInputs` has a tensor and the node has no input, it adds an
/// initializer of that value as input `i`. Inputs before it that neither side has stay omitted.
public protocol CanonicalInputs: Operator {
  /// The values by input index; nil where the input is the node's own or omitted. Empty where the
  /// node was read from the canonical form. `inputs` gives the element type that some of them must share.
  func attributeInputs(_ inputs: [ValueInfo?]) -> [Tensor?]
}
