import CMicrokernels
import Testing

@Suite struct DispatchTests {
  @Test func scalarIsLastAndAlwaysRuns() {
    #expect(Row.scalar.name == "scalar")
    #expect(pare_kernels_runs_here(pare_kernels_at(Row.scalar.index), 0, 0) != 0)
  }

  @Test(arguments: Row.all)
  func rowsAreFoundByTheirWholeNameOnly(_ row: Row) {
    let name = row.name
    #expect(pare_kernels_named(name, name.utf8.count) == pare_kernels_at(row.index))
    #expect(pare_kernels_named(name, name.utf8.count - 1) == nil)
    #expect(pare_kernels_named(name + "x", name.utf8.count + 1) == nil)
    #expect(pare_kernels_named(name, 0) == nil)
  }

  @Test func anIndexBeyondTheListGivesNothing() {
    #expect(pare_kernels_at(pare_kernels_count()) == nil)
    #expect(pare_kernels_runs_here(nil, .max, .max) == 0)
  }

  /// The prepacked layout counts in groups of four bytes, whatever the form.
  @Test(arguments: Row.all)
  func groupsOfARowFillFourBytes(_ row: Row) {
    let elementBytes = row.kernels.product_form == PARE_FORM_CENTERED16 ? 2 : 1
    #expect(row.kernels.product_k * elementBytes == 4)
  }
}
