"""From conversations to token ids: chat templates, tokenizers, batch encoding."""
