"""Settings from the environment (`ANNEAL_…`): without any, the embedded platform of a laptop."""

import difflib
import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

import structlog
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from shared.runtime.errors import Misconfigured
from shared.runtime.http.principal import ProjectName
from shared.runtime.limits import KeyLimits, ProjectLimits

PREFIX = "ANNEAL_"
READ_ELSEWHERE = frozenset(
    ("ANNEAL_URL", "ANNEAL_API_KEY", "ANNEAL_PROFILE", "ANNEAL_SERVERS_VENV", "ANNEAL_WEB_HOME", "ANNEAL_SMOLLM2")
)
"""Names that the command line and the tests read, as they do those that begin with ANNEAL_TEST_ or ANNEAL_BENCH_."""

log = structlog.get_logger(__name__)


def is_loopback(host: str) -> bool:
    """Whether a host is a loopback address, or localhost. False for any other name."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    """Settings of a process. Empty URLs select the embedded adapters in `home`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, populate_by_name=True, extra="ignore")

    home: Path = Field(default=Path("~/.anneal"), description="data directory of the embedded platform")
    bus_url: str = Field(default="", description="amqp://… or empty for the embedded bus")
    documents_url: str = Field(default="", description="mongodb://… or empty for embedded documents")
    blobs_url: str = Field(default="", description="s3+http(s)://key:secret@host/bucket or empty for files")
    blobs_public_url: str = Field(
        default="",
        description="the blob store's address for clients; empty: downloads go through the gateway",
    )
    services: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        validation_alias=AliasChoices("ANNEAL_SERVICES", "ANNEAL_ROOMS"),
        description="ANNEAL_SERVICES, or ANNEAL_ROOMS as an alias: where the gateway finds the services: "
        "dataset=http://…,training=http://…,…, and evaluation and dataset find inference",
    )
    host: str = "127.0.0.1"
    access_log_limit: int = Field(
        default=256 * 2**20,
        ge=2**20,
        description="maximum bytes of logs/access.log with its older files in home, and of anneal.log with its own",
    )
    trusted_proxies: list[str] = Field(
        default=[],
        examples=['["10.0.0.0/8"]'],
        description="addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; "
        "empty: 127.0.0.1 with ANNEAL_TLS_PROXY, else none",
    )
    connections_per_address: int = Field(
        default=0,
        ge=0,
        description="maximum open connections to the gateway from one address that is no trusted proxy; 0: half of all",
    )
    audit_days: int = Field(default=0, ge=0, description="days that lines of the audit log are kept; 0: without limit")
    tls_proxy: bool = Field(default=False, description="a TLS-terminating proxy stands before the gateway")
    published_on_loopback: bool = Field(
        default=False, description="the container's port is published on its host's loopback address only"
    )
    port: int = Field(default=7860, ge=0, le=65535, description="0 picks a free one")
    allowed_hosts: list[str] = Field(
        default=[],
        examples=['["anneal.intranet"]'],
        description="accepted Host headers, beside the loopback names and `host`",
    )
    secret: str = Field(
        default="",
        description="signs principals between services and encrypts callers' secrets; empty: generated in home",
    )
    secret_previous: str = Field(
        default="", description="the secret before, while it is replaced: still accepted, never used for new data"
    )
    operator_key: str = Field(default="", description="the operator's API key; empty: generated in home")
    metrics_token: SecretStr = Field(
        default=SecretStr(""),
        description="bearer token for the gateway's /metrics, for Prometheus; empty: any API key",
    )
    public_url: str = Field(
        default="", description="the platform's address in browsers, https://…; empty: as the request names it"
    )
    oidc_issuer: str = Field(
        default="", description="OpenID Connect provider that signs users in, https://…; empty: sign-in links only"
    )
    oidc_client_id: str = Field(default="", description="the platform's client id at that provider")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="its client secret; empty: a public client, with PKCE alone"
    )
    oidc_scopes: str = Field(default="openid profile email", description="scopes that a sign-in requests")
    oidc_groups_claim: str = Field(default="groups", description="claim of the ID token that lists a user's groups")
    oidc_roles: dict[str, dict[ProjectName, Literal["viewer", "member", "admin"]]] = Field(
        default={}, examples=['{"ml-team": {"default": "member"}}'], description="roles by group and project, as JSON"
    )
    session_idle_hours: float = Field(
        default=24, gt=0, le=720, description="a browser session ends after so many hours without a request"
    )
    checkpoint_days: float = Field(
        default=7, ge=0, le=3650, description="days that the checkpoints of an ended job can be published as models"
    )
    response_days: float = Field(
        default=30, gt=0, le=3650, description="days that stored answers without feedback are kept"
    )
    job_slots: int = Field(default=1, ge=1, description="maximum concurrent training jobs on this machine")
    ray_address: str = Field(
        default="", description="Ray cluster for training, such as 10.0.0.1:6379 or auto; empty: train on this machine"
    )
    warm_engines: bool = Field(default=True, description="import torch ahead in the forkserver")
    vllm_command: str = Field(
        default="", description="command that starts vLLM's OpenAI server, with options; empty: serve with transformers"
    )
    vllm_engines: int = Field(default=1, ge=1, description="maximum concurrent vLLM servers, one per base model")
    llama_cpp_python: str = Field(
        default="",
        description="Python of an environment with xllamacpp (`make llama-cpp`), which verifies GGUF exports and "
        "makes k-quants; empty: exports stay unverified, and k-quants are refused",
    )
    python_graders: bool = Field(
        default=False, description="evals may have graders that run a tenant's Python, confined; docs/guides/evals.md"
    )
    engine_memory_limit: int = Field(
        default=0, ge=0, description="maximum bytes that one engine process allocates; 0: 90% of the machine's memory"
    )
    engine_file_limit: int = Field(
        default=256 * 2**30, ge=1, description="maximum bytes of a file that an engine writes"
    )
    upload_limit: int = Field(default=16 * 2**30, ge=1, description="maximum bytes of an upload")
    json_limit: int = Field(default=2**20, ge=1, description="maximum bytes of a JSON body")
    completion_limit: int = Field(default=8 * 2**20, ge=1, description="maximum bytes of the body of a completion")
    key_limits: KeyLimits = Field(
        default=KeyLimits(),
        examples=['{"requests_per_minute": 600}'],
        description="limits of every key without its own, as JSON",
    )
    project_limits: ProjectLimits = Field(
        default=ProjectLimits(),
        examples=['{"queued_jobs": 20}'],
        description="limits of every project without its own, as JSON",
    )
    token_cache_limit: int = Field(default=20 * 2**30, ge=0, description="maximum bytes of cached tokenized datasets")
    download_cache_limit: int = Field(
        default=100 * 2**30, ge=0, description="maximum bytes that a process caches of an object store"
    )
    hub_endpoint: str = Field(
        default="https://huggingface.co",
        validation_alias=AliasChoices("ANNEAL_HUB_ENDPOINT", "HF_ENDPOINT"),
        description="ANNEAL_HUB_ENDPOINT, or HF_ENDPOINT: the Hugging Face Hub for downloads of models and datasets",
    )
    import_hosts: list[str] = Field(
        default=[],
        examples=['["files.intranet", "minio.intranet:9000"]'],
        description="hosts that imports and downloads of models may read although their address is private, also by "
        "http",
    )
    outbound_hosts: list[str] = Field(
        default=[],
        examples=['["huggingface.co", "*.hf.co", "hooks.example.org"]'],
        description="the only public hosts that imports, model downloads, webhooks and judges connect to; empty: any",
    )
    webhook_hosts: list[str] = Field(
        default=[],
        description="hosts of webhooks that are reached although their address is private, also by http: "
        '["hooks.intranet", "10.0.0.5:8080"]',
    )
    judge_hosts: list[str] = Field(
        default=[],
        examples=['["llm.intranet", "10.0.0.5:8000"]'],
        description="hosts of judges' endpoints that are reached although their address is private, also by http",
    )
    otlp_endpoint: str = Field(default="", description="OTLP/HTTP collector; empty: no traces are exported")

    @field_validator("services", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """`name=url,name=url` as a mapping."""
        if not isinstance(value, str):
            return value
        pairs = (pair.partition("=") for pair in value.split(",") if pair.strip())
        return {name.strip(): url.strip().rstrip("/") for name, _, url in pairs}

    @property
    def distributed(self) -> bool:
        """Whether the services are separate processes that share servers instead of one data directory."""
        return bool(self.bus_url or self.documents_url)

    @property
    def loopback(self) -> bool:
        """Whether it listens on a loopback address."""
        return is_loopback(self.host)

    @property
    def directory(self) -> Path:
        """`home`, absolute."""
        return self.home.expanduser().resolve()


def load_settings(**given: Any) -> Settings:
    """Settings from `given` and the environment; a warning names each unknown variable. Raises Misconfigured."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {"ANNEAL_ROOMS"}
    for name in sorted(os.environ):
        is_ours = name.startswith(PREFIX) and not name.startswith(("ANNEAL_TEST_", "ANNEAL_BENCH_"))
        if is_ours and name not in known | READ_ELSEWHERE:
            nearest = difflib.get_close_matches(name, known, n=1)
            log.warning("unknown_setting", name=name, did_you_mean=nearest[0] if nearest else None)
    try:
        return Settings(**given)
    except SettingsError as error:  # its text quotes the field
        name = next(found for found in re.findall(r'"(\w+)"', str(error)) if found in Settings.model_fields)
        variable = f"{PREFIX}{name.upper()}"
        remedy = f"Write it so: {variable}='{(Settings.model_fields[name].examples or [''])[0]}'"
        raise Misconfigured(f"{variable} is not JSON: {error.__cause__}.", field=name, remedy=remedy) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        variable = name if name.startswith(PREFIX) else f"{PREFIX}{name.upper()}"
        remedy = "docs/guides/distributed.md lists the settings."
        raise Misconfigured(f"{variable}: {first['msg']}.", field=name, remedy=remedy) from error
