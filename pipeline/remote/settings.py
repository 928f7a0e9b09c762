"""How remote inputs are asked for. Nothing here changes what is read."""

from pydantic import Field

from pipeline.frozen import Frozen


class RemoteSettings(Frozen):
    """Rate, retries and time-outs of remote inputs. Credentials and region come from the environment, as everywhere:
    AWS_PROFILE, AWS_ACCESS_KEY_ID…, AWS_DEFAULT_REGION; AWS_ENDPOINT_URL points at another S3 server."""

    anonymous: bool = False
    """Ask S3 without credentials: for public buckets."""
    common_crawl: str = "https://data.commoncrawl.org/"
    """Where crawl ids and the relative entries of path lists are looked up; inside AWS `s3://commoncrawl/`."""
    requests_per_s: float | None = Field(default=None, gt=0)
    """Most requests per second of one task; null: as many as come. All tasks together send `tasks` times as many."""
    bytes_per_s: int | None = Field(default=None, ge=1024)
    """Most bytes per second of one task; null: as many as come."""
    block_bytes: int = Field(default=8 << 20, ge=4 << 10, le=256 << 20)
    """Bytes asked for at a time; a task holds two blocks."""
    tries: int = Field(default=10, ge=1, le=100)
    """Times that a request is sent before the stage fails; two minutes of waiting on average."""
    max_wait_s: float = Field(default=60.0, gt=0)
    """Longest wait between two tries. The n-th wait is drawn evenly from 0 to min(`max_wait_s`, 2ⁿ⁻¹ seconds)."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    """Longest wait for a connection."""
    read_timeout_s: float = Field(default=60.0, gt=0)
    """Longest silence of a connection."""
    probes: int = Field(default=16, ge=1, le=256)
    """Files whose size and ETag are asked for at the same time, before the build."""
