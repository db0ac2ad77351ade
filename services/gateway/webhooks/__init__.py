"""Webhooks: domain events as signed HTTP requests to a project's receivers, with retries, a log and replay."""
