"""OpenAI's evals and graders APIs: their requests, their views, and the routes."""
