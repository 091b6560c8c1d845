/// An error as Twilio's REST interface tells it: `{code, message, more_info, status}`.
struct RESTError: Error, Sendable, Hashable {
  var status: Int
  var code: Int
  var message: String

  init(_ status: Int, _ code: Int, _ message: String) {
    self.status = status
    self.code = code
    self.message = message
  }

  static func badRequest(_ code: Int, _ message: String) -> RESTError {
    RESTError(400, code, message)
  }

  static func notFound(_ path: String) -> RESTError {
    RESTError(404, 20404, "The requested resource \(path) was not found")
  }

  static let notAllowed = RESTError(405, 20004, "Method not allowed")
  static let unauthorized = RESTError(401, 20003, "Authenticate")

  var answer: SimulatorAnswer {
    SimulatorAnswer(
      status,
      [
        "code": .integer(code), "message": .string(message),
        "more_info": .string("https://www.twilio.com/docs/errors/\(code)"),
        "status": .integer(status),
      ])
  }
}
