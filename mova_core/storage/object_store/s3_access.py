"""How a bucket is reached: endpoint and keys, from the environment or the files of the AWS tools, never from params.

    endpoint  AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or endpoint_url in AWS_CONFIG_FILE (~/.aws/config); else AWS itself
    keys      AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, or those of AWS_SHARED_CREDENTIALS_FILE
              (~/.aws/credentials)
    region    AWS_REGION, AWS_DEFAULT_REGION

DVC's S3 remotes read the same names. `AWS_PROFILE` chooses a section of the files. TLS is used unless the endpoint says
http://. No key is ever part of a message: what a server answers is told in this module's own words.
"""

import configparser
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mova_core.errors import MovaError, UsageError

if TYPE_CHECKING:
    from minio import Minio

AWS_ENDPOINT = "https://s3.amazonaws.com"
ENDPOINT = re.compile(r"(?:(?P<scheme>https?)://)?(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?P<port>:[0-9]{1,5})?/?")
CONNECT_S, READ_S, TRIES = 10, 60, 3
ERROR_CODE = re.compile(r"<Code>(\w+)</Code>")  # of an answer that the client does not take for the S3 error it is
REFUSED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "403", "401")
GONE = ("NoSuchKey", "NoSuchObject")
BUCKET_GONE = ("NoSuchBucket", "404", "InvalidBucketName")


def endpoint() -> tuple[str, bool]:
    """Host with port, and whether TLS is used.

    Raises:
        UsageError: it is not written as http(s)://HOST[:PORT].
    """
    written = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or _from_config_file()
    match = ENDPOINT.fullmatch((written or AWS_ENDPOINT).strip())
    if match is None:  # it may hold keys: not shown
        raise UsageError(
            "AWS_ENDPOINT_URL is not http(s)://HOST[:PORT]: write it so, keys belong into variables of their own"
        )
    return match["host"] + (match["port"] or ""), match["scheme"] != "http"


def client() -> "Minio":
    """A client with the endpoint and keys of now; nothing is asked of the server yet.

    Raises:
        UsageError: the endpoint is none, or there are no keys.
    """
    import certifi
    import urllib3
    from minio import Minio
    from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider

    host, tls = endpoint()
    keys = ChainedProvider([EnvAWSProvider(), AWSConfigProvider()])
    try:
        keys.retrieve()
    except (ValueError, configparser.Error):
        raise UsageError(
            f"no keys for {host}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file of them in "
            "AWS_SHARED_CREDENTIALS_FILE"
        ) from None
    return Minio(
        host,
        credentials=keys,
        secure=tls,
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        http_client=urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            retries=urllib3.Retry(total=TRIES, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
            cert_reqs="CERT_REQUIRED",
            ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
            maxsize=16,
        ),
    )


class NoSuchKey(MovaError):
    """The bucket is there, the object is not."""


class NoAnswer(MovaError):
    """The server cannot be reached, or answers with a fault of its own: asking again may help."""


@contextmanager
def answers(bucket: str) -> Iterator[None]:
    """Turn whatever a request raises into one sentence.

    Raises:
        NoSuchKey: the object is not there.
        UsageError: the bucket is not there, or the keys are refused.
        NoAnswer: the server cannot be reached, or says something else.
    """
    import urllib3
    from minio.error import MinioException

    try:
        yield
    except (MinioException, ValueError) as error:
        code = _code(error)
        host, _ = endpoint()
        if code in GONE:
            raise NoSuchKey("no such object") from None
        if code in REFUSED:
            raise UsageError(
                f"the keys are refused for bucket {bucket} at {host} ({code}): check AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY and what they may read"
            ) from None
        if code in BUCKET_GONE or isinstance(error, ValueError):
            raise UsageError(
                f"there is no bucket {bucket} at {host} ({code}): check its name and AWS_ENDPOINT_URL"
            ) from None
        raise NoAnswer(f"bucket {bucket} at {host} answers {code}: try again, or look at the server's log") from None
    except urllib3.exceptions.HTTPError as error:
        host, tls = endpoint()
        cause = type(getattr(error, "reason", None) or error).__name__
        raise NoAnswer(
            f"no object store answers at {host} {'with' if tls else 'without'} TLS ({cause}): start it, or correct "
            "AWS_ENDPOINT_URL (http:// for a server without TLS)"
        ) from None


def _code(error: Exception) -> str:
    code = getattr(error, "code", None)
    if isinstance(code, str) and code:
        return code
    found = ERROR_CODE.search(str(error)) or re.search(r"[Rr]esponse code: (\d+)", str(error))
    return found[1] if found else type(error).__name__


def _from_config_file() -> str | None:
    profile = os.environ.get("AWS_PROFILE", "default")
    section = profile if profile == "default" else f"profile {profile}"
    file = Path(os.environ.get("AWS_CONFIG_FILE") or Path.home() / ".aws/config")
    parser = configparser.ConfigParser()
    try:
        parser.read(file, encoding="utf-8")
        return parser.get(section, "endpoint_url", fallback=None)
    except (configparser.Error, UnicodeDecodeError):
        raise UsageError(
            f"{file} is not readable as a file of the AWS tools: correct it, or set AWS_CONFIG_FILE"
        ) from None
