import Measurement
import Testing

struct TextTableTests {
  @Test func columnsAlignAndLinesEndWithoutSpaces() {
    var table = TextTable([.init("layer"), .init("MACs", .trailing), .init("note")])
    table.add(["conv", 1_234_567.grouped, ""])
    table.add(["a longer name", 89.grouped, "float"])
    #expect(
      table.rendered == """
        layer               MACs  note
        -------------  ---------  -----
        conv           1,234,567
        a longer name         89  float

        """)
  }

  @Test(arguments: [
    (0, "0"), (7, "7"), (999, "999"), (1_000, "1,000"), (123_456, "123,456"), (-1_000, "-1,000"), (-999, "-999"),
    (Int.min, "-9,223,372,036,854,775,808"),
  ])
  func thousandsAreSeparatedByCommas(number: Int, text: String) {
    #expect(number.grouped == text)
  }

  @Test(arguments: [
    (1_234.5, 1, "1,234.5"), (0.05, 2, "0.05"), (-0.25, 1, "-0.3"), (-0.01, 1, "0.0"), (99.999, 2, "100.00"),
    (12, 0, "12"), (.nan, 2, "nan"), (-.infinity, 2, "-inf"),
  ])
  func decimalsAreRoundedAndPadded(number: Double, decimals: Int, text: String) {
    #expect(number.grouped(decimals: decimals) == text)
  }
}

struct ReportTests {
  @Test func evaluationHasEveryPromisedKeyAndNullWhereItDoesNotApply() throws {
    let report = EvaluationReport(samples: 4, mse: 0.5, auc: 0.75)
    #expect(
      try report.json() == """
        {"accuracy":null,"auc":0.75,"classes":null,"confusion_matrix":null,"macro_f1":null,"mse":0.5,"samples":4,\
        "samples_without_prediction":null,"top5":null}
        """)
  }

  @Test func evaluationOfAClassifierCarriesItsClassesByName() throws {
    var metrics = ClassificationMetrics(classCount: 2)
    metrics.add(scores: [1, 0], label: 0)
    metrics.add(scores: [0, 1], label: 1)
    let report = EvaluationReport(samples: 2, classification: metrics, classNames: ["no", "yes"])
    #expect(
      try report.json() == """
        {"accuracy":1,"auc":null,"classes":[{"f1":1,"name":"no","precision":1,"recall":1,"support":1},\
        {"f1":1,"name":"yes","precision":1,"recall":1,"support":1}],"confusion_matrix":[[1,0],[0,1]],"macro_f1":1,\
        "mse":null,"samples":2,"samples_without_prediction":0,"top5":1}
        """)
  }

  @Test func benchHasThePromisedKeys() throws {
    let latency = try #require(LatencyStatistics(microseconds: [2]))
    let report = BenchReport(
      latency: latency, loadMicroseconds: 10, firstMicroseconds: 3, peakResidentBytes: 4_096, arenaBytes: 64, macs: 9,
      isa: "avx2", threads: 1)
    #expect(
      try report.json() == """
        {"arena_bytes":64,"first_us":3,"isa":"avx2","latency_us":{"min":2,"p50":2,"p90":2,"p99":2},"load_us":10,\
        "macs":9,"peak_rss_bytes":4096,"threads":1}
        """)
  }

  @Test func packBuildAndInspectHaveThePromisedKeys() throws {
    let pack = PackReport(fileBytes: 1, weightsRawBytes: 2, weightsEntropyBytes: 3, arenaBytes: 4, steps: 5)
    #expect(
      try pack.json() == """
        {"arena_bytes":4,"file_bytes":1,"steps":5,"weights_entropy_bytes":3,"weights_raw_bytes":2}
        """)
    let build = BuildReport(executableBytes: 1, modelBytes: 2, target: "raspberry-pi-4", isa: ["neon"])
    #expect(
      try build.json() == """
        {"executable_bytes":1,"isa":["neon"],"model_bytes":2,"target":"raspberry-pi-4"}
        """)
    let inspect = InspectReport(parameters: 3, macs: 7, operators: ["Relu": 2, "Conv": 1])
    #expect(try inspect.json() == #"{"macs":7,"operators":{"Conv":1,"Relu":2},"parameters":3}"#)
  }
}
