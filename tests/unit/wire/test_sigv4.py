"""Amazon's published test suite, and requests as botocore 1.44 signs them."""

import pytest

from volano.wire.sigv4 import Credentials, Scope, canonical_path, canonical_query, sign

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SUITE_US = 1440938160_000000  # 2015-08-30T12:36:00Z
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = "application/x-www-form-urlencoded"
FORM_SHA = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
FORM_HEADERS = [("Content-Type", FORM), ("Content-Length", "13"),
                ("x-amz-content-sha256", FORM_SHA)]  # fmt: skip

# name, method, query, headers, body, token, signature ("AWS Signature Version 4 test suite")
SUITE = [
    ("get-vanilla", "GET", "", [], b"", None,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ("get-vanilla-query-order-key-case", "GET", "Param2=value2&Param1=value1", [], b"", None,
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    ("get-vanilla-query-unreserved", "GET", f"{UNRESERVED}={UNRESERVED}", [], b"", None,
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
    ("get-vanilla-with-session-token", "GET", "", [], b"", TOKEN,
     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"),
    ("post-vanilla", "POST", "", [], b"", None,
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ("post-vanilla-query", "POST", "Param1=value1", [], b"", None,
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
    ("post-x-www-form-urlencoded", "POST", "", FORM_HEADERS, b"Param1=value1", None,
     "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "query", "headers", "body", "token", "signature"),
    [row[1:] for row in SUITE], ids=[row[0] for row in SUITE],
)  # fmt: skip
def test_the_published_suite(method, query, headers, body, token, signature):
    lines = sign(
        method, "/", query, host="example.amazonaws.com", headers=headers, body=body,
        credentials=Credentials("AKIDEXAMPLE", SECRET, token),
        scope=Scope("us-east-1", "service"), at_us=SUITE_US,
    )  # fmt: skip
    authorization = dict(lines)["authorization"]
    assert authorization.startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders="
    )
    assert authorization.endswith(f", Signature={signature}")
    assert dict(lines)["x-amz-date"] == "20150830T123600Z"
    assert dict(lines).get("x-amz-security-token") == token


JSON = ("content-type", "application/json")
BEDROCK = "bedrock-runtime.us-east-1.amazonaws.com"
ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile/us.amazon.nova-pro-v1%3A0"
# path, query, host, headers, body, token, region, time, signature
BOTOCORE = [
    ("/model/us.anthropic.claude-opus-5/", "", "127.0.0.1:8080",
     [JSON, ("accept", "application/vnd.amazon.eventstream"), ("User-Agent", "z")],
     bytes.fromhex("f6c1f9810d387dd401e9"), None, "eu-central-1", 1725739463297962,
     "91b8fd8f95773b87dbd51118b74a5456ea07a8bc10f966545a34f29332ae1c30"),
    ("/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse", "", "127.0.0.1:8080", [JSON],
     b"", None, "eu-central-1", 1950657308491957,
     "ed16f0488f0169c43f0cddec49305f77544fd15277b70ec0037c0f2ceb997015"),
    (f"/model/{ARN}/converse", "/=Y&/=%20&%C3%BC=z", BEDROCK, [JSON], b"", "tok/en==", "eu-central-1",
     1684094105837075, "47b7c1d24f634710394b04a6b0b2d6787c05fa987500fc5e334f53bf7704ca67"),
    ("/model/model%20%C3%BC/./x/", "c=%20&B=%20&~=%20", BEDROCK, [JSON], b"", None, "us-east-1",
     1560635366240363, "6e9c6bc3aaff6c59336adfc12d34c0d26b82e712a96fe6046e6f4a5e50dae255"),
    ("/model/a%2F%2Fb", "", "127.0.0.1:8080", [JSON, ("X-Amz-Meta", "  a   b ")], b"", None,
     "eu-central-1", 1772458054970785,
     "9ee9fd5feef8f170ebbcff5d60545749f1b96edd292dc20e05d4cd2d02d5d07c"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "query", "host", "headers", "body", "token", "region", "at_us", "signature"), BOTOCORE
)
def test_the_same_as_botocore(
    path, query, host, headers, body, token, region, at_us, signature
):  # fmt: skip
    lines = sign(
        "POST", path, query, host=host, headers=headers, body=body,
        credentials=Credentials("AKIDEXAMPLE", SECRET, token), scope=Scope(region, "bedrock"),
        at_us=at_us,
    )  # fmt: skip
    assert dict(lines)["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", "/"),
        ("//", "/"),
        ("/example%20space/", "/example%2520space/"),
        ("/model/amazon.nova-pro-v1%3A0/converse", "/model/amazon.nova-pro-v1%253A0/converse"),
        ("/a//b/./c/../d", "/a/b/d"),
        ("/..", "/"),
        ("/~x", "/~x"),
    ],
)
def test_the_path_is_encoded_twice(path, canonical):
    assert canonical_path(path) == canonical


def test_the_query_is_sorted_and_each_name_has_a_value():
    assert canonical_query("b=2&flag&a=z&a=x%20y&") == "a=x%20y&a=z&b=2&flag="


def test_a_secret_is_not_printed():
    assert SECRET not in repr(Credentials("AKIDEXAMPLE", SECRET, "token"))
    assert SECRET not in str(Credentials("AKIDEXAMPLE", SECRET, "token"))
