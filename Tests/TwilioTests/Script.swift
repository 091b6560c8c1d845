import CallDispatch
import HTTPClient
import Registry
import Synchronization
import Telephony
import TestKit

@testable import Twilio

typealias Script = HTTPScript

/// Time that passes at once and is remembered.
final class InstantTime: TimeSource {
  private let waits = Mutex<[Duration]>([])

  var slept: [Duration] { waits.withLock { $0 } }

  func now() -> Timestamp { Timestamp(microseconds: 0) }

  func uptime() -> Duration { slept.reduce(.zero, +) }

  func sleep(for duration: Duration) async throws(CancellationError) {
    waits.withLock { $0.append(duration) }
  }
}

extension Result<HTTPResponse, HTTPClientError> {
  static func error(_ status: Int, _ code: Int, _ message: String = "No.") -> Self {
    .json(
      status,
      """
      {"code": \(code), "message": "\(message)", "more_info": "https://example.com/\(code)",
       "status": \(status)}
      """)
  }
}

/// What the tests talk about.
enum Sample {
  static let hex = "0123456789abcdef0123456789abcdef"

  static func account() throws -> AccountSID { try AccountSID("AC" + hex) }
  static func key() throws -> APIKeySID { try APIKeySID("SK" + hex) }
  static func number() throws -> CarrierNumberSID { try CarrierNumberSID("PN" + hex) }
  static func call() throws -> CarrierCallSID { try CarrierCallSID("CA" + hex) }
  static func e164() throws -> E164 { try E164("+12025550123") }

  static func access(_ region: Region = .us1) throws -> CarrierAccess {
    CarrierAccess(
      accountSID: try account(), region: region,
      credentials: .apiKey(sid: try key(), secret: Secret("s3cret")))
  }

  static func lease(_ region: Region = .us1) throws -> CredentialLease {
    CredentialLease(
      provider: try ProviderID("prv_" + hex), account: try account(), region: region,
      authentication: .authToken(Secret("t0ken")), signingTokens: [])
  }

  static func requests(_ region: Region = .us1) throws -> TwilioRequests {
    TwilioRequests(endpoints: .twilio, access: TwilioAccess(try access(region)))
  }

  /// A number's record in the shape that the carrier documents, cut to what is read and some more.
  static func numberJSON(
    e164: String = "+12025550123", voiceURL: String = "\"https://old.example.com/voice\"",
    trunk: String = "null"
  ) -> String {
    """
    {"account_sid": "AC\(hex)", "sid": "PN\(hex)", "phone_number": "\(e164)",
     "friendly_name": "Front desk \\u00e9", "api_version": "2010-04-01", "beta": false,
     "capabilities": {"voice": true, "sms": false, "mms": false, "fax": false},
     "voice_url": \(voiceURL), "voice_method": "GET", "voice_fallback_url": "",
     "voice_fallback_method": "POST", "status_callback": null, "status_callback_method": "POST",
     "voice_application_sid": "", "trunk_sid": \(trunk), "price": 1.15e0, "uri": "/x.json"}
    """
  }

  static func callJSON(
    status: String = "queued", start: String = "null", duration: String = "null"
  ) -> String {
    """
    {"sid": "CA\(hex)", "account_sid": "AC\(hex)", "status": "\(status)",
     "from": "+12025550123", "to": "+12025550199", "direction": "outbound-api",
     "date_created": "Tue, 31 Aug 2010 20:36:28 +0000", "start_time": \(start),
     "end_time": null, "duration": \(duration), "price": null, "queue_time": "0"}
    """
  }
}
