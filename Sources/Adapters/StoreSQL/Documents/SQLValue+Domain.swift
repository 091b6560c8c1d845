internal import Telephony

extension SQLValue {
  init(_ time: Timestamp) { self = .integer(time.microseconds) }
  init(_ number: UInt64) { self = .integer(Int64(clamping: number)) }
  init(_ number: Int) { self = .integer(Int64(number)) }
  init<Kind>(_ id: HexIdentifier<Kind>) { self = .text(id.description) }
  init(_ id: AgentID) { self = .text(id.description) }
  init(_ region: Region) { self = .text(region.rawValue) }
  init<Value: Encodable>(document value: Value) { self = .blob(StoredDocument.encode(value)) }
}
