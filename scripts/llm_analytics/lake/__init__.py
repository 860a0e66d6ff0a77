"""The lake: raw tables as Parquet files, in a folder or in S3-compatible storage."""
