"""Settings from the environment (`ANNEAL_…`): with none set, a laptop's embedded platform."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What a process needs to know. URLs left empty mean the embedded adapter in `home`."""

    model_config = SettingsConfigDict(env_prefix="ANNEAL_", populate_by_name=True, extra="ignore")

    home: Path = Field(default=Path("~/.anneal"), description="data directory of the embedded platform")
    bus_url: str = Field(default="", description="amqp://… or empty for the embedded bus")
    documents_url: str = Field(default="", description="mongodb://… or empty for embedded documents")
    blobs_url: str = Field(default="", description="s3+http(s)://key:secret@host/bucket or empty for files")
    blobs_public_url: str = Field(
        default="",
        description="where clients reach the blob store themselves; empty: downloads come through the gateway",
    )
    services: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        validation_alias=AliasChoices("ANNEAL_SERVICES", "ANNEAL_ROOMS"),
        description="ANNEAL_SERVICES, or ANNEAL_ROOMS as an alias: where the gateway finds the services: "
        "dataset=http://…,training=http://…,…",
    )
    host: str = "127.0.0.1"
    tls_proxy: bool = Field(default=False, description="a proxy that ends TLS stands before the gateway")
    published_on_loopback: bool = Field(
        default=False, description="a container's port, which its host hands on from its own loopback address alone"
    )
    port: int = Field(default=7860, ge=0, le=65535, description="0 picks a free one")
    allowed_hosts: list[str] = Field(
        default=[], description="names this platform answers for, beside the loopback ones and `host`"
    )
    secret: str = Field(default="", description="signs principals between services; empty: made and kept in home")
    operator_key: str = Field(default="", description="the operator's API key; empty: made and kept in home")
    metrics_token: SecretStr = Field(
        default=SecretStr(""),
        description="bearer token that opens the gateway's /metrics, for Prometheus; empty: any key",
    )
    job_slots: int = Field(default=1, ge=1, description="training jobs that may run at once on this machine")
    ray_address: str = Field(
        default="", description="Ray cluster that trains, such as 10.0.0.1:6379 or auto; empty: this machine trains"
    )
    warm_engines: bool = Field(default=True, description="import torch ahead in the forkserver")
    vllm_command: str = Field(
        default="", description="how inference starts vLLM's OpenAI server, options included; empty: transformers serve"
    )
    vllm_engines: int = Field(default=1, ge=1, description="vLLM servers that may run at once, one per base model")
    upload_limit: int = Field(default=16 * 2**30, ge=1, description="bytes of one upload")
    token_cache_limit: int = Field(default=20 * 2**30, ge=0, description="bytes of tokenized datasets to keep")
    hub_endpoint: str = Field(default="https://huggingface.co", description="where model downloads go, when asked for")
    otlp_endpoint: str = Field(default="", description="OTLP/HTTP collector; empty: tracing is silent")

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
        """The services are processes of their own that share servers, and not one data directory."""
        return bool(self.bus_url or self.documents_url)

    @property
    def loopback(self) -> bool:
        """It listens where only this machine can reach it."""
        return self.host == "localhost" or ip_address(self.host).is_loopback

    @property
    def directory(self) -> Path:
        """`home`, absolute."""
        return self.home.expanduser().resolve()
