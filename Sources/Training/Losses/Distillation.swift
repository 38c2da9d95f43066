import Glibc
import HostTensors

extension Loss {
  /// `Loss.distillation`: `teacher` holds logits of the student's shape, both `T`.
  func distillation<T: TensorElement>(
    _ student: Tensor, _ teacher: Tensor, _ rows: LossRows, _ temperature: Double, as type: T.Type
  ) -> LossValue {
    var total = 0.0
    let gradient = withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * rows.length) { scratch in
      let targets = UnsafeMutableBufferPointer(rebasing: scratch[..<rows.length])
      let outputs = UnsafeMutableBufferPointer(rebasing: scratch[rows.length...])
      return student.withElements(as: type) { student in
        teacher.withElements(as: type) { teacher in
          Tensor(uninitialized: [student.count], of: type) { (gradient: UnsafeMutableBufferPointer<T>) in
            for row in 0..<rows.count {
              let start = rows.start(row)
              for index in 0..<rows.length {
                targets[index] = teacher[start + index * rows.stride].asDouble / temperature
                outputs[index] = student[start + index * rows.stride].asDouble / temperature
              }
              let targetSum = targets.logSumExp()
              let outputSum = outputs.logSumExp()
              for index in 0..<rows.length {
                let share = exp(targets[index] - targetSum)
                if share != 0 { total += share * ((targets[index] - targetSum) - (outputs[index] - outputSum)) }
                // T^2 of the loss, 1 / T of the chain rule.
                let slope = (exp(outputs[index] - outputSum) - share) * temperature / Double(rows.count)
                gradient[start + index * rows.stride] = T(converting: slope)
              }
            }
          }
        }
      }
    }
    return LossValue(
      mean: total * temperature * temperature / Double(rows.count), gradient: gradient.reshaped(student.shape))
  }
}
