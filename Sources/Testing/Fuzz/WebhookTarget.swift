internal import Buffers
internal import CallDispatch
internal import HTTPClient
internal import Telephony

@testable internal import Twilio

/// What a carrier, or whoever poses as one, sends: webhooks with their signatures, and the JSON of
/// its answers.
enum WebhookTarget {
  private static let token = Secret("0123456789abcdef")

  /// A form, of a body or of a query.
  @Sendable static func runForm(_ input: [UInt8]) {
    guard let form = try? WebhookForm(decoding: input) else { return }
    _ = form.voice
    _ = form.status
    let parameters = form.parameters
    let text = FormEncoding.encode(parameters.map { ($0.name, $0.value) })
    if text.utf8.count <= WebhookForm.byteCountMax {
      let again = try? WebhookForm(decoding: Array(text.utf8))
      // A field without name or value has an "=" now; without both it was no field before either.
      precondition(again?.parameters == parameters, "a form changes on its way")
    }
    let url = "https://a.example:8443/voice?" + text
    let signature = TwilioSignature.signature(url: url, parameters: parameters, token: token)
    precondition(
      TwilioSignature.accepts(
        signature, url: url, parameters: parameters.reversed(), token: token),
      "the order of the parameters counts")
  }

  /// A signature in front of the first line break, and the URL that it is for behind it.
  @Sendable static func runSignature(_ input: [UInt8]) {
    let cut = input.firstIndex(of: UInt8(ascii: "\n")) ?? input.endIndex
    let given = String(decoding: input[..<cut], as: UTF8.self)
    let url = String(decoding: input[cut...].dropFirst(), as: UTF8.self)
    let forms = TwilioSignature.urlForms(url)
    precondition((1...6).contains(forms.count), "\(forms.count) forms of a URL")
    let signature = TwilioSignature.signature(url: url, parameters: [], token: token)
    if !url.contains("#") {
      precondition(
        TwilioSignature.accepts(signature, url: url, parameters: [], token: token),
        "a URL's own signature is refused")
    }
    precondition(
      !TwilioSignature.accepts(given, url: url, body: input, token: token), "a forgery is taken")
    for verb in TwiML.escape(given).utf8 {
      precondition(verb >= 0x20 && !"<>\"'".utf8.contains(verb), "TwiML is not escaped")
    }
  }

  /// A carrier's answer.
  @Sendable static func runAnswer(_ input: [UInt8]) {
    guard let value = JSONValue(parsing: input) else { return }
    _ = try? TwilioAnswers.numbers(value)
    _ = try? TwilioAnswers.number(value)
    _ = try? TwilioAnswers.owner(value)
    _ = try? TwilioAnswers.processingRegion(value)
    _ = TwilioFailure(HTTPResponse(status: 400, headers: [], body: input))
    for call in (try? TwilioAnswers.calls(value)) ?? [] {
      let duration = call.durationSeconds ?? 0
      precondition((0...Int(Int32.max)).contains(duration), "a call of \(duration) seconds")
    }
  }
}
