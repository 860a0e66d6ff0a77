"""Where the files of a lake are: a local folder, or a bucket of S3-compatible storage."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import duckdb

from llm_analytics.errors import LlmAnalyticsError
from llm_analytics.files import to_disk
from llm_analytics.loading.fast_lane import quote_text

_EXTRA = "a lake in S3 needs the extra `lake`: pip install 'llm-analytics[lake]'"
#: What S3 answers where a file is there already, or another write of it is under way.
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")


class Storage(Protocol):
    """Files by their paths inside of the lake; none is ever changed."""

    @property
    def location(self) -> str:
        """The folder or URL, without a slash at its end."""

    def open_for(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Lets a connection of DuckDB read the files."""

    def lock(self) -> bool:
        """Waits until no other load writes; False where the storage cannot tell."""

    def unlock(self) -> None:
        """Lets the next load begin."""

    def names(self, folder: str) -> list[str]:
        """Paths of all files below a folder of the lake, sorted."""

    def put(self, file: Path, name: str) -> None:
        """Moves a local file into the lake."""

    def put_new(self, file: Path, name: str) -> bool:
        """The same in one atomic step; False, with nothing changed, if the name is taken."""

    def remove(self, name: str) -> None:
        """Takes a file away."""


def find_storage(location: str) -> Storage:
    """The storage that a folder's path or an s3:// URL names. Raises LlmAnalyticsError."""
    scheme = urlsplit(location).scheme
    if scheme == "s3":
        return Bucket(location)
    if "://" in location:
        raise LlmAnalyticsError(f"a lake is a folder or an s3:// URL, not {scheme}://")
    return Folder(location)


class Folder:
    """A folder of this machine. One load writes at a time; others wait."""

    def __init__(self, location: str) -> None:
        self._root = Path(location).absolute()
        # Beside the tables: no reader looks there.
        self._writing = self._root / ".writing"
        if not self._root.parent.is_dir():
            raise LlmAnalyticsError(f"no such folder: {self._root.parent}")
        if self._root.exists() and not self._root.is_dir():
            raise LlmAnalyticsError(f"a lake is a folder, and {location} is a file")
        self._lock: int | None = None

    @property
    def location(self) -> str:
        """The absolute path."""
        return str(self._root)

    def open_for(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the folder: to read it, DuckDB needs nothing."""
        self._root.mkdir(exist_ok=True)
        self._writing.mkdir(exist_ok=True)

    def lock(self) -> bool:
        """Wait for the lock on a file beside the tables; it goes with the process."""
        self._lock = os.open(self._root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # What a load that was killed has left half-written.
        for path in self._writing.iterdir():
            path.unlink()
        return True

    def unlock(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def names(self, folder: str) -> list[str]:
        """List the files."""
        found = (self._root / folder).rglob("*")
        return sorted(str(path.relative_to(self._root)) for path in found if path.is_file())

    def put(self, file: Path, name: str) -> None:
        """Move the file, and wait until the disk has it."""
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # It may come from another disk, and be copied; the last step is a rename.
        written = self._writing / target.name
        shutil.move(file, written)
        to_disk(written)
        written.rename(target)
        folder = target.parent
        while folder != self._root.parent:
            to_disk(folder)
            folder = folder.parent

    def put_new(self, file: Path, name: str) -> bool:
        """Move the file; the lock is held, so that no other takes the name meanwhile."""
        if (self._root / name).exists():
            return False
        self.put(file, name)
        return True

    def remove(self, name: str) -> None:
        """Unlink the file, and the folders that it leaves empty."""
        path = self._root / name
        path.unlink()
        with suppress(OSError):
            path.parent.rmdir()


class Bucket:
    """A prefix of a bucket, under the settings of the environment that all tools for S3 know.

    Nothing waits: of two loads at one time, the one that is done first is kept.
    """

    def __init__(self, location: str) -> None:
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise LlmAnalyticsError(_EXTRA) from error
        url = urlsplit(location)
        if not url.netloc:
            raise LlmAnalyticsError(f"no bucket in {location!r}; a lake is s3://bucket/prefix")
        self._bucket = url.netloc
        self._prefix = url.path.strip("/")
        self._session = boto3.session.Session()
        self._client = self._session.client(
            "s3", config=Config(connect_timeout=10, retries={"total_max_attempts": 3})
        )

    @property
    def location(self) -> str:
        """The URL."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def open_for(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Load the extension that reads S3, and tell it the keys that the environment names."""
        try:
            from duckdb_extensions import import_extension
        except ImportError as error:
            raise LlmAnalyticsError(_EXTRA) from error
        import_extension("httpfs", con=connection)
        connection.execute("load httpfs")
        keys = self._session.get_credentials()
        if keys is None:
            raise LlmAnalyticsError(f"{self.location}: no credentials, see AWS_ACCESS_KEY_ID")
        frozen = keys.get_frozen_credentials()
        endpoint = urlsplit(self._client.meta.endpoint_url)
        settings = {
            "key_id": frozen.access_key,
            "secret": frozen.secret_key,
            "session_token": frozen.token or "",
            "region": self._client.meta.region_name or "us-east-1",
            "endpoint": endpoint.netloc,
            # Amazon has a host for each bucket, and others need not.
            "url_style": "vhost" if endpoint.netloc.endswith(".amazonaws.com") else "path",
            "use_ssl": "true" if endpoint.scheme == "https" else "false",
        }
        given = ", ".join(f"{name} {quote_text(value)}" for name, value in settings.items())
        connection.execute(
            f"create or replace secret lake (type s3, scope {quote_text(self.location)}, {given})"
        )

    def lock(self) -> bool:
        """Do nothing: the last step of a load fails where another was faster."""
        return False

    def unlock(self) -> None:
        """Do nothing."""

    def names(self, folder: str) -> list[str]:
        """List the objects."""
        start = len(self._key(""))
        pages = self._client.get_paginator("list_objects_v2")
        try:
            return sorted(
                item["Key"][start:]
                for page in pages.paginate(Bucket=self._bucket, Prefix=self._key(folder) + "/")
                for item in page.get("Contents", ())
            )
        except Exception as error:
            raise self._explain(error) from error

    def put(self, file: Path, name: str) -> None:
        """Upload the file, in parts if it is large."""
        try:
            self._client.upload_file(str(file), self._bucket, self._key(name))
        except Exception as error:
            raise self._explain(error) from error
        file.unlink()

    def put_new(self, file: Path, name: str) -> bool:
        """Upload the file on the condition that there is none."""
        from botocore.exceptions import ClientError

        try:
            self._client.put_object(
                Bucket=self._bucket, Key=self._key(name), Body=file.read_bytes(), IfNoneMatch="*"
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _TAKEN:
                return self._is_ours(file, name)
            raise self._explain(error) from error
        except Exception as error:
            raise self._explain(error) from error
        return True

    def remove(self, name: str) -> None:
        """Delete the object."""
        self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def _is_ours(self, file: Path, name: str) -> bool:
        """Was it this load that wrote the file, at a first try whose answer was lost?"""
        there: Any = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
        return bool(there["Body"].read() == file.read_bytes())

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _explain(self, error: Exception) -> LlmAnalyticsError:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return LlmAnalyticsError(f"{self.location}: {line}")
