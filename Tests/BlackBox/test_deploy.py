"""The manifests: each region's renders, is valid, and keeps what it says about itself."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

import harness

OVERLAYS = harness.ROOT / "deploy" / "overlays"
KUBECTL_MINIMUM = (1, 27)


def kubectl():
    """The path of a kubectl that is new enough, or why there is none."""
    path = shutil.which("kubectl")
    if path is None:
        pytest.skip("kubectl is not installed; the manifests were not rendered")
    shown = subprocess.run(
        [path, "version", "--client", "-o", "json"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    client = json.loads(shown.stdout or "{}").get("clientVersion", {})
    match = re.match(r"v(\d+)\.(\d+)", client.get("gitVersion", ""))
    version = tuple(map(int, match.groups())) if match else (0, 0)
    if version < KUBECTL_MINIMUM:
        pytest.skip(f"kubectl is {version}; 1.27 or newer is needed to render the manifests")
    return path


@pytest.fixture(scope="module", params=harness.REGIONS)
def rendering(request, tmp_path_factory):
    """One region's manifests: region, file and resources."""
    result = subprocess.run(
        [kubectl(), "kustomize", str(OVERLAYS / request.param)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    file = tmp_path_factory.mktemp(request.param) / "all.yaml"
    file.write_text(result.stdout)
    return request.param, file, list(yaml.safe_load_all(result.stdout))


def of_kind(resources, kind):
    return {r["metadata"]["name"]: r for r in resources if r["kind"] == kind}


@pytest.mark.parametrize("version", ["1.27", "1.32", "1.37"])
def test_is_valid(rendering, version):
    _, file, _ = rendering
    validate = harness.BUF.with_name("kubernetes-validate")
    result = subprocess.run(
        [str(validate), "--strict", "--kubernetes-version", version, str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_names_its_region(rendering):
    region, _, resources = rendering
    config = of_kind(resources, "ConfigMap")["trunkline"]["data"]
    assert config["TRUNKLINE_REGION"] == region
    assert config["TRUNKLINE_PUBLIC_URL"].startswith(f"{region}=https://")
    for resource in resources:
        if resource["kind"] != "Namespace":
            assert resource["metadata"]["namespace"] == f"trunkline-{region}"


@pytest.mark.parametrize("role,port", [("registry", 50051), ("dispatch", 50052)])
def test_pods_are_restricted_and_probed(rendering, role, port):
    _, _, resources = rendering
    deployment = of_kind(resources, "Deployment")[f"trunkline-{role}"]
    # SQLite: one pod has the file open, never two.
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"]["type"] == "Recreate"
    pod = deployment["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["grpc"]["port"] == port
    written = {volume["mountPath"] for volume in container["volumeMounts"]}
    # A dispatch shows its registry a token.
    token = {"/etc/trunkline-token"} if port == 50052 else set()
    assert written == {"/var/lib/trunkline", "/etc/trunkline", "/tmp"} | token


@pytest.mark.parametrize("role,port", [("registry", 50051), ("dispatch", 50052)])
def test_services_speak_h2c_and_select_the_pods(rendering, role, port):
    _, _, resources = rendering
    services = of_kind(resources, "Service")
    deployment = of_kind(resources, "Deployment")[f"trunkline-{role}"]
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    for name in (f"trunkline-{role}", f"trunkline-{role}-headless"):
        spec = services[name]["spec"]
        assert spec["selector"].items() <= labels
        (entry,) = spec["ports"]
        assert (entry["port"], entry["appProtocol"]) == (port, "kubernetes.io/h2c")
        assert ("clusterIP" in spec) == name.endswith("-headless")
    budget = of_kind(resources, "PodDisruptionBudget")[f"trunkline-{role}"]["spec"]
    assert budget["selector"]["matchLabels"].items() <= labels


def test_no_secret_is_in_the_manifests(rendering):
    _, _, resources = rendering
    assert not of_kind(resources, "Secret")
    account = of_kind(resources, "ServiceAccount")["trunkline"]
    assert account["automountServiceAccountToken"] is False


def test_network_policies_hold_the_pods_and_leave_foreign_selectors_alone(rendering):
    _, _, resources = rendering
    policies = of_kind(resources, "NetworkPolicy")
    denied = policies["trunkline-default-deny"]["spec"]
    assert set(denied["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in denied and "egress" not in denied
    client = policies["trunkline-registry"]["spec"]["ingress"][0]["from"][0]["podSelector"]
    assert client["matchLabels"] == {"trunkline.dev/client": "true"}
