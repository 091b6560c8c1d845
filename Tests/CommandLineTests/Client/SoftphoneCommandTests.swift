import API
import CommandLine
import GRPC
import Testing
import WellKnown

@Suite struct SoftphoneCommandTests {
  @Test func createsWithAPasswordFromAFile() async {
    let requests = Requests<V1.CreateSoftphoneRequest>()
    let harness = CommandHarness(files: ["password": "pa55\n"]) { router in
      router.answer(V1.SoftphoneServiceMethods.createSoftphone, requests) { request, _ in
        V1.CreateSoftphoneResponse(softphone: request.softphone)
      }
    }
    let outcome = await harness.run(
      "softphones create sph_ada --sip sip:ada@pbx.example.com --sip-username ada "
        + "--sip-password-file password --name Ada")
    #expect(outcome.status == .success)
    let softphone = requests.last?.softphone
    #expect(softphone?.id == "sph_ada")
    #expect(softphone?.displayName == "Ada")
    #expect(
      softphone?.endpoint
        == .sip(.init(uri: "sip:ada@pbx.example.com", username: "ada", password: "pa55")))
    #expect(!outcome.output.contains("pa55"))
    #expect(outcome.output.contains("sip:ada@pbx.example.com as ada"))
  }

  @Test func updatesWhatIsGiven() async {
    let requests = Requests<V1.UpdateSoftphoneRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.SoftphoneServiceMethods.updateSoftphone, requests) { request, _ in
        V1.UpdateSoftphoneResponse(softphone: request.softphone)
      }
    }
    let outcome = await harness.run("softphones update sph_ada --sip sip:ada@pbx.example.com")
    #expect(outcome.status == .success)
    #expect(requests.last?.updateMask?.paths == ["sip"])
  }

  /// The id says who is meant.
  @Test(arguments: [
    ("desk", V1.AssignPhoneNumberRequest.Assignee.agentID("desk")),
    ("sph_ada", .softphoneID("sph_ada")), ("sphere", .agentID("sphere")),
  ])
  func assigns(_ id: String, _ expected: V1.AssignPhoneNumberRequest.Assignee) async {
    let requests = Requests<V1.AssignPhoneNumberRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.PhoneNumberServiceMethods.assignPhoneNumber, requests) { request, _ in
        V1.AssignPhoneNumberResponse()
      }
    }
    let outcome = await harness.run("phone-numbers assign pn_1 \(id)")
    #expect(outcome.status == .success)
    #expect(requests.last?.assignee == expected)
  }

  @Test(arguments: [
    ("softphones create sph_ada", "A softphone needs --sip"),
    ("softphones create --sip-username ada", "--sip-username and --sip-password-file need --sip"),
    ("softphones update sph_ada", "Nothing to change"),
  ])
  func refuses(_ line: String, _ expected: String) async {
    let outcome = await CommandHarness { _ in }.run(line)
    #expect(outcome.status == .usage)
    #expect(outcome.errors.hasPrefix("error: \(expected)"))
  }
}
