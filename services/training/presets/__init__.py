"""Named hyperparameter settings."""
