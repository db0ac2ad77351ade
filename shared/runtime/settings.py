"""Settings from the environment (`ANNEAL_…`): without any, the embedded platform of a laptop."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of a process. Empty URLs select the embedded adapters in `home`."""

    model_config = SettingsConfigDict(env_prefix="ANNEAL_", populate_by_name=True, extra="ignore")

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
        "dataset=http://…,training=http://…,…",
    )
    host: str = "127.0.0.1"
    tls_proxy: bool = Field(default=False, description="a TLS-terminating proxy stands before the gateway")
    published_on_loopback: bool = Field(
        default=False, description="the container's port is published on its host's loopback address only"
    )
    port: int = Field(default=7860, ge=0, le=65535, description="0 picks a free one")
    allowed_hosts: list[str] = Field(
        default=[], description="accepted Host headers, beside the loopback names and `host`"
    )
    secret: str = Field(default="", description="signs principals between services; empty: generated in home")
    operator_key: str = Field(default="", description="the operator's API key; empty: generated in home")
    metrics_token: SecretStr = Field(
        default=SecretStr(""),
        description="bearer token for the gateway's /metrics, for Prometheus; empty: any API key",
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
    upload_limit: int = Field(default=16 * 2**30, ge=1, description="maximum bytes of an upload")
    token_cache_limit: int = Field(default=20 * 2**30, ge=0, description="maximum bytes of cached tokenized datasets")
    hub_endpoint: str = Field(default="https://huggingface.co", description="Hugging Face Hub for model downloads")
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
        return self.host == "localhost" or ip_address(self.host).is_loopback

    @property
    def directory(self) -> Path:
        """`home`, absolute."""
        return self.home.expanduser().resolve()
