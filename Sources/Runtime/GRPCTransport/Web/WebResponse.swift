/// A whole HTTP response.
struct WebResponse: Hashable, Sendable {
  var status: String
  var fields: [WebField]
  var body: [UInt8] = []
}
