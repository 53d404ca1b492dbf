"""Computes the Signature Version 4 of a request that was sent, with AWS' own library for Python."""

import json
import sys

import botocore.auth
import botocore.awsrequest
import botocore.credentials

asked = json.loads(sys.argv[1])
sent = {name.lower(): value for name, value in asked["headers"].items()}
signed = sent["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
request = botocore.awsrequest.AWSRequest(
    "POST", asked["url"], headers={name: sent[name] for name in signed}, data=bytes.fromhex(asked["body"])
)
request.context["timestamp"] = sent["x-amz-date"]
keys = botocore.credentials.Credentials(
    asked["AWS_ACCESS_KEY_ID"], asked["AWS_SECRET_ACCESS_KEY"], sent.get("x-amz-security-token")
)
auth = botocore.auth.SigV4Auth(keys, "xray", asked["region"])
canonical = auth.canonical_request(request)
signature = auth.signature(auth.string_to_sign(request, canonical), request)
head = f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}"
print(json.dumps({"authorization": f"{head}, SignedHeaders={';'.join(sorted(signed))}, Signature={signature}"}))
