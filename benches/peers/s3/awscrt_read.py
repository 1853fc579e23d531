"""Reads one object with awscrt's S3Client into a null sink and prints one JSON line.

awscrt_read.py URL BUCKET KEY CONNECTIONS; the keys come from the environment, the CA of an https URL from the file
that SSL_CERT_FILE names.
"""

import json
import os
import sys
import time

from awscrt import auth, http, io, s3

url, bucket, key, connections = sys.argv[1:]
scheme, host = url.split("://")
tls = None
if scheme == "https":
    options = io.TlsContextOptions()
    options.override_default_trust_store_from_path(None, os.environ["SSL_CERT_FILE"])
    tls = io.ClientTlsContext(options).new_connection_options()
    tls.set_server_name(host.rsplit(":", 1)[0])
provider = auth.AwsCredentialsProvider.new_static(
    os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
)
bootstrap = io.ClientBootstrap.get_or_create_static_default()
client = s3.S3Client(
    bootstrap=bootstrap,
    region="us-east-1",
    tls_mode=s3.S3RequestTlsMode.ENABLED if tls else s3.S3RequestTlsMode.DISABLED,
    tls_connection_options=tls,
    signing_config=s3.create_default_s3_signing_config(region="us-east-1", credential_provider=provider),
    part_size=8 * 1024 * 1024,
    max_active_connections_override=int(connections),
)
read = 0


def on_body(chunk, offset, **_):
    global read
    read += len(chunk)


began = time.monotonic()
request = http.HttpRequest("GET", f"/{bucket}/{key}", http.HttpHeaders([("host", host)]))
transfer = client.make_request(type=s3.S3RequestType.GET_OBJECT, request=request, on_body=on_body)
transfer.finished_future.result(timeout=600)
print(json.dumps({"bytes": read, "seconds": time.monotonic() - began}))
