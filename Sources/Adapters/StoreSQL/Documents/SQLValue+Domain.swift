package import Telephony

extension SQLValue {
  package init(_ time: Timestamp) { self = .integer(time.microseconds) }
  package init(_ number: UInt64) { self = .integer(Int64(clamping: number)) }
  package init(_ number: Int) { self = .integer(Int64(number)) }
  package init<Kind>(_ id: HexIdentifier<Kind>) { self = .text(id.description) }
  package init(_ id: AgentID) { self = .text(id.description) }
  package init(_ region: Region) { self = .text(region.rawValue) }
  package init<Value: Encodable>(document value: Value) {
    self = .blob(StoredDocument.encode(value))
  }
}
