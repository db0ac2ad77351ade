"""Import of datasets by reference: from the Hugging Face Hub, an object store or a web address."""
