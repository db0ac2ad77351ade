"""From conversations to token ids: chat templates, tokenizers and batch encoding."""
