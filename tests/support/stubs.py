"""Python code for the protocol, generated from proto/ and put where it can be imported."""

import os
import pathlib
import subprocess
import sys
import tempfile

_FOLDER = tempfile.TemporaryDirectory()


def load_stubs():
    """Makes `interlock.v1` importable. Debian's python3-grpc-tools is too old to generate it."""
    proto = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "proto"
    subprocess.run(
        ["protoc", f"--proto_path={proto}", "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin",
         f"--python_out={_FOLDER.name}", f"--grpc_out={_FOLDER.name}",
         *map(str, proto.glob("interlock/v1/*.proto"))], check=True)
    sys.path.insert(0, _FOLDER.name)
