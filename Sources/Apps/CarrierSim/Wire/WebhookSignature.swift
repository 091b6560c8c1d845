internal import Buffers
internal import Crypto

/// `X-Twilio-Signature`: what proves to a webhook that Twilio sends it.
///
/// HMAC-SHA1 with the account's Auth Token over the URL, without its fragment, and the form's
/// fields by name; repeated names give each different value once, in order.
/// Source: twilio.com/docs/usage/security, twilio-node `webhooks.ts`.
enum WebhookSignature {
  static func make(token: String, url: String, form: FormFields) -> String {
    var text = String(url.prefix { $0 != "#" })
    for name in Set(form.fields.map(\.name)).sorted(by: Self.isBefore) {
      for value in Set(form.all(name)).sorted(by: Self.isBefore) { text += name + value }
    }
    return Base64.encode(
      HMAC.code(.sha1, key: Array(token.utf8), message: Array(text.utf8)))
  }

  /// By code points, whatever the language says.
  private static func isBefore(_ left: String, _ right: String) -> Bool {
    left.unicodeScalars.lexicographicallyPrecedes(right.unicodeScalars)
  }
}
