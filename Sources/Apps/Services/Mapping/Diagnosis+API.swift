internal import API
internal import Registry
internal import Telephony

extension Trunkline.V1.DiagnoseProviderResponse {
  init(_ report: DiagnosisReport) {
    self.init(
      findings: report.findings.map { .init($0) },
      examinedNumberCount: Int32(clamping: report.examinedNumberCount),
      leftOutNumberCount: Int32(clamping: report.leftOutNumberCount))
  }
}

extension Trunkline.V1.DiagnosisFinding {
  fileprivate init(_ finding: DiagnosisFinding) {
    self.init()
    code = finding.code.rawValue
    severity =
      switch finding.severity {
      case .info: .info
      case .warning: .warning
      case .error: .error
      }
    subject =
      switch finding.subject {
      case .provider(let id): .providerID(id.description)
      case .number(let id): .phoneNumberID(id.description)
      case .country(let country): .country(country.description)
      case .trunk(let sid): .trunkSID(sid.description)
      }
    evidence = finding.evidence
    remedy = finding.remedy
  }
}
