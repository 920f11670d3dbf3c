"""The report of an evaluation: report.json, queries.parquet and report.html."""
