"""What is asked of a bucket, and S3's own: whole objects, and large ones in parts that a broken upload has not to send
again."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import md5
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from trackway.storage.port import StoreUnavailable

PART: Final = 8 * 2**20
"""Bytes of a part; S3 wants 5 MiB at least, but for the last one."""

R = TypeVar("R")
_AWAY: Final = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling", "503", "500"}


class ArchiveUnavailable(StoreUnavailable):
    """The bucket cannot be reached, or is busy beyond its client's patience; try again."""


class UnusableArchive(ValueError):
    """An address that cannot be an archive's, or what its use needs is not installed; says which."""


class Bucket(Protocol):
    """Objects by key. Every call raises ArchiveUnavailable when trying again later may help."""

    async def put(self, key: str, content: bytes) -> None:
        """Keep a small object, in the place of what is there."""
        ...

    async def put_file(self, key: str, file: Path) -> None:
        """Keep a file of any size; parts that an upload of the same file has sent before are not sent again."""
        ...

    async def get(self, key: str) -> bytes | None:
        """A small object; None when there is none."""
        ...

    async def fetch(self, key: str, file: Path) -> bool:
        """Write an object of any size into a file; False when there is none."""
        ...

    async def size(self, key: str) -> int | None:
        """Its bytes; None when there is none."""
        ...

    async def keys(self, prefix: str) -> list[str]:
        """Those that begin so, in their order."""
        ...


def open_bucket(address: str) -> Bucket:
    """The bucket at ``s3://name/prefix``; its server, region and credentials are found as boto3 finds them
    (``AWS_ENDPOINT_URL``, ``AWS_REGION``, ``AWS_ACCESS_KEY_ID``, a profile, the machine's role). Raises
    UnusableArchive."""
    scheme, _, rest = address.partition("://")
    name, _, prefix = rest.partition("/")
    if scheme != "s3" or not name:
        raise UnusableArchive(f"archive address {address!r} is not served; use s3://bucket or s3://bucket/prefix")
    try:
        import_module("boto3")
    except ImportError:
        raise UnusableArchive("an archive in S3 needs boto3: pip install 'trackway[s3]'") from None
    return S3Bucket(name, prefix.strip("/"))


class S3Bucket:
    """``Bucket`` under a prefix of an S3 bucket. boto3 waits in threads of its own."""

    def __init__(self, name: str, prefix: str = "", part: int = PART) -> None:
        self._name = name
        self._prefix = f"{prefix}/" if prefix else ""
        self._part = part
        self._client: Any = None

    async def put(self, key: str, content: bytes) -> None:
        await self._run(lambda s3: s3.put_object(**self._at(key), Body=content))

    async def put_file(self, key: str, file: Path) -> None:
        await self._run(lambda s3: self._upload(s3, key, file))

    async def get(self, key: str) -> bytes | None:
        def read(s3: Any) -> bytes | None:
            answer = _or_none(partial(s3.get_object, **self._at(key)))
            return None if answer is None else answer["Body"].read()

        return await self._run(read)

    async def fetch(self, key: str, file: Path) -> bool:
        def write(s3: Any) -> bool:
            answer = _or_none(partial(s3.get_object, **self._at(key)))
            return answer is not None and _write(answer["Body"], file)

        return await self._run(write)

    async def size(self, key: str) -> int | None:
        def measure(s3: Any) -> int | None:
            answer = _or_none(partial(s3.head_object, **self._at(key)))
            return None if answer is None else answer["ContentLength"]

        return await self._run(measure)

    async def keys(self, prefix: str) -> list[str]:
        def listed(s3: Any) -> list[str]:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=self._prefix + prefix)
            return [entry["Key"].removeprefix(self._prefix) for page in pages for entry in page.get("Contents", ())]

        return await self._run(listed)

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._name, "Key": self._prefix + key}

    def _upload(self, s3: Any, key: str, file: Path) -> None:
        if file.stat().st_size <= self._part:
            s3.put_object(**self._at(key), Body=file.read_bytes())
            return
        upload = self._begun(s3, key) or s3.create_multipart_upload(**self._at(key))["UploadId"]
        own = {**self._at(key), "UploadId": upload}
        there = self._parts(s3, own)
        parts: list[dict[str, object]] = []
        for number, content in enumerate(self._contents(file), 1):
            etag = f'"{md5(content, usedforsecurity=False).hexdigest()}"'  # what S3 calls a part that it has
            if there.get(number) != etag:
                etag = s3.upload_part(**own, PartNumber=number, Body=content)["ETag"]
            parts.append({"PartNumber": number, "ETag": etag})
        s3.complete_multipart_upload(**own, MultipartUpload={"Parts": parts})

    def _begun(self, s3: Any, key: str) -> str | None:
        """An upload of the key that was broken off."""
        found = s3.list_multipart_uploads(Bucket=self._name, Prefix=self._prefix + key).get("Uploads", ())
        return next((each["UploadId"] for each in found if each["Key"] == self._prefix + key), None)

    def _parts(self, s3: Any, own: dict[str, str]) -> dict[int, str]:
        pages = s3.get_paginator("list_parts").paginate(**own)
        return {each["PartNumber"]: each["ETag"] for page in pages for each in page.get("Parts", ())}

    def _contents(self, file: Path) -> Iterator[bytes]:
        with file.open("rb") as opened:
            while content := opened.read(self._part):
                yield content

    async def _run(self, work: Callable[[Any], R]) -> R:
        return await asyncio.to_thread(self._explained, work)

    def _explained(self, work: Callable[[Any], R]) -> R:
        errors: Any = import_module("botocore.exceptions")
        try:
            if self._client is None:
                self._client = _client()
            return work(self._client)
        except errors.ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _AWAY:
                raise ArchiveUnavailable(f"the archive s3://{self._name} is busy ({code})") from error
            raise ArchiveUnavailable(f"the archive s3://{self._name} refuses us ({error})") from error
        except errors.BotoCoreError as error:  # no connection, no answer, no credentials
            raise ArchiveUnavailable(f"the archive s3://{self._name} cannot be reached ({error})") from error


def _client() -> Any:
    config: Any = import_module("botocore.config")
    patience = config.Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": 3})
    return import_module("boto3").session.Session().client("s3", config=patience)


def _or_none(ask: Callable[[], R]) -> R | None:
    errors: Any = import_module("botocore.exceptions")
    try:
        return ask()
    except errors.ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
            return None
        raise


def _write(body: Any, file: Path) -> bool:
    with file.open("wb") as opened:
        for chunk in body.iter_chunks(2**20):
            opened.write(chunk)
    return True
