"""The data folder belongs to one process at a time."""

import harness


def test_a_second_process_is_refused(server, sim):
    second = harness.Trunklined(server.folder.parent / "second", sim)
    second.arguments = [
        f"--data-dir={server.data_dir}" if argument.startswith("--data-dir=") else argument
        for argument in second.arguments
    ]
    second.start(wait=False)
    assert second.popen.wait(harness.START_MAX) == 70
    assert "Another process serves from the data folder" in second.output()
    second.stop()
    server.check_running()
