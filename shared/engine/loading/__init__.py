"""Safe loading of model folders, and transformers' private APIs in one place."""
