internal import Buffers
package import CallDispatch
internal import Telephony

/// Why a webhook's body is no form that we read.
package enum WebhookFormError: Error, Sendable, Hashable {
  case tooLarge
  case tooManyFields
  /// A `%` without two hex digits, or bytes that are not UTF-8.
  case malformed
}

/// The fields of a webhook, and what they mean. Pure.
package struct WebhookForm: Sendable, Hashable {
  /// In the order of arrival, for the signature.
  package let parameters: [WebhookParameter]

  /// The largest body.
  package static let byteCountMax = 64 << 10
  package static let fieldCountMax = Limits.webhookParametersMax

  /// Decodes `application/x-www-form-urlencoded`, of a body or of a query.
  package init(decoding bytes: [UInt8]) throws(WebhookFormError) {
    guard bytes.count <= Self.byteCountMax else { throw .tooLarge }
    var parameters: [WebhookParameter] = []
    for field in bytes.split(separator: UInt8(ascii: "&")) {
      guard parameters.count < Self.fieldCountMax else { throw .tooManyFields }
      let name = field.prefix { $0 != UInt8(ascii: "=") }
      let value = field.dropFirst(name.count + 1)
      guard let name = Self.text(name), let value = Self.text(value) else { throw .malformed }
      parameters.append(WebhookParameter(name: name, value: value))
    }
    self.parameters = parameters
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
    FormEncoding.decode(bytes).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// The first value of that name.
  package subscript(name: String) -> String? {
    parameters.first { $0.name == name }?.value
  }

  /// What the voice webhook says; nil when it is not one.
  package var voice: VoiceWebhook? {
    guard let account, let call else { return nil }
    return VoiceWebhook(
      account: account, carrierCallID: call, from: self["From"] ?? "", to: self["To"] ?? "")
  }

  /// What the status callback says; nil when it is not one.
  package var status: StatusWebhook? {
    guard let account, let call,
      let status = self["CallStatus"].flatMap({ CarrierCallStatus(rawValue: $0) })
    else { return nil }
    return StatusWebhook(
      account: account, carrierCallID: call, status: status, sequence: number("SequenceNumber"),
      time: self["Timestamp"].flatMap(CarrierDate.parse), sipCode: number("SipResponseCode"),
      carrierCode: number("ErrorCode"), durationSeconds: number("CallDuration"))
  }

  private var account: AccountSID? { self["AccountSid"].flatMap { try? AccountSID($0) } }
  private var call: CarrierCallSID? { self["CallSid"].flatMap { try? CarrierCallSID($0) } }

  private func number(_ name: String) -> Int? {
    // What Twilio counts fits in 32 bits; a forger's number must not overflow a time.
    self[name].flatMap { Int32($0) }.flatMap { $0 >= 0 ? Int($0) : nil }
  }
}
