"""Reads, lists and heads a bucket with one of Python's S3 clients, and says what it saw as JSON.

Usage: s3_clients.py boto3|s3fs BUCKET KEY MISSING_KEY DENIED_KEY ODD_KEY; endpoint, region and keys come from AWS_* in the environment.
"""

import hashlib
import json
import sys


def with_boto3(bucket, key, missing, denied, odd):
    import urllib.request

    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}))

    def refused(call, **arguments):
        try:
            call(Bucket=bucket, **arguments)
        except ClientError as error:
            return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]]

    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    whole = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    part = s3.get_object(Bucket=bucket, Key=key, Range="bytes=5-9", IfMatch=head["ETag"])
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    old = s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    groups = s3.list_objects_v2(Bucket=bucket, Delimiter="/")["CommonPrefixes"]
    presigned = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": odd}, ExpiresIn=60)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(presigned) as answer:
        by_url = answer.read().decode()
    return {
        "size": head["ContentLength"],
        "checksum": head["ChecksumType"],
        "sha256": hashlib.sha256(whole).hexdigest(),
        "range": [part["ContentRange"], part["Body"].read() == whole[5:10]],
        "keys": [found["Key"] for page in pages for found in page.get("Contents", [])],
        "same": [found["Key"] for page in old for found in page.get("Contents", [])],
        "groups": [group["Prefix"] for group in groups],
        "missing": refused(s3.get_object, Key=missing),
        "changed": refused(s3.get_object, Key=key, IfMatch='"0"'),
        "unchanged": refused(s3.get_object, Key=key, IfNoneMatch=head["ETag"]),
        "beyond": refused(s3.get_object, Key=key, Range="bytes=999999999-"),
        "denied": [refused(s3.get_object, Key=denied), refused(s3.head_object, Key=denied)],
        "gone": refused(s3.head_object, Key=missing),
        "odd": [s3.get_object(Bucket=bucket, Key=odd)["Body"].read().decode(), by_url],
    }


def with_s3fs(bucket, key, missing, denied, odd):
    import s3fs

    fs = s3fs.S3FileSystem(config_kwargs={"s3": {"addressing_style": "path"}})
    path = f"{bucket}/{key}"
    info = fs.info(path)
    with fs.open(path, "rb", block_size=1 << 20) as file:
        digest = hashlib.sha256()
        while piece := file.read(3_000_000):
            digest.update(piece)
    whole = fs.cat_file(path)
    try:
        fs.info(f"{bucket}/{missing}")
        gone = None
    except FileNotFoundError:
        gone = "FileNotFoundError"
    try:
        fs.cat_file(f"{bucket}/{denied}")
        refused = None
    except PermissionError:
        refused = "PermissionError"
    return {
        "size": info["size"],
        "sha256": digest.hexdigest(),
        "range": [fs.cat_file(path, start=5, end=10) == whole[5:10], fs.tail(path, 4) == whole[-4:]],
        "keys": [found.removeprefix(f"{bucket}/") for found in fs.find(bucket)],
        "groups": sorted(found.removeprefix(f"{bucket}/") for found in fs.ls(bucket)),
        "exists": [fs.exists(path), fs.exists(f"{bucket}/{missing}")],
        "missing": gone,
        "denied": refused,
        "odd": fs.cat_file(f"{bucket}/{odd}").decode(),
    }


if __name__ == "__main__":
    client, *arguments = sys.argv[1:]
    print(json.dumps({"boto3": with_boto3, "s3fs": with_s3fs}[client](*arguments)))
