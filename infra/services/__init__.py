"""The servers behind a place to work from: Prefect server, its worker and MLflow, kept alive by one keeper process."""
