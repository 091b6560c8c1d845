import Foundation
import Testing

@testable import Registry

/// `docs/doctor.md` says of each code what the code does.
@Suite struct DoctorPageTests {
  private struct Row: Hashable {
    var code: String
    var severity: String
    var remedy: String
  }

  @Test func everyCodeStandsThereWithItsSeverityAndRemedy() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "docs/doctor.md"), encoding: .utf8)
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      return Row(
        code: cells[0].trimmingCharacters(in: ["`"]), severity: cells[1],
        remedy: cells.count > 3 ? cells[3] : "")
    }
    let codes = DiagnosisCode.allCases.map {
      Row(code: $0.rawValue, severity: "\($0.severity)", remedy: $0.remedy)
    }
    #expect(rows.count == codes.count)
    #expect(Set(rows) == Set(codes))
  }
}
