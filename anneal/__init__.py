"""The Python client of the Anneal platform: `with anneal.Client() as client: client.list_datasets()`.

For chat completions, evals and files use the `openai` package with `base_url=client.url + "/v1"`.
"""

from anneal.client import AsyncClient, Client
from anneal.errors import AnnealError

__all__ = ["AnnealError", "AsyncClient", "Client"]
