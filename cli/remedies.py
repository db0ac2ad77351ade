"""What a person at the command line can do: services name requests in their remedies, and commands stand for them."""

import re

ID = r"([\w.@-]*\w|\{\w+\}|<[\w-]+>)"
COMMANDS = [
    (re.compile(request), command)
    for request, command in (
        (rf"GET /models/(?:custom|base)/{ID}", r"anneal models show \1"),
        (r"GET /(?:models/(?:custom|available|base)|v1/models)", "anneal models"),
        (rf"DELETE /models/custom/{ID}", r"anneal models delete \1"),
        (rf"POST /models/custom/{ID}/exports", r"anneal export \1"),
        (rf"POST /models/custom/{ID}/(evaluate|reproduce)", r"anneal \2 \1"),
        (r"POST /models/base", "anneal models add"),
        (rf"GET /training/jobs/{ID}/logs", r"anneal logs \1"),
        (rf"POST /training/jobs/{ID}/(cancel|pause|resume)", r"anneal jobs \2 \1"),
        (rf"POST /training/jobs/{ID}/checkpoints/{ID}/model", r"anneal models from-checkpoint \1 \2"),
        (r"POST /training/jobs", "anneal train"),
        (r"POST /training/estimate", "anneal train --estimate"),
        (rf"DELETE /training/presets/{ID}", r"anneal presets delete \1"),
        (r"GET /training/presets", "anneal presets"),
        (r"GET /training/jobs", "anneal jobs"),
        (r"GET /evaluations/judgements", "anneal judgements"),
        (rf"POST /(evaluations|exports)/{ID}/cancel", r"anneal \1 cancel \2"),
        (rf"DELETE /(datasets|exports|deployments)/{ID}", r"anneal \1 delete \2"),
        (rf"GET /(datasets|evaluations|exports|deployments)/{ID}", r"anneal \1 show \2"),
        (r"GET /(datasets|evaluations|exports|deployments)", r"anneal \1"),
        (r"POST /deployments", "anneal deployments create"),
        (rf"GET /aliases/{ID}(?:/candidates)?", r"anneal alias show \1"),
        (r"GET /aliases", "anneal alias list"),
        (r"POST /aliases", "anneal alias create"),
        (r"(?:GET|POST) /feedback", "anneal feedback"),
        (r"GET /auth/keys", "anneal keys"),
        (r"GET /auth/projects", "anneal projects list"),
        (r"GET /events/dead", "anneal events dead"),
        (r"GET /readyz", "anneal status"),
    )
]
INVALID_FIELD = (" and send the request again; /docs lists every field with its limits.", "; --help lists the options.")


def for_commands(text: str) -> str:
    """The text with a command in the place of each request that one stands for."""
    for request, command in COMMANDS:
        text = request.sub(f"`{command}`", text)
    return text.replace("``", "`").replace(*INVALID_FIELD)
